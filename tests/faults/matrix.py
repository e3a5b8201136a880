"""One run of the matrix: a guarantee, a schedule of faults, three workers, and the oracle at the end."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from demo.kafka import EmbeddedKafka
from tests.faults.faults import FAULTS, Cast
from tests.faults.workload import Workload
from tests.oracle import InputRecord, judge, topics
from tests.oracle.records import OutputRecord
from tests.support.kafka_io import MAX_REQUEST, KafkaIO
from tests.support.play import await_outputs
from tests.support.stage import PARTITIONS, Stage

APP = "rollcall"


@dataclass
class Result:
    """What a run saw. All counts are of the whole run; ``repeated`` is what a read-committed consumer sees."""

    guarantee: str
    rounds: Counter[str] = field(default_factory=Counter)
    inputs: int = 0
    outputs: int = 0
    lost: int = 0
    wrong: int = 0
    repeated: int = 0
    conflicting: int = 0
    state_wrong: int = 0
    ended_after_pause: int = 0
    seconds: float = 0
    back: list[float] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether the promises hold: nothing lost or wrong, and with exactly once nothing repeated."""
        repeats = self.repeated if self.guarantee == "exactly_once" else 0
        return not (self.lost or self.wrong or self.conflicting or self.state_wrong or repeats)

    def as_json(self) -> dict[str, object]:
        """The result for a file."""
        # A Counter is no mapping to asdict: it makes one of pairs.
        return asdict(replace(self, rounds=Counter())) | {"rounds": dict(self.rounds), "right": self.right}


class _IO(KafkaIO):
    """A client whose inputs arrive once, also over a restart of the broker: a duplicate would be an input too many."""

    async def _start(self) -> tuple[AIOKafkaProducer, AIOKafkaAdminClient]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, enable_idempotence=True, max_request_size=MAX_REQUEST, linger_ms=2
        )
        await producer.start()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        return producer, admin


class _Stage(Stage):
    """A stage whose broker allows short sessions, so that a round need not wait long for a worker to be missed."""

    def __init__(self, home: Path, settings: dict[str, str]) -> None:
        super().__init__(home, settings=settings)
        self.kafka = EmbeddedKafka(data_dir=home / "kafka", config={"group.min.session.timeout.ms": "1000"})

    def __enter__(self) -> Self:
        self.kafka.start()
        self.io = _IO(self.kafka.bootstrap).__enter__()
        self.io.create_topics(PARTITIONS)
        return self


def run(  # noqa: PLR0913 - each is an option of the command
    guarantee: str,
    schedule: Sequence[str],
    *,
    home: Path,
    seed: int = 1,
    batches: int = 30,
    session_seconds: float = 2,
    until: float | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """Play the schedule and judge it. ``until`` (monotonic) ends it early, after a whole round.

    A fault is counted only when work is left as it strikes: inputs that are still being sent, or are not yet
    committed.
    """
    result = Result(guarantee)
    chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
    settings = {"ROLLCALL_PROCESSING_GUARANTEE": guarantee, "ROLLCALL_SESSION_TIMEOUT_SECONDS": str(session_seconds)}
    began = time.monotonic()
    with _Stage(home, settings) as stage:
        workers = [stage.worker() for _ in range(3)]
        for worker in workers:
            worker.launch()
        cast = Cast(stage, workers, chance, session_seconds)
        cast.ready()
        workload = Workload(seed, batches)
        inputs: list[InputRecord] = []
        for number, name in enumerate(schedule):
            if until is not None and time.monotonic() > until:
                break
            left = _round(cast, workload, inputs, name, result)
            say(
                f"{guarantee} {number + 1}/{len(schedule)} {name}: back in {result.back[-1]:.1f} s"
                + ("" if left else " (no work was left: not counted)")
            )
        inputs += stage.io.produce(workload.rest())
        _judge(cast, workload, inputs, result)
        result.ended_after_pause = cast.ended_after_pause
    result.seconds = round(time.monotonic() - began, 1)
    return result


def _round(cast: Cast, workload: Workload, inputs: list[InputRecord], name: str, result: Result) -> bool:
    """Send, strike while it is being worked on, wait until all workers are back. Whether work was left."""
    sent: list[InputRecord] = []
    messages = workload.next()
    sender = threading.Thread(target=lambda: sent.extend(cast.stage.io.produce(messages)))
    sender.start()
    time.sleep(cast.chance.random() * 0.4)
    left = sender.is_alive() or _uncommitted(cast.stage)
    began = time.monotonic()
    FAULTS[name](cast)
    sender.join()
    cast.ready()
    result.back.append(round(time.monotonic() - began, 2))
    inputs.extend(sent)
    assert len(sent) == len(messages), "the client could not send all inputs of the round"
    if left:
        result.rounds[name] += 1
    return left


def _uncommitted(stage: Stage) -> bool:
    committed = stage.io.committed(APP)
    return any(committed.get(place, 0) < end for place, end in stage.io.ends(topics.INPUTS).items())


def _judge(cast: Cast, workload: Workload, inputs: list[InputRecord], result: Result) -> None:
    """Wait for the end; judge all outputs; then ask a worker that has nothing but the changelog about every batch."""
    cast.ready()
    cast.stage.wait_taken(APP, within=120)
    reader = cast.stage.reader(read_committed=True)
    await_outputs(reader, inputs, within=120, quiet=3)
    verdict = judge(inputs, reader.records)
    result.inputs, result.outputs = len(inputs), len(reader.records)
    result.lost, result.wrong, result.repeated = verdict.lost, verdict.wrong, verdict.repeated
    result.conflicting = _conflicting(reader.records)
    result.details = verdict.details[:20]
    for worker in cast.workers:
        worker.stop()
    fresh = cast.stage.worker()
    fresh.start()
    repeats = cast.stage.io.produce(list(workload.repeats()))
    cast.stage.wait_taken(APP, within=120)
    reader.quiet(3)
    again = judge(inputs + repeats, reader.records)
    result.state_wrong = again.lost + again.wrong + _conflicting(reader.records)
    result.details += again.details[:20] if result.state_wrong else []
    fresh.stop()


def _conflicting(outputs: Sequence[OutputRecord]) -> int:
    """How many outputs carry the event id of another and say something else."""
    said: dict[str, object] = {}
    wrong = 0
    for one in outputs:
        event_id = one.header("event_id")
        if event_id is not None:
            data = json.loads(one.value or b"{}")["data"]
            wrong += said.setdefault(event_id, data) != data
    return wrong
