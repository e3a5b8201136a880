"""Cells that measure something else than a backlog: a restore, and latency under a trickle."""

import asyncio
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aiokafka import AIOKafkaProducer

from bench import reading, trial
from bench.cells import Cell
from bench.contestants import Raw
from bench.process import ContestantError, cpu_seconds
from bench.stage import Stage
from bench.statistics import percentile
from bench.topics import ECHO
from bench.trial import Measured, Phase, Running
from bench.workload import Event, Part

_RESTORE_SECONDS = 600.0
_EVENTS_PER_SECOND = 50
_LEAST_SECONDS = 0.001


class Restore(Cell):
    """Rollcall's restore of a wiped state, against a consumer that reads the same changelog and does nothing."""

    async def measure(self, stage: Stage) -> Measured:
        """Fill, stop, wipe, start again."""
        return await trial.run(stage, self.contestant, self.phases, at_end=self._restore)

    async def _restore(self, running: Running) -> None:
        topic = self.changelog(running)
        running.processes.pop().stop()
        shutil.rmtree(running.site.home / "worker-0")
        raw = await self._raw(running, topic)
        with trial.start(running) as process:
            await trial.ready(process, _RESTORE_SECONDS)
            until_ready, used = time.monotonic() - process.started, cpu_seconds(process.pid)
            restored = _rows_per_second(process.log, "state restored")
            process.stop()
        running.measured |= {
            "restore.rows_per_second": restored,
            "restore.start_to_ready_seconds": until_ready,
            "restore.start_to_ready_cpu_seconds": used,
            "raw.rows_per_second": raw,
        }

    async def _raw(self, running: Running, topic: str) -> float:
        """Rows a second of a plain read, in a process of its own, from its first fetch on."""
        stage = running.stage
        total = sum((await reading.ends(stage.bootstrap, topic, stage.partitions)).values())
        home = running.site.home / "raw"
        home.mkdir()
        raw = replace(running, contestant=Raw(topic), site=replace(running.site, home=home, counts=(total,)))
        running.watcher.expect(["raw-0"])
        with trial.start(raw) as process:
            await running.watcher.wait([process])
            rate = _rows_per_second(process.log, "read")
            process.stop()
        return rate


def _rows_per_second(log: Path, event: str) -> float:
    """The rate that the last line of a JSON log tells about this event. Raises ContestantError if there is none."""
    for line in reversed(log.read_text("utf-8", "replace").splitlines()):
        if f'"{event}"' in line:
            line_values = json.loads(line)
            return float(line_values["records"]) / max(float(line_values["seconds"]), _LEAST_SECONDS)
    message = f"{log} does not say {event!r}"
    raise ContestantError(message)


class Latency(Cell):
    """From the send of a batch's last content to its ready event, at 50 events/s; and a bare round trip beside it."""

    def __init__(self, name: str, contestant: str, phases: Sequence[Phase], live: Part) -> None:
        super().__init__(name, contestant, phases)
        self._live = live

    async def measure(self, stage: Stage) -> Measured:
        """Warm up, then send at a fixed pace."""
        return await trial.run(stage, self.contestant, self.phases, at_end=self._trickle)

    async def _trickle(self, running: Running) -> None:
        events, expected = list(self._live.events()), self._live.expected()
        echoes = [
            Event(ECHO, n % running.stage.partitions, b"echo-%d" % n, event.value) for n, event in enumerate(events)
        ]
        sent = {event.key: moment for event, moment in await self._send(running, echoes)}
        await running.watcher.wait(running.processes)
        bare = [running.watcher.arrived[key] - moment for key, moment in sent.items()]

        running.expected |= expected
        running.watcher.expect(batch for batch, outcome in expected.items() if outcome.ready)
        last: dict[bytes, tuple[float, bool]] = {}
        for event, moment in await self._send(running, events):
            data = json.loads(event.value)["data"]
            last[data["entity_id"].encode()] = moment, "essay_ids" not in data
        await running.watcher.wait(running.processes)
        waited = [running.watcher.arrived[batch] - moment for batch, (moment, content) in last.items() if content]
        for name, values in (("bare", bare), ("ready", waited)):
            for percent in (50, 99):
                running.measured[f"{name}.p{percent}_ms"] = percentile(values, percent) * 1000
        running.measured["ready.samples"] = len(waited)

    async def _send(self, running: Running, events: Sequence[Event]) -> list[tuple[Event, float]]:
        """Send at the pace; returns when each was handed over. Echoes are expected here, batches by the caller."""
        running.watcher.expect(event.key.decode() for event in events if event.topic == ECHO)
        producer = AIOKafkaProducer(bootstrap_servers=running.stage.bootstrap, acks=1)
        await producer.start()
        try:
            sent, acknowledged, begun = [], [], time.monotonic()
            for number, event in enumerate(events):
                await asyncio.sleep(max(0.0, begun + number / _EVENTS_PER_SECOND - time.monotonic()))
                sent.append((event, time.monotonic()))
                acknowledged.append(await producer.send(event.topic, event.value, event.key, event.partition))
            await asyncio.gather(*acknowledged)
        finally:
            await producer.stop()
        return sent
