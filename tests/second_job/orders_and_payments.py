"""Orders and payments, joined by order id, whichever comes first.

Once both are there it says ``order.paid``, with the payment in a header; where the payment is not there in time,
``order.unpaid``. What can't be used goes to ``orders.refused``, with the reason in a header. The key of an input is the
order id; what its value says is nobody's business here.

Rows (first byte of the key, then the order id): ``O`` the order, ``P`` its payment, ``D`` what was said of it: facts,
never changed or deleted. ``W`` (time, order id) an order that waits; a row too many is passed over. ``S`` (input
partition) the highest offset that was seen of it.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.engine.kafka.partitioner import partition_for
from app.engine.ports import Headers, Output, Record, Routed, Store, TopicNames, Topology
from app.settings import Settings

ORDERS, PAYMENTS = INPUTS = ("orders", "payments")  # append only: an input's number is in the log and in the rows
PAID, UNPAID, REFUSED = OUTPUTS = ("order.paid", "order.unpaid", "orders.refused")
SOURCE, TICK = "source", "tick"
_SOURCE = struct.Struct(">BIQ")  # number of the input, its partition, the offset
_TIME = struct.Struct(">Q")
_FACT = _SOURCE.size + _TIME.size  # before the value in a row O or P: its input's position and its log time


@dataclass
class ByOrder:
    """A Router: each input goes to the partition of its order, with its position in a header."""

    partitions: int

    def route(self, topic: str, partition: int, records: Sequence[Record]) -> Iterator[Routed]:
        for record in records:
            target = partition if record.key is None else partition_for(record.key, self.partitions)
            source = _SOURCE.pack(INPUTS.index(topic), partition, record.offset)
            yield target % self.partitions, record.key, record.value, [(SOURCE, source)]

    def identify(self, topic_ids: Mapping[str, str]) -> None:
        """Nothing: its inputs are never made again."""

    def routed(self, record: Record) -> bool:
        return record.key is not None and any(name == SOURCE for name, _ in record.headers)


@dataclass
class Work:
    """Changes: what some records of the log bring about."""

    end: int
    records: int = 0
    outputs: list[Output] = field(default_factory=list)
    rows: dict[bytes, bytes | None] = field(default_factory=dict)
    seen: dict[bytes, bytes] = field(default_factory=dict)

    def finish(self) -> "Work":
        self.rows |= self.seen  # last: a crash may leave the beginning of the rows, and then all of it is done again
        return self

    def largest(self, topic: str, log: str, begin: int) -> str:
        found = max((output for output in self.outputs if output[0] == topic), key=lambda output: len(output[2] or b""))
        return f"order {found[1]!r} ({len(found[2] or b'')} bytes) of {log}, offset {begin} or later"


@dataclass
class Join:
    """A Processor: the orders of one partition of the log. ``patience`` is in ms of log time."""

    store: Store
    patience: int

    def process(self, records: Sequence[Record]) -> Iterator[Work]:
        work = Work(records[0].offset)
        for record in records:
            headers = dict(record.headers)
            if TICK in headers and work.rows:
                yield work.finish()  # once it is written, the store knows all that waits
                work = Work(record.offset)
            if TICK in headers:
                self._tick(record.timestamp, work)
            elif source := headers.get(SOURCE):
                self._input(record, source, work)
            work.records, work.end = work.records + 1, record.offset + 1
        yield work.finish()

    def written(self, changes: Work, offset: int) -> None:
        self.store.write(changes.rows, offset)

    def next_deadline(self) -> int | None:
        return next((_TIME.unpack(key[1:9])[0] + self.patience for key, _ in self.store.scan(b"W")), None)

    @property
    def waits(self) -> bool:
        return self.next_deadline() is not None

    def background(self) -> Iterator[None]:
        return iter(())

    def _input(self, record: Record, source: bytes, work: Work) -> None:
        partition, offset = b"S" + source[:5], source[5:]
        if offset <= (work.seen.get(partition) or self.store.get(partition) or b""):
            return None  # the router has repeated itself
        work.seen[partition] = offset
        if record.key is None:
            return self._refuse(record, source, "no order id", work)
        order_id, at = record.key, (b"O", b"P")[source[0]] + record.key
        known, said = self._get(at, work), self._get(b"D" + order_id, work)
        if known is not None and known[: _SOURCE.size] != source:
            return self._refuse(record, source, "duplicate", work)
        if known is None and said == b"unpaid":
            return self._refuse(record, source, "late", work)
        # Also where it is known: then a crash has left the beginning of the rows, and the others are written now.
        work.rows[at] = known or source + _TIME.pack(record.timestamp) + (record.value or b"")
        order, payment = (self._get(table + order_id, work) for table in (b"O", b"P"))
        if order is not None and said is None:
            waiting = b"W" + order[_SOURCE.size : _FACT] + order_id
            if payment is None:
                work.rows[waiting] = b""
            else:
                self._say(PAID, order_id, order, work, payment)
                work.rows |= {b"D" + order_id: b"paid", waiting: None}
        return None

    def _tick(self, now: int, work: Work) -> None:
        for waiting, _ in self.store.scan(b"W"):
            if _TIME.unpack(waiting[1:9])[0] + self.patience > now:
                return
            order_id = waiting[9:]
            order = self.store.get(b"O" + order_id)
            if order is not None and self.store.get(b"D" + order_id) is None:
                self._say(UNPAID, order_id, order, work)
                work.rows[b"D" + order_id] = b"unpaid"
            work.rows[waiting] = None

    def _get(self, key: bytes, work: Work) -> bytes | None:
        return work.rows[key] if key in work.rows else self.store.get(key)

    @staticmethod
    def _say(topic: str, order_id: bytes, order: bytes, work: Work, payment: bytes | None = None) -> None:
        headers: Headers = [("event_id", topic.encode() + b"/" + order_id)]  # the same in every repeat
        if payment is not None:
            headers.append(("payment", payment[_FACT:]))
        work.outputs.append((topic, order_id, order[_FACT:], headers))

    @staticmethod
    def _refuse(record: Record, source: bytes, reason: str, work: Work) -> None:
        work.outputs.append((REFUSED, record.key, record.value, [("reason", reason.encode()), (SOURCE, source)]))


def topology(settings: Settings, patience_seconds: float = 86_400) -> Topology[Join]:
    """The job, as the engine is handed it."""

    def processor(_partition: int, store: Store, _capacity: int, _now: Callable[[], datetime]) -> Join:
        return Join(store, round(patience_seconds * 1000))

    return Topology(TopicNames(INPUTS, OUTPUTS, REFUSED), ByOrder(settings.partitions), processor, tick=[(TICK, b"")])
