"""A chunk of the log, read: where each record stands, and the content that it brings, where that is plain.

Nearly every record is a content in which nothing is wrong. Those are read together, before the first one is folded;
each other record (a registration, a failure, a tick, an act, what can't be used) has no content here, and is read when
its turn comes.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.core.events import CONTENT, INPUTS, Content, Position, Source
from app.wire.decode import Decoded, RejectedError, decode
from app.wire.record import read_generation, read_source

_CONTENT = INPUTS.index(CONTENT)

#: In place of a number, of a record that is no plain content.
NONE = -1


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


class Chunk(NamedTuple):
    """Records of the log, read: in columns, with an element for each record.

    ``batch_ids`` and ``places`` are what is numbered: the batches, and the input partitions, each with the generation
    of its topic, empty where a record names none. The columns: ``at`` and ``time``, the offset and the append time (ms)
    in the log; then, of a plain content, the number of its batch (``batch``), that of its input partition (``place``),
    its ``offset`` there, and the ``content``. Of any other record those are NONE and None.
    """

    batch_ids: list[str]
    places: list[tuple[int, int, bytes]]
    at: list[int]
    time: list[int]
    batch: list[int]
    place: list[int]
    offset: list[int]
    content: list[Content | None]

    def position(self, number: int) -> Position:
        """Where the content of record ``number`` stands."""
        topic, partition, _ = self.places[self.place[number]]
        return Position(self.at[number], self.time[number], Source(topic, partition, self.offset[number]))


def read(records: Sequence[LogRecord], largest: int) -> Chunk:
    """Read records; a content of more than ``largest`` bytes is not plain. Never raises, whatever the bytes are."""
    numbers: dict[str, int] = {}
    places: dict[tuple[int, int, bytes], int] = {}
    chunk = Chunk([], [], [], [], [], [], [], [])
    for record in records:
        headers = record.headers
        source = read_source(headers)
        decoded = None if source is None or source.topic != _CONTENT else _decoded(record, largest)
        number, place, offset, content = NONE, NONE, NONE, None
        if source is not None and decoded is not None and isinstance(decoded.event, Content):
            number, content = numbers.setdefault(decoded.batch_id, len(numbers)), decoded.event
            generation = read_generation(headers)
            place = places.setdefault((source.topic, source.partition, generation), len(places))
            offset = source.offset
        chunk.at.append(record.offset)
        chunk.time.append(record.timestamp)
        chunk.batch.append(number)
        chunk.place.append(place)
        chunk.offset.append(offset)
        chunk.content.append(content)
    return chunk._replace(batch_ids=list(numbers), places=list(places))


def _decoded(record: LogRecord, largest: int) -> Decoded | None:
    """The content, if it is one: else the join reads it again, and says why it can't be used."""
    try:
        return decode(CONTENT, record.value, largest)
    except RejectedError:
        return None
