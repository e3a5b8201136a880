"""A chunk of the log, read: for each record where it stands, and the content that it brings, where that is plain.

Nearly every record is a content in which nothing is wrong. Those are read together, before the first one is folded;
each other record (a registration, a failure, a tick, an act, what can't be used) is an entry without a content, and is
read when its turn comes.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.core.events import CONTENT, INPUTS, Content, Position, Source
from app.wire.decode import RejectedError, decode
from app.wire.record import read_generation, read_source

#: The source of a record that is no input.
NOWHERE = Source(-1, -1, -1)

_CONTENT = INPUTS.index(CONTENT)


class LogRecord(Protocol):
    """What is read of a record of the log (:class:`app.engine.ports.Record`)."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def timestamp(self) -> int:
        """Its append time (ms)."""

    @property
    def value(self) -> bytes | None:
        """Its value."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its headers."""


class Entry(Position, frozen=True, array_like=True, gc=False):
    """A record of the log. It is the position of its event, too.

    ``content`` is None where the record is anything but a plain content. Of a content, ``number`` is that of its batch
    among the chunk's, and ``place`` that of the partition that it came from.
    """

    source: Source = NOWHERE
    number: int = -1
    place: int = -1
    content: Content | None = None


class Chunk(NamedTuple):
    """Records of the log, read: an entry for each, and what the entries' numbers count: the batch ids, and the input
    partitions, each with the generation of its topic, empty where a record names none.
    """

    batch_ids: list[str]
    places: list[tuple[int, int, bytes]]
    entries: list[Entry]


def read(records: Sequence[LogRecord], largest: int) -> Chunk:
    """Read records; a content of more than ``largest`` bytes is not plain. Never raises, whatever the bytes are."""
    numbers: dict[str, int] = {}
    places: dict[tuple[int, int, bytes], int] = {}
    entries = []
    for record in records:
        headers = record.headers
        source = read_source(headers)
        if source is None:
            entries.append(Entry(record.offset, record.timestamp))
            continue
        number, place, content = -1, -1, None
        if source.topic == _CONTENT:
            try:
                decoded = decode(CONTENT, record.value, largest)
            except RejectedError:
                pass  # the join reads it again, and says why it can't be used
            else:
                if isinstance(decoded.event, Content):
                    number, content = numbers.setdefault(decoded.batch_id, len(numbers)), decoded.event
                    generation = read_generation(headers)
                    place = places.setdefault((source.topic, source.partition, generation), len(places))
        entries.append(Entry(record.offset, record.timestamp, source, number, place, content))
    return Chunk(list(numbers), list(places), entries)
