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
from collections import defaultdict
from collections.abc import Awaitable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from app.engine.kafka import fetch
from app.engine.kafka.clients import MAX_BATCH_BYTES
from app.engine.publish import Publisher
from app.engine.repartition import Repartitioner
from app.engine.task import Task
from app.engine.topics.ensure import changelog_topic, log_topic
from app.settings import Settings
from app.topology import TOPICS, topology
from bench import frames, workload

_EVENTS = 60_000
_ROUNDS = 5
_PARTITIONS = 4
#: Bytes of a fetch of one partition, as brokers send them by default.
_FETCH = 1024 * 1024
#: The broker's clock (ms).
_TIME = 1_772_438_401_000

#: Where things stand in a record batch (https://kafka.apache.org/documentation/#recordbatch).
_CHECKSUM, _ATTRIBUTES, _LAST_DELTA, _MAX_TIME = 17, 21, 23, 35
_APPEND_TIME = 8

STAGES = ("unpack inputs", "re-key", "unpack log", "join")


class Broker:
    """Appends what is sent, and hands it out in fetches."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._waiting: dict[tuple[str, int], list[bytes]] = defaultdict(list)

    def append(self, topic: str, partition: int, data: bytes, *, own_clock: bool) -> int:
        """Append a batch; its base offset. With ``own_clock`` its records get the broker's time."""
        place = topic, partition
        batch = bytearray(data)
        offset = self._ends[place]
        struct.pack_into(">qii", batch, 0, offset, len(batch) - 12, 0)
        (last,) = struct.unpack_from(">i", batch, _LAST_DELTA)
        if own_clock:
            (attributes,) = struct.unpack_from(">h", batch, _ATTRIBUTES)
            struct.pack_into(">h", batch, _ATTRIBUTES, attributes | _APPEND_TIME)
            struct.pack_into(">q", batch, _MAX_TIME, _TIME)
            struct.pack_into(">I", batch, _CHECKSUM, calc_crc32c(memoryview(batch)[_ATTRIBUTES:]))
        self._ends[place] = offset + last + 1
        self._waiting[place].append(bytes(batch))
        return offset

    def size(self, place: tuple[str, int]) -> int:
        """Bytes that wait to be fetched."""
        return sum(map(len, self._waiting[place]))

    def fetch(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """All that waits in a topic: partition and bytes."""
        for place in sorted(self._waiting):
            if place[0] == topic and self._waiting[place]:
                batches, self._waiting[place] = self._waiting[place], []
                yield place[1], b"".join(batches)


class Producer:
    """A producer whose broker acknowledges at once. It keeps what is for the log."""

    def __init__(self, broker: Broker, log: str) -> None:
        self._broker = broker
        self._log = log
        self._ends: dict[tuple[str, int], int] = defaultdict(int)

    def create_batch(self) -> BatchBuilder:
        """An empty batch."""
        return BatchBuilder(MAX_BATCH_BYTES, 0, is_transactional=0)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[Any]:
        """Build a batch as aiokafka does before it is sent."""
        batch._set_producer_state(1, 0, 0)  # noqa: SLF001 - as aiokafka's own sender does
        data = bytes(batch._build())  # noqa: SLF001 - the same
        count = batch.record_count()
        if topic == self._log:
            offset = self._broker.append(topic, partition, data, own_clock=True)
        else:
            offset = self._ends[topic, partition]
            self._ends[topic, partition] += count
        acknowledged = asyncio.get_running_loop().create_future()
        acknowledged.set_result(SimpleNamespace(offset=offset, timestamp=_TIME, timestamp_type=1))
        return acknowledged


class Pipeline:
    """The parts of a worker, driven by hand; ``stages`` has the CPU seconds of each."""

    def __init__(self, directory: Path) -> None:
        self.settings = Settings(partitions=_PARTITIONS, datadir=directory, provisioning_completed=False)
        self.log = log_topic(self.settings)
        self.broker = Broker()
        self.stages = dict.fromkeys(STAGES, 0.0)
        self.contents = 0
        counts = dict.fromkeys((*TOPICS.outputs, self.log, changelog_topic(self.settings)), _PARTITIONS)
        producer: Any = Producer(self.broker, self.log)
        application = topology(self.settings)
        self._hop = Repartitioner(self.settings, application, producer, _fail)
        self._hop._publisher = Publisher(producer, counts)  # noqa: SLF001 - what start() asks a broker for
        self._tasks = []
        for number in range(_PARTITIONS):
            task = Task(number, self.settings, application, producer, _fail)
            task._publisher = Publisher(producer, counts)  # noqa: SLF001 - what fence() asks a broker for
            task.store.open()
            task._processor = application.processor(  # noqa: SLF001 - what start() does, without its loop
                number, task.store, self.settings.cache_uploads // _PARTITIONS, task.clock.moment
            )
            self._tasks.append(task)

    async def run(self, inputs: Iterator[tuple[str, int, bytes]]) -> None:
        """Do the job over batches (topic, partition, bytes)."""
        for topic, partition, data in inputs:
            self.broker.append(topic, partition, data, own_clock=False)
            if self.broker.size((topic, partition)) >= _FETCH:
                await self._round()
        await self._round()

    async def _round(self) -> None:
        for topic in TOPICS.inputs:
            for partition, data in self.broker.fetch(topic):
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
            task = self._tasks[partition]
            begun = time.process_time()
            records = _records(task.log, data)
            begun = self._spent("unpack log", begun)
            task.queue.offer(records)
            while chunk := task.queue.take():
                await task._chunk(chunk)  # noqa: SLF001 - a step of its loop
            self._spent("join", begun)

    def _spent(self, stage: str, begun: float) -> float:
        now = time.process_time()
        self.stages[stage] += now - begun
        return now


def _records(place: TopicPartition, data: bytes) -> Any:
    """The records of a fetch, as the worker's consumer hands them over."""
    return fetch.WholeFetch(place, MemoryRecords(data), [], 0, None, fetch.WHOLE, True, 1).take()  # noqa: FBT003


def _fail(error: BaseException) -> None:
    raise error


def measure(events: int) -> dict[str, float]:
    """CPU microseconds an event of each stage, in this process."""
    part = workload.Part.of_events("offline", events, _PARTITIONS)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "inputs"
        rows = (frames.Row(event.topic, event.partition, event.key, event.value) for event in part.events())
        count = frames.write(path, rows)
        inputs = list(frames.read(path))
        pipeline = Pipeline(Path(directory))
        gc.collect()
        gc.freeze()
        gc.set_threshold(400_000, 20, 50)
        asyncio.run(pipeline.run(iter(inputs)))
    return {stage: seconds / count * 1e6 for stage, seconds in pipeline.stages.items()}


def _apart(events: int, *, pure: bool) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.offline", "--one", "--events", str(events)]
    environment = {**os.environ, "ROLLCALL_PURE": "1" if pure else "", "PYTHONHASHSEED": "0"}
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
    rounds = [_apart(options.events, pure=True) for _ in range(options.rounds)]
    for stage in STAGES:
        sys.stdout.write(f"{stage:16} {statistics.median(found[stage] for found in rounds):7.2f} us\n")
    totals = sorted(sum(found.values()) for found in rounds)
    sys.stdout.write(
        f"{'total':16} {statistics.median(totals):7.2f} us an event ({totals[0]:.2f} to {totals[-1]:.2f})\n"
    )


if __name__ == "__main__":
    main()
