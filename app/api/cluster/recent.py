"""The last hour of a worker's own partitions, in memory: for the board's chart, where there is no Prometheus.

A sample every :data:`STEP` seconds, the newest :data:`KEPT` of them: 3,600 s / 15 s = 240. A sample is a model of five
numbers, about 1 KB in Python, so all are 240 KB a worker, however many batches there are. Nothing is stored: a worker
that starts has none.
Samples are numbered by the broker's clock, so that those of all workers lie upon each other and can be added up.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from agents.processor import JoinProcessor
from app.api.cluster.peer_models import LocalRecent, LocalSample
from app.api.present.models import Recent, Sample
from app.core import names
from app.engine.task_manager import TaskManager
from app.history.times import iso
from app.metrics.counted import OUTPUTS
from app.standing import standing

STEP = 15
KEPT = 240


class RecentHour:
    """The samples of this worker. :meth:`run` takes them until it is cancelled."""

    def __init__(self, engine: TaskManager[JoinProcessor]) -> None:
        self._engine = engine
        self._samples: deque[LocalSample] = deque(maxlen=KEPT)
        self._ready_before = _ready()

    async def run(self) -> None:
        """Take a sample each step."""
        while True:
            await asyncio.sleep(STEP - (self._engine.clock.now() / 1000) % STEP)
            self.take()

    def take(self) -> None:
        """Take a sample, unless this step has one."""
        number = self._engine.clock.now() // (STEP * 1000)
        if self._samples and self._samples[-1].number >= number:
            return
        ready, found = _ready(), standing(self._engine)
        self._samples.append(
            LocalSample(
                number=number,
                ready=max(0, ready - self._ready_before),
                stuck=found.stuck,
                pending_uploads=found.pending_uploads,
                lag=sum(self._engine.lags().values()),
            )
        )
        self._ready_before = ready

    def told(self) -> LocalRecent:
        """The samples, the oldest first."""
        return LocalRecent(samples=list(self._samples))


def _ready() -> int:
    """How many batches have become ready in this process."""
    (counted,) = OUTPUTS.labels(names.READY).collect()
    return round(counted.samples[0].value)


def recent_of(parts: Iterable[LocalRecent], missing: Iterable[str], now: int) -> Recent:
    """The samples of all workers, added up by step, of the hour before ``now`` (ms). Pure."""
    last = now // (STEP * 1000)
    sums: dict[int, list[int]] = {}
    for part in parts:
        for sample in part.samples:
            if last - KEPT < sample.number <= last:
                so_far = sums.setdefault(sample.number, [0, 0, 0, 0])
                for place, value in enumerate((sample.ready, sample.stuck, sample.pending_uploads, sample.lag)):
                    so_far[place] += value
    return Recent(
        time=iso(now),
        step_seconds=STEP,
        samples=[
            Sample(time=iso(number * STEP * 1000), ready=ready, stuck=stuck, pending_uploads=pending, lag=lag)
            for number, (ready, stuck, pending, lag) in sorted(sums.items())
        ],
        missing=sorted(missing),
    )
