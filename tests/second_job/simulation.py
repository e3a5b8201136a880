"""The job in the crash driver (:mod:`tests.crash`): what is sent, and how a run is judged.

Outputs are held against a second opinion, which reads the log with no more than a dictionary; the rows against the job
itself, folded over the log one record at a time, each input once.
"""

import struct
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from random import Random

from app.engine.keyed.inputs import SOURCE, TICK
from app.engine.keyed.processor import KeyedPartition
from app.engine.ports import TopicNames
from app.engine.state import folded, origin
from app.engine.state.memory_store import MemoryStore
from app.engine.topics.ensure import log_topic
from tests.crash.broker import Headers, Log, Record
from tests.crash.checks import RESIDUE
from tests.crash.job import Job
from tests.crash.result import Result, Rows
from tests.crash.script import ACTS, Sent
from tests.second_job.orders_and_payments import (
    INPUTS,
    ORDERS,
    OUTPUTS,
    PAID,
    PAYMENTS,
    REFUSED,
    UNPAID,
    Join,
    topology,
)
from tests.support.events import Message

PATIENCE = 9.0  # seconds; less than the time between two acts
PARTITIONS = {ORDERS: 2, PAYMENTS: 2} | dict.fromkeys(OUTPUTS, 1)

#: What comes of each order: o an order, p its payment, x another order under its id; in the acts between the bars.
COURSES = ("o p |", "p | o", "o | p", "o |", "p |", "o x p | x", "| p o", "| o", "p p | o o")

Said = tuple[str, bytes | None, bytes | None, Headers]


def script(seed: int) -> tuple[tuple[Sent, ...], ...]:
    """The acts of a seed: orders with a course each, what can't be used, and in the last act everything once more."""
    rng = Random(f"orders {seed}")  # noqa: S311 - a seed, so that a run can be repeated
    acts: list[list[Message]] = [[Message(ORDERS, None, b"no id")], [Message(PAYMENTS, None, b"no id")], []]
    for number, course in enumerate(COURSES):
        key = f"order-{seed}-{number}".encode()
        for act, part in zip(acts, course.split("|"), strict=False):
            at = rng.randrange(len(act) + 1)
            act[at:at] = [
                Message(PAYMENTS if what == "p" else ORDERS, key, f"{what} of {number}".encode())
                for what in part.split()
            ]
    acts[ACTS - 1] = [
        *chain(*acts),
        *(Message(PAYMENTS, f"order-{seed}-{number}".encode(), b"again") for number in range(9)),
    ]
    return tuple(tuple(_scheduled(act, rng)) for act in acts)


def _scheduled(act: Iterable[Message], rng: Random) -> Iterable[Sent]:
    after = 0.0
    for message in act:
        after += rng.choice((0.0, 0.0, 0.0, 0.03))
        yield Sent(after, rng.randrange(PARTITIONS[message.topic]), message)


def violations(result: Result) -> list[str]:
    """What is wrong with a run. The names of the checks are those of :mod:`tests.crash.checks`."""
    found = list(result.problems)
    if any(problem.startswith("stuck") for problem in found):
        return found
    torn = result.scenario.crash is not None and not result.settings.exactly_once
    logs = result.broker.topic(log_topic(result.settings))
    inputs = sum(len(log.records) for topic in INPUTS for log in result.broker.topic(topic))
    if len({source for log in logs for record in log.records if (source := _source(record))}) != inputs:
        found.append("lost: the log lacks an input")
    due: Counter[Said] = Counter(said for log in logs for said in expected(log.records))
    said: Counter[Said] = Counter(
        (record.topic, record.key, record.value, record.headers)
        for topic in OUTPUTS
        for log in result.broker.topic(topic)
        for record in log.read(0, log.end, committed=True)[0]
    )
    found += [f"unsaid: {output}" for output in due if output not in said]
    for output, count in said.items():
        if not due[output] or (count != due[output] and not torn):
            found.append(f"unfounded: {output}, {count} times, not {due[output]}")
    then, end = _rows(logs, result.then), _rows(logs, [log.end for log in logs])
    for check, wanted, given in (("state", then, result.restored), ("state", end, result.final)):
        found += _differences(check, wanted, given, torn=torn)
    found += _differences("copy", then, result.stores, torn=torn)
    if not result.scenario.zombie and result.stores != result.restored:
        found.append("copy: the local store has other rows than the changelog")
    return found


def expected(records: Iterable[Record]) -> Iterable[Said]:
    """What is to be said of a partition of the log."""
    orders: dict[bytes, Record] = {}
    payments: dict[bytes, Record] = {}
    said: dict[bytes, str] = {}
    for record in _once(records):
        source, key = _source(record), record.key
        if source is None:
            for order_id, order in sorted(orders.items()):
                if order_id not in said and order.timestamp + PATIENCE * 1000 <= record.timestamp:
                    said[order_id] = UNPAID
                    yield UNPAID, order_id, order.value, (("event_id", UNPAID.encode() + b"/" + order_id),)
            continue
        kind = orders if source[0] == INPUTS.index(ORDERS) else payments
        reason = None
        if key is None:
            reason = b"no order id"
        elif key in kind:
            reason = b"duplicate"
        elif said.get(key) == UNPAID:
            reason = b"late"
        if reason or key is None:
            yield REFUSED, key, record.value, (("reason", reason), *_place(source))
            continue
        kind[key] = record
        if key in orders and key in payments:
            said[key] = PAID
            headers = (("event_id", PAID.encode() + b"/" + key), ("payment", payments[key].value))
            yield PAID, key, orders[key].value, headers


def _place(source: bytes) -> Headers:
    number, partition, offset = struct.unpack_from(">BIQ", source)
    return (
        ("source.topic", INPUTS[number].encode()),
        ("source.partition", str(partition).encode()),
        ("source.offset", str(offset).encode()),
    )


def _rows(logs: list[Log], ends: list[int]) -> Rows:
    """The rows that the job has for what is before ``ends``, with nothing in between that can fail."""
    found: Rows = []
    for log, end in zip(logs, ends, strict=True):
        store = MemoryStore()
        job = Join(KeyedPartition("", 0, store, TopicNames(INPUTS, OUTPUTS, REFUSED)), round(PATIENCE * 1000))
        for record in _once(record for record in log.records if record.offset < end):
            for work in job.process([record]):
                job.written(work, 0)
        found.append(dict(store.scan(b"")))
    return found


def _differences(check: str, due: Rows, given: Rows, *, torn: bool) -> list[str]:
    """Where rows differ. ``torn``: a row W too many and a watermark that is behind are residue, see the checks."""
    found = []
    for number, (output, other) in enumerate(zip(due, given, strict=True)):
        for key in sorted(output.keys() | other.keys() - {origin.KEY, folded.KEY}):
            before, after = output.get(key), other.get(key)
            behind = key.startswith(b"S") and (after or b"") < (before or b"")
            harmless = torn and (behind or (key.startswith(b"W") and before is None))
            if before != after:
                name = RESIDUE if harmless else check
                found.append(f"{name}: partition {number}, row {key!r}: {before!r}, now {after!r}")
    return found


def _once(records: Iterable[Record]) -> Iterable[Record]:
    """Ticks, and inputs where the log first has them: what the router repeats must change nothing."""
    met = set()
    for record in records:
        source = _source(record)
        if source is None and TICK not in dict(record.headers):
            continue  # a marker
        if source is None or source not in met:
            met.add(source)
            yield record


def _source(record: Record) -> bytes | None:
    return dict(record.headers).get(SOURCE)


JOB = Job(
    name="orders",
    topology=lambda settings: topology(settings, PATIENCE),
    script=script,
    partitions=PARTITIONS,
    source=SOURCE,
    patience=PATIENCE,
    violations=violations,
)
