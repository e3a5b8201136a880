"""A store in memory, for folding one batch again: it holds that batch's rows alone, so nothing is indexed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from app.engine.state.store import Rows, Store


class MemoryStore(Store):
    """The rows of one batch. A scan looks at all of them."""

    def __init__(self) -> None:
        super().__init__(Path("memory"))
        self._rows: dict[bytes, bytes] = {}
        self._stands_at = 0

    def open(self) -> None:
        """Nothing has to be opened."""

    def close(self) -> None:
        """Nothing has to be closed."""

    def wipe(self) -> None:
        """Forget all rows."""
        self._rows.clear()
        self._stands_at = 0

    def is_current(self) -> None:
        """Nothing is noted."""

    @property
    def offset(self) -> int:
        """The offset that was written last."""
        return self._stands_at

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        return self._rows.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The rows whose key starts with ``prefix``, in key order, from ``start`` on where it is given."""
        for key in sorted(key for key in self._rows if key.startswith(prefix) and key >= start):
            yield key, self._rows[key]

    def values(self, prefix: bytes) -> list[bytes]:
        """The values of :meth:`scan`."""
        return [value for _, value in self.scan(prefix)]

    def keys(self, prefix: bytes) -> list[bytes]:
        """The keys of :meth:`scan`."""
        return [key for key, _ in self.scan(prefix)]

    def keys_of(self, prefixes: Sequence[bytes]) -> Iterator[list[bytes]]:
        """The keys of each."""
        return map(self.keys, prefixes)

    def write(self, rows: Rows, offset: int, *, logged: bool = True) -> None:  # noqa: ARG002 - nothing outlives it
        """Write rows (None deletes)."""
        for key, value in rows.items() if isinstance(rows, Mapping) else rows:
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value
        self._stands_at = offset

    def size(self) -> int:
        """How many bytes the rows take."""
        return sum(len(key) + len(value) for key, value in self._rows.items())
