"""The client that sends the workload without a pause, the committed reader that watches what comes of it, and the
ledger of what is owed: the contents that the broker has, with their registration, and whose answer nobody has seen.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from tests.faults.workload import LOG_PARTITIONS, Batch, Item, Workload
from tests.oracle import topics
from tests.oracle.records import InputRecord, OutputRecord
from tests.support.kafka_io import MAX_REQUEST, KafkaIO
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from concurrent.futures import Future

DRIP_TICK, FLOOD_TICK = 0.1, 0.05  # seconds between two portions
FLOOD_TICKS = 10  # x 0.05 s: half a second
MOST_WAITING = 2000  # inputs that wait for their acknowledgement: while the broker is away no more are made
DELIVERY_SECONDS = 180  # longer than any broker of these tests is away


class Client(KafkaIO):
    """A client whose inputs arrive once, also over a restart of the broker: a duplicate would be an input too many."""

    async def _start(self) -> tuple[AIOKafkaProducer, AIOKafkaAdminClient]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            enable_idempotence=True,
            max_request_size=MAX_REQUEST,
            linger_ms=2,
            request_timeout_ms=DELIVERY_SECONDS * 1000,
        )
        await producer.start()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        return producer, admin

    def begin(self, work: Coroutine[Any, Any, None]) -> "Future[None]":
        """Run a coroutine on the client's loop, in the background."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def send(self, item: Item) -> "asyncio.Future[Any]":
        """Hand an input to the producer; the result tells its place once the broker has it."""
        record = item.message
        future: asyncio.Future[Any] = await self._producer.send(record.topic, value=record.value, key=record.key)
        return future

    async def partitions(self, name: str) -> set[int]:
        """The partitions of a topic."""
        return set(await self._producer.partitions_for(name))

    async def consumer(self, names: Sequence[str]) -> Any:
        """A consumer of topics from their beginning that sees committed records only."""
        return await self._consumer(names, read_committed=True)


class Ledger:
    """What is owed, by partition of the log: a text whose content and registration the broker has, unanswered."""

    def __init__(self) -> None:
        self._registered: set[str] = set()
        self._pending: dict[str, list[str]] = {}
        self._owed: list[set[str]] = [set() for _ in range(LOG_PARTITIONS)]
        self._answered: dict[str, int] = {}

    def sent(self, item: Item) -> None:
        """An input is on the broker."""
        batch = item.batch
        if item.token.kind == "R":
            self._registered.add(batch.name)
            for text in self._pending.pop(batch.name, ()):
                self._owe(batch, text)
        elif item.token.kind == "C" and batch.name in self._registered:
            self._owe(batch, batch.text(item.token))
        elif item.token.kind == "C":
            self._pending.setdefault(batch.name, []).append(batch.text(item.token))

    def answered(self, batch: Batch, text: str, stamp: int) -> None:
        """A slot or an excess event was seen; ``stamp``: when its worker made it, in ms."""
        self._answered.setdefault(text, stamp)
        self._owed[batch.partition].discard(text)

    def owed(self, partitions: Collection[int]) -> set[str]:
        """The texts that are owed by these partitions now."""
        return set().union(*(self._owed[number] for number in partitions))

    def answered_after(self, texts: Collection[str], stamp: int) -> int:
        """How many of these were answered, and for the first time after a moment: that work was left then."""
        return sum(self._answered.get(text, 0) > stamp for text in texts)

    def _owe(self, batch: Batch, text: str) -> None:
        if text not in self._answered:
            self._owed[batch.partition].add(text)


@dataclass(frozen=True)
class Seen:
    """An output that a read-committed consumer got: when it was made (ms), when it came (monotonic), in which round."""

    record: OutputRecord
    batch: Batch | None
    made: int
    came: float
    round: int
    text: str | None = None  # of a slot or an excess event


class Traffic:
    """Sends and watches, from :meth:`start` to the end of the context. ``round`` of the workload is noted with both."""

    def __init__(self, client: Client, workload: Workload, events_per_round: int, drip: int | None = None) -> None:
        self.ledger = Ledger()
        self.inputs: list[InputRecord] = []
        self.seen: list[Seen] = []
        self.failed: list[str] = []
        self.busy = False
        self._client = client
        self._workload = workload
        # Half of a round's inputs come within half a second, so that much of it finds some under way; the
        # other half over the next 3 s, so that each partition soon shows that it is served again. Less of a drip shows
        # it a little later, and costs less while a fault is waited out.
        self._drip = max(1, events_per_round // 60) if drip is None else drip
        self._portion = max(1, events_per_round // (2 * FLOOD_TICKS))
        self._flood = 0
        self._waiting: set[asyncio.Future[Any]] = set()
        self._done = False
        self._running: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for task in self._running:
            task.cancel()
            with contextlib.suppress(BaseException):
                task.result(PATIENCE)

    def start(self) -> None:
        """Begin; the output topics exist."""
        self._running = [self._client.begin(self._send()), self._client.begin(self._watch())]

    def flood(self) -> None:
        """Send half a round's inputs within the next half second, and as many in each that :attr:`busy` is set."""
        self._flood = FLOOD_TICKS

    def finish(self) -> None:
        """Send what is left of the batches that have begun; all inputs are on the broker then, or TimeoutError."""
        self._done = True
        self._running[0].result(2 * DELIVERY_SECONDS)

    def served(self, partitions: Collection[int], made_after: int, start: int) -> float | None:
        """When each of these partitions had put out something that was made after a moment; None if one has not yet.

        ``start``: how many outputs had been seen by then.
        """
        first: dict[int, float] = {}
        for task in self.seen[start:]:
            if task.batch is not None and task.made > made_after:
                first.setdefault(task.batch.partition, task.came)
        missing = set(partitions) - first.keys()
        return None if missing else max((first[number] for number in partitions), default=time.monotonic())

    def quiet(self, seconds: float, within: float = 60) -> None:
        """Wait until nothing has come for so long. Raises TimeoutError."""
        deadline = time.monotonic() + within
        count, since = len(self.seen), time.monotonic()
        while time.monotonic() - since < seconds:
            if time.monotonic() > deadline:
                message = f"outputs still come after {within} s"
                raise TimeoutError(message)
            time.sleep(0.05)
            if len(self.seen) != count:
                count, since = len(self.seen), time.monotonic()

    async def _send(self) -> None:
        while not self._done:
            flooding = self.busy or self._flood > 0
            if len(self._waiting) < MOST_WAITING:
                self._flood -= 1
                await self._pass(self._workload.take(self._portion if flooding else self._drip))
            await asyncio.sleep(FLOOD_TICK if flooding else DRIP_TICK)
        await self._pass(self._workload.rest())
        if self._waiting:
            await asyncio.wait(self._waiting)

    async def _pass(self, items: Sequence[Item]) -> None:
        for item in items:
            future = await self._client.send(item)
            self._waiting.add(future)
            future.add_done_callback(partial(self._acknowledged, item))

    def _acknowledged(self, item: Item, future: "asyncio.Future[Any]") -> None:
        self._waiting.discard(future)
        if future.cancelled() or future.exception() is not None:
            self.failed.append(f"{item.batch.name} {item.token}: {future}")
            return
        place, record = future.result(), item.message
        self.inputs.append(InputRecord(record.topic, place.partition, place.offset, record.key, record.value))
        self.ledger.sent(item)

    async def _watch(self) -> None:
        consumer = await self._client.consumer(sorted(topics.OUTPUTS))
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        self._note(record, time.monotonic())
        finally:
            await consumer.stop()

    def _note(self, output: Any, came: float) -> None:
        record = OutputRecord(
            output.topic, output.partition, output.offset, output.key, output.value, tuple(output.headers)
        )
        try:
            data = json.loads(record.value or b"")["data"]
            # Dead letters have the input, whose field may have the older name.
            batch = self._workload.batches.get(str(data.get("batch_id") or data["entity_id"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            data, batch = {}, None  # not an input of ours; the audit says what it thinks of it
        text = data.get("text_storage_id")
        self.seen.append(Seen(record, batch, int(output.timestamp), came, self._workload.round, text))
        if batch is not None and text is not None:
            self.ledger.answered(batch, text, int(output.timestamp))
