"""The ports: what the engine is handed by the application, and what it asks of it.

The protocols are structural: an application's parts need not import the engine to implement them. They are called once
a chunk, a poll or a commit, never once a record, so that no record pays for them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol


class Observer(Protocol):
    """Counts what the engine does.

    Called after the fact, on the worker's event loop: an observer must neither block nor raise.
    """

    def polled(self, seconds: float) -> None:
        """Count a poll of the consumer: how long it took, the wait for records included."""

    def rekeyed(self, records: int) -> None:
        """Count inputs that the log has acknowledged."""

    def input_gap(self, topic: str, missed: int) -> None:
        """Count a partition of an input that could not be read on from where it was: ``missed`` offsets were deleted
        unread, or none, and the topic was made again. The one that is called on the consumer's own thread.
        """

    def commit_attempted(self, seconds: float, *, taken: bool) -> None:
        """Count a commit through the group: how long it took, and whether the group accepted it."""

    def committed(self, partitions: int) -> None:
        """Count the partitions whose offset the group has accepted."""

    def transaction_aborted(self) -> None:
        """Count a transaction that failed: its partition was taken over elsewhere, or the broker failed."""

    def taken_over(self, seconds: float) -> None:
        """Count a takeover: from the assignment of partitions until they were fenced and restored."""


class Store(Protocol):
    """The rows of one partition, sorted by key. The engine opens, writes, restores and closes it; tables read it."""

    @property
    def offset(self) -> int:
        """The next changelog offset: all before it is in the rows."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The rows whose key starts with ``prefix``, in key order, from ``start`` on where it is given."""

    def values(self, prefix: bytes) -> list[bytes]:
        """The values of :meth:`scan`, all at once."""

    def write(self, rows: Mapping[bytes, bytes | None] | Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """Write rows (None deletes) and the changelog offset that they stand at, all or nothing."""
