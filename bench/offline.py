"""CPU time of the whole job without a broker: what an event costs in the worker's own code, sockets left out.

``python -m bench.offline [--events N] [--rounds N]``: real record batches of the benchmark's input are unpacked,
re-keyed, unpacked again, folded, published (into nothing) and written to RocksDB, by the engine's own parts, in a
process of its own each round. With a native part (``app.native``) rounds with it and without it take turns, so their
ratio holds on a busy machine, where the figures themselves do not.
"""

import argparse
import asyncio
import gc
import json
import os
import statistics
import struct
import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

from app import native
from app.engine.kafka import fetch
from app.engine.kafka.clients import MAX_BATCH_BYTES
from app.engine.publish import Publisher
from app.engine.repartition import Repartitioner
from app.engine.task import Task
from app.engine.topics.ensure import changelog_topic, log_topic
from app.settings import Settings
from app.topology import TOPICS, topology
from bench import frames, workload

if TYPE_CHECKING:
    from app.engine.state.store import Store

_EVENTS = 60_000
_ROUNDS = 5
PARTITIONS = 4
#: Bytes of a fetch of one partition, as the worker's consumer asks for them: whole batches, the last one beyond it.
_FETCH = 4 * 1024 * 1024
#: When the broker's clock begins (ms).
_TIME = 1_772_438_401_000

#: Where things stand in a record batch (https://kafka.apache.org/documentation/#recordbatch).
_CHECKSUM, _ATTRIBUTES, _LAST_DELTA, _MAX_TIME = 17, 21, 23, 35
_APPEND_TIME = 8

STAGES = ("unpack inputs", "re-key", "unpack log", "join")


class Broker:
    """Appends what is sent, and hands it out in fetches. What it does itself is not measured."""

    def __init__(self, log: str) -> None:
        self._log = log
        #: Its clock (ms). It stands still within a round.
        self.time = _TIME
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._waiting: dict[tuple[str, int], deque[tuple[int, int, bytes]]] = defaultdict(deque)

    def append(self, topic: str, partition: int, data: bytes) -> int:
        """Append a batch; its base offset."""
        place = topic, partition
        offset = self._ends[place]
        (last,) = struct.unpack_from(">i", data, _LAST_DELTA)
        self._ends[place] = offset + last + 1
        self._waiting[place].append((offset, self.time, data))
        return offset

    def fetch(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """What is fetched next of a topic: of each partition in which something waits, its number and the bytes."""
        for place in sorted(self._waiting):
            waiting, fetched = self._waiting[place], bytearray()
            while place[0] == topic and waiting and len(fetched) < _FETCH:
                fetched += self._stamped(topic, *waiting.popleft())
            if fetched:
                yield place[1], bytes(fetched)

    def _stamped(self, topic: str, offset: int, time: int, data: bytes) -> bytes:
        """A batch with its offset; in the log, with the broker's time as well."""
        batch = bytearray(data)
        struct.pack_into(">qii", batch, 0, offset, len(batch) - 12, 0)
        if topic == self._log:
            (attributes,) = struct.unpack_from(">h", batch, _ATTRIBUTES)
            struct.pack_into(">h", batch, _ATTRIBUTES, attributes | _APPEND_TIME)
            struct.pack_into(">q", batch, _MAX_TIME, time)
            struct.pack_into(">I", batch, _CHECKSUM, calc_crc32c(memoryview(batch)[_ATTRIBUTES:]))
        return bytes(batch)


class Producer:
    """A producer whose broker acknowledges at once. It keeps what is for the log; ``sent`` is told of each batch."""

    def __init__(self, broker: Broker, log: str, sent: Callable[[str, int, bytes], None]) -> None:
        self._broker = broker
        self._log = log
        self._sent = sent
        self._ends: dict[tuple[str, int], int] = defaultdict(int)

    def create_batch(self) -> BatchBuilder:
        """An empty batch."""
        return BatchBuilder(MAX_BATCH_BYTES, 0, is_transactional=0)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[Any]:
        """Build a batch as aiokafka does before it is sent."""
        batch._set_producer_state(1, 0, 0)  # noqa: SLF001 - as aiokafka's own sender does
        data = bytes(batch._build())  # noqa: SLF001 - the same
        count = batch.record_count()
        self._sent(topic, partition, data)
        if topic == self._log:
            offset = self._broker.append(topic, partition, data)
        else:
            offset = self._ends[topic, partition]
            self._ends[topic, partition] += count
        acknowledged = asyncio.get_running_loop().create_future()
        acknowledged.set_result(SimpleNamespace(offset=offset, timestamp=self._broker.time, timestamp_type=1))
        return acknowledged


class Pipeline:
    """The parts of a worker, driven by hand; ``stages`` has the CPU seconds of each."""

    def __init__(
        self, directory: Path, sent: Callable[[str, int, bytes], None] = lambda *_: None, **settings: Any
    ) -> None:
        self.settings = Settings(partitions=PARTITIONS, datadir=directory, **settings)
        self.log = log_topic(self.settings)
        self.broker = Broker(self.log)
        self.stages = dict.fromkeys(STAGES, 0.0)
        counts = dict.fromkeys((*TOPICS.outputs, self.log, changelog_topic(self.settings)), PARTITIONS)
        producer: Any = Producer(self.broker, self.log, sent)
        application = topology(self.settings)
        self._hop = Repartitioner(self.settings, application, producer, _fail)
        bulk = application.bulk
        self._hop._publisher = Publisher(producer, counts, bulk)  # noqa: SLF001 - what start() asks a broker for
        self.stores: list[Store] = []
        self._tasks = []
        for number in range(PARTITIONS):
            task = Task(number, self.settings, application, producer, _fail)
            task._committer._publisher = Publisher(producer, counts, bulk)  # noqa: SLF001 - what fence() asks a broker for
            task.store.open()
            self.stores.append(task.store)
            task._processor = application.processor(  # noqa: SLF001 - what start() does, without its loop
                number, task.store, self.settings.cache_uploads // PARTITIONS, task.clock.moment
            )
            self._tasks.append(task)

    async def run(self, inputs: Iterator[tuple[str, int, bytes]]) -> None:
        """Do the job over batches (topic, partition, bytes). All is there from the beginning, as in a phase of the
        benchmark: so a worker fetches each partition at its own pace, and registrations are mostly ahead.
        """
        for topic, partition, data in inputs:
            self.broker.append(topic, partition, data)
        while await self.round():
            pass

    async def round(self) -> bool:
        """Fetch, re-key and fold what comes next; whether there was anything."""
        self.broker.time += 1_000
        found = False
        for topic in TOPICS.inputs:
            for partition, data in self.broker.fetch(topic):
                found = True
                place = TopicPartition(topic, partition)
                begun = time.process_time()
                records = _records(place, data)
                begun = self._spent("unpack inputs", begun)
                self._hop.offer(place, records)
                self._spent("re-key", begun)
        begun = time.process_time()
        while await self._hop._pass_on():  # noqa: SLF001 - a step of its loop
            pass
        self._spent("re-key", begun)
        for partition, data in self.broker.fetch(self.log):
            found = True
            task = self._tasks[partition]
            begun = time.process_time()
            records = _records(task.log, data)
            begun = self._spent("unpack log", begun)
            task.queue.offer(records)
            while chunk := task.queue.take():
                await task._chunk(chunk)  # noqa: SLF001 - a step of its loop
            self._spent("join", begun)
        return found

    def _spent(self, stage: str, begun: float) -> float:
        now = time.process_time()
        self.stages[stage] += now - begun
        return now


def _records(place: TopicPartition, data: bytes) -> Any:
    """The records of a fetch, as the worker's consumer hands them over."""
    return fetch.WholeFetch(place, fetch.KeptBytes(data), [], 0, None, fetch.INDEXED, True, 1).take()  # noqa: FBT003


def _fail(error: BaseException) -> None:
    raise error


def measure(events: int) -> dict[str, float]:
    """CPU microseconds an event of each stage, in this process."""
    part = workload.Part.of_events("offline", events, PARTITIONS)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "inputs"
        rows = (frames.Row(event.topic, event.partition, event.key, event.value) for event in part.events())
        count = frames.write(path, rows)
        inputs = list(frames.read(path))
        pipeline = Pipeline(Path(directory), provisioning_completed=False)
        gc.collect()
        gc.freeze()
        gc.set_threshold(400_000, 20, 50)
        asyncio.run(pipeline.run(iter(inputs)))
    return {stage: seconds / count * 1e6 for stage, seconds in pipeline.stages.items()}


def _apart(events: int, *, pure: bool) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.offline", "--one", "--events", str(events)]
    environment = {**os.environ, "ROLLCALL_PURE": str(pure), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603 - this program
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.offline", description=__doc__)
    parser.add_argument("--events", type=int, default=_EVENTS)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--one", action="store_true", help="measure once, here, and print JSON")
    options = parser.parse_args()
    if options.one:
        sys.stdout.write(json.dumps(measure(options.events)) + "\n")
        return
    parts = ("pure", "native") if native.AVAILABLE else ("pure",)
    rounds: dict[str, list[dict[str, float]]] = {part: [] for part in parts}
    for _ in range(options.rounds):
        for part, found in rounds.items():
            found.append(_apart(options.events, pure=part == "pure"))
    sys.stdout.write(f"{'CPU us an event':16}" + "".join(f"{part:>10}" for part in parts) + "\n")
    for stage in (*STAGES, "total"):
        medians = [statistics.median(map(_of(stage), rounds[part])) for part in parts]
        sys.stdout.write(f"{stage:16}" + "".join(f"{median:10.2f}" for median in medians) + "\n")
    if native.AVAILABLE:
        pairs = zip(rounds["native"], rounds["pure"], strict=True)
        ratios = sorted(_of("total")(ours) / _of("total")(twin) for ours, twin in pairs)
        median = statistics.median(ratios)
        sys.stdout.write(f"native / pure    {median:.2f} (by rounds {ratios[0]:.2f} to {ratios[-1]:.2f})\n")
    else:
        sys.stdout.write(f"{native.WHY_NOT}\n")


def _of(stage: str) -> Callable[[dict[str, float]], float]:
    return lambda found: sum(found.values()) if stage == "total" else found[stage]


if __name__ == "__main__":
    main()
