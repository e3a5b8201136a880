"""The compiled module (``native/src/python.rs``). Nothing here refuses an input; ``None`` means: ask the twin."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

INTERFACE: int

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]
#: A record for the log: its partition, key, value and headers.
Routed: TypeAlias = tuple[int, bytes | None, bytes | None, Headers]
#: A field: name, kind, what else is said of the kind, whether it may be null, whether it must be there, and its slot.
Field: TypeAlias = tuple[str, str, object, bool, bool, int | None]
#: Each constant piece with the number of the slot behind it, and the piece at the end.
Pieces: TypeAlias = tuple[list[tuple[bytes, int]], bytes]

class Records:
    """Records of a fetch: an index into its bytes. ``number`` counts them from 0; IndexError where there is none."""

    @staticmethod
    def index(raw: bytes) -> Records | None:
        """Index record batches. None where anything is not plain: compressed, another version, a wrong checksum."""
    def kept(self, batches: Sequence[tuple[int, int]]) -> Records:
        """Those of the batches with these numbers (ascending, from 0) that are at the offset beside it or behind."""
    def part(self, begin: int, end: int) -> Records:
        """Those from number ``begin`` up to ``end``."""
    def __len__(self) -> int: ...
    @property
    def size(self) -> int:
        """Bytes of all values."""
    def rows(self) -> list[tuple[bytes | None, bytes | None]]:
        """Key and value of each."""
    def fitting(self, room: int) -> int:
        """How many it takes to fill ``room`` bytes; all if they don't."""
    def before(self, offset: int) -> int:
        """How many stand before an offset."""
    def record(self, number: int) -> tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]:
        """Offset, time (ms), key, value and headers of one."""

class Batches:
    """Record batches of one topic under construction, of at most ``limit`` bytes or one record each."""

    def __init__(self, partitions: int, limit: int) -> None: ...
    def add(self, partition: int | None, key: bytes | None, value: bytes | None, headers: Headers, time: int) -> None:
        """Add a record of time ``time`` (ms); without ``partition`` to that of its key."""
    def add_rows(self, partition: int, rows: Sequence[tuple[bytes, bytes | None]], time: int) -> None:
        """Add records without headers."""
    def finish(self) -> list[tuple[int, int, Finished]]:
        """Partition and number of records of each batch, and the batch; there are none then."""

class Finished:
    """A finished batch. It wants a :meth:`seal`."""

    def __init__(self, data: bytes) -> None: ...
    def __len__(self) -> int: ...
    def seal(self, producer: int, epoch: int, sequence: int, attributes: int) -> bytes:
        """Its bytes, with its producer's id, epoch and sequence, its attributes, and the checksum."""

class Router:
    """Re-keys inputs of the topic with this code. Those with longer ids, or more bytes, are not plain."""

    def __init__(self, code: int, longest_id: int, largest: int) -> None: ...
    def route(
        self,
        records: Records,
        partition: int,
        generation: bytes | None,
        batches: Batches,
        time: int,
        other: Callable[[int], Routed],
    ) -> None:
        """Write the log's records; ``other`` is asked for that of each record (by number) that is not plain."""

class Reader:
    """Reads contents: ``fields`` of the envelope, the code of their topic of so many, the tag of their event."""

    def __init__(self, fields: Sequence[Field], code: int, topics: int, tag: int) -> None: ...
    def read(self, chunk: Sequence[Records], largest: int) -> bytes:
        """A chunk (:class:`app.wire.chunk.Chunk`) as MessagePack. One of more than ``largest`` bytes is not plain."""

class Writer:
    """Writes outputs in short (:class:`app.core.messages.Assigned`) to ``topic``. ``headers`` are the names of those
    for event id, topic and correlation id; ``plain`` and ``traced`` the pieces of an output without a trace
    and with one.
    """

    def __init__(self, topic: bytes, headers: tuple[bytes, bytes, bytes], plain: Pieces, traced: Pieces) -> None: ...
    def write(self, outputs: Sequence[bytes], at: bytes, service: bytes, batches: Batches, time: int) -> None:
        """Write outputs (MessagePack, in pieces). ``at`` and ``service`` are as they stand in JSON. ValueError where
        the bytes are others.
        """
