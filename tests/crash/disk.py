"""Local state: what survives a process, and in front of it a store with the interface of `app.engine.state.store`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.crash.process import Process

Rows = dict[bytes, bytes | None]


@dataclass
class Database:
    """The rows of one partition, and the changelog offset they stand at; changed as one."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    offset: int = 0
    locked: bool = False
    identity: str | None = None
    #: Rows, offset and identity as a crash would leave them, where the latest writes were not logged.
    durable: tuple[dict[bytes, bytes], int, str | None] | None = None

    def crash(self) -> None:
        """Take back what was not logged."""
        self.locked = False
        if self.durable is not None:
            self.rows, self.offset, self.identity = self.durable
            self.durable = None


class Disk:
    """A datadir: databases by path."""

    def __init__(self) -> None:
        self.databases: dict[Path, Database] = {}

    def unlock(self) -> None:
        """Release what a process that died held open."""
        for database in self.databases.values():
            database.crash()


class SimulatedStore:
    """A store of ``process``: a write batch is all or nothing, and each is a place to die before or behind."""

    def __init__(self, process: "Process", path: Path) -> None:
        self.path = path
        self._process = process
        self._database: Database | None = None

    @property
    def _open(self) -> Database:
        if self._database is None:
            message = f"the store {self.path} is not open"
            raise RuntimeError(message)
        return self._database

    def open(self) -> None:
        """Open it; one at a time."""
        database = self._process.disk.databases.setdefault(self.path, Database())
        if database.locked:
            message = f"{self.path} is in use by another process"
            raise RuntimeError(message)
        database.locked = True
        self._database = database

    def close(self) -> None:
        """Close it."""
        if self._database is not None:
            self._database.locked = False
            self._database.durable = None
            self._database = None

    def wipe(self) -> None:
        """Throw all rows away."""
        self._open.rows.clear()
        self._open.offset = 0
        self._open.identity = None
        self._open.durable = None

    @property
    def offset(self) -> int:
        """The next changelog offset."""
        return self._open.offset

    @property
    def identity(self) -> str | None:
        """Of what the rows are a copy."""
        return self._open.identity

    #: When it last had all of its changelog; nothing of the simulated time comes near the bound.
    seen = None

    def is_current(self) -> None:
        """Nothing is noted."""

    def label(self, identity: str) -> None:
        """Keep of what the rows are a copy."""
        self._open.identity = identity

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return not self._open.rows

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None."""
        return self._open.rows.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The rows whose key starts with ``prefix``, in key order, as they are now; from the key ``start`` on."""
        rows, first = self._open.rows, start or prefix
        yield from sorted((key, value) for key, value in rows.items() if key >= first and key.startswith(prefix))

    def values(self, prefix: bytes) -> list[bytes]:
        return [value for _, value in self.scan(prefix)]

    def keys(self, prefix: bytes) -> list[bytes]:
        return [key for key, _ in self.scan(prefix)]

    def keys_of(self, prefixes: Sequence[bytes]) -> Iterator[list[bytes]]:
        return map(self.keys, prefixes)

    def write(
        self,
        rows: Mapping[bytes, bytes | None] | Iterable[tuple[bytes, bytes | None]],
        offset: int,
        *,
        logged: bool = True,
    ) -> None:
        """Write rows and the offset they stand at, all or nothing; durably once it is flushed, unless ``logged``."""
        database = self._open
        new = dict(rows)
        if logged:
            self.flush()

        def effect() -> None:
            if not logged and database.durable is None:
                database.durable = dict(database.rows), database.offset, database.identity
            apply_rows(database.rows, new.items())
            database.offset = offset

        self._process.write_locally("store.write", effect)

    def flush(self, *, wait: bool = True) -> None:
        """Make durable what was not logged; as if that took until it is waited for."""
        if wait:
            self._open.durable = None


def apply_rows(rows: dict[bytes, bytes], changes: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Apply changes to rows: None deletes."""
    for key, value in changes:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
