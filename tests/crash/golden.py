"""What an undisturbed fold makes of a log: record by record, from its first, with nothing in between that can fail.

Each input is folded once, where the log first has it: what the repartitioner repeats must change nothing. It shares the
core with the product on purpose: it says what the state and the outputs of *this* log are, byte for byte, so that
whatever the engine adds to that or takes away shows. Whether they are right is the oracle's to say.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agents.join import Join
from app.core.names import DEAD_LETTER
from app.settings import Settings
from app.wire.record import SOURCE_HEADER
from tables import batches, keys
from tables.partition_state import PartitionState
from tests.crash.broker import Broker, Headers, Log
from tests.crash.disk import apply_rows

_EMITTED_AT = re.compile(rb'"event_timestamp":"[^"]*"')
_SOME_MOMENT = b'"event_timestamp":"2026-01-01T00:00:00Z"'
_EVENT_ID = ("event_id", "rollcall.source.topic", "rollcall.source.partition", "rollcall.source.offset")

#: The facts of batches, by log offset.
Facts = dict[bytes, dict[int, list[object]]]

#: An output without the moment of its emission.
Said = tuple[str, bytes | None, bytes | None, Headers]


@dataclass
class Golden:
    """What a log amounts to: the rows of each partition, those that it had at a certain offset, and how often each
    output is called for.
    """

    rows: list[dict[bytes, bytes]] = field(default_factory=list)
    rows_then: list[dict[bytes, bytes]] = field(default_factory=list)
    said: Counter[Said] = field(default_factory=Counter)


class _Memory:
    """A store that only remembers."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        first = start or prefix
        yield from sorted((key, value) for key, value in self.rows.items() if key >= first and key.startswith(prefix))

    def values(self, prefix: bytes) -> list[bytes]:
        return [value for _, value in self.scan(prefix)]

    def keys(self, prefix: bytes) -> list[bytes]:
        return [key for key, _ in self.scan(prefix)]

    def keys_of(self, prefixes: Sequence[bytes]) -> Iterator[list[bytes]]:
        return map(self.keys, prefixes)


def fold_logs(logs: list[Log], then: list[int], settings: Settings) -> Golden:
    """Fold the partitions of the log, each input once, however often the repartitioner repeated it.

    ``then`` says at which offset of each the rows are wanted as well.
    """
    golden = Golden()
    now = datetime.now(UTC)
    for number, log in enumerate(logs):
        memory = _Memory()
        rows_then: dict[bytes, bytes] = {}
        join = Join(number, PartitionState(memory, 1_000_000), settings, lambda: now)  # type: ignore[arg-type]
        met: set[bytes | None] = set()
        for record in log.records:
            source = next((value for name, value in record.headers if name == SOURCE_HEADER), None)
            if source is not None and source in met:
                continue
            met.add(source)
            if record.offset >= then[number] and not rows_then:
                rows_then = dict(memory.rows)
            work = join.fold([record])
            apply_rows(memory.rows, work.rows.items())
            for topic, key, value, headers in work.outputs:
                golden.said[said(topic, key, value, tuple(headers))] += 1
        golden.rows.append(memory.rows)
        golden.rows_then.append(rows_then or memory.rows)
    return golden


def said_on(broker: Broker, topics: tuple[str, ...]) -> Counter[Said]:
    """What a committed reader reads on the output topics."""
    found: Counter[Said] = Counter()
    for topic in topics:
        for log in broker.topic(topic):
            records, _ = log.read(0, log.end, committed=True)
            found.update(said(record.topic, record.key, record.value, record.headers) for record in records)
    return found


def said(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Said:
    """An output with the moment of its emission replaced: it is the one thing in which repeats may differ."""
    if topic != DEAD_LETTER and value is not None:
        value = _EMITTED_AT.sub(_SOME_MOMENT, value, count=1)
    return topic, key, value, headers


def name_of(output: Said) -> str:
    """An output in a few words."""
    topic, key, _, headers = output
    return f"{topic} {key!r} {[value for name, value in headers if name in _EVENT_ID]}"


def facts_in(rows: dict[bytes, bytes]) -> Facts:
    """The facts of each batch by log offset, whatever rows they are in; equal ones are one."""
    found: Facts = {}
    for key, value in sorted(rows.items()):
        if key.startswith(keys.BATCHES):
            by_offset = found.setdefault(_batch_of(key), {})
            for fact in batches.facts_of(value):
                at = by_offset.setdefault(fact.at, [])
                if fact not in at:
                    at.append(fact)
    return found


def _batch_of(key: bytes) -> bytes:
    length = int.from_bytes(key[1:5])
    return key[5 : 5 + length]
