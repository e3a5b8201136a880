"""The records of a fetch as an index into its bytes: a record is read when it is asked for, and mostly none is."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

if TYPE_CHECKING:
    from app.native import _native as rust


class IndexedRecord(NamedTuple):
    """A record; ``timestamp`` in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class IndexedRecords(Sequence[IndexedRecord]):
    """Records of one partition in order. ``parts`` are of one fetch each."""

    def __init__(self, parts: "list[rust.Records]") -> None:
        #: What was read of them ahead (:mod:`app.wire.native_reading`), until it is used.
        self.read: bytes | None = None
        self.parts = [part for part in parts if len(part)]
        self._count = sum(map(len, self.parts))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> IndexedRecord: ...
    @overload
    def __getitem__(self, number: slice) -> "IndexedRecords": ...

    def __getitem__(self, number: int | slice) -> "IndexedRecord | IndexedRecords":
        if isinstance(number, slice):
            return self._slice(*number.indices(self._count)[:2])
        left = number + self._count if number < 0 else number
        if left >= 0:
            for part in self.parts:
                if left < len(part):
                    return IndexedRecord(*part.record(left))
                left -= len(part)
        raise IndexError(number)

    def __iter__(self) -> Iterator[IndexedRecord]:
        for part in self.parts:
            for number in range(len(part)):
                yield IndexedRecord(*part.record(number))

    def __add__(self, other: "IndexedRecords") -> "IndexedRecords":
        return IndexedRecords([*self.parts, *other.parts])

    @property
    def size(self) -> int:
        """Bytes of all values."""
        return sum(part.size for part in self.parts)

    def rows(self) -> list[tuple[bytes | None, bytes | None]]:
        """Key and value of each, in a quarter of the time that asking each for them takes."""
        return [row for part in self.parts for row in part.rows()]

    def time_at(self, offset: int) -> int:
        """The time (ms) of the first record at this offset or behind it. Raises IndexError where there is none."""
        for part in self.parts:
            number = part.before(offset)
            if number < len(part):
                return part.record(number)[1]
        raise IndexError(offset)

    def since(self, position: int) -> "IndexedRecords":
        """Those at offset ``position`` or behind it."""
        return IndexedRecords([part.part(part.before(position), len(part)) for part in self.parts])

    def fitting(self, room: int) -> int:
        """How many of them it takes to fill ``room`` bytes; all of them if they don't."""
        count = 0
        for part in self.parts:
            fitting = part.fitting(room)
            count += fitting
            room -= part.size
            if fitting < len(part) or room <= 0:
                break
        return count

    def _slice(self, begin: int, end: int) -> "IndexedRecords":
        parts: list[Any] = []
        for part in self.parts:
            if begin < len(part) and end > 0:
                parts.append(part.part(max(begin, 0), end))
            begin, end = begin - len(part), end - len(part)
        return IndexedRecords(parts)


def rows_of(records: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Key and value of each record of a fetch, whichever form it has."""
    if isinstance(records, IndexedRecords):
        return records.rows()
    return [(record.key, record.value) for record in records]
