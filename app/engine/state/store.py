"""The local database of one partition: RocksDB, a copy of what the changelog says.

Losing it costs a restore, never data. It is written only after the changelog has the same rows (and, with
transactions, after they are committed), in one write batch together with the changelog offset that it then stands at,
so it is never ahead of the changelog and always at a known place of it.

A restore writes without RocksDB's own log, which takes two thirds of a write. After a crash the store is then further
back in the changelog, by what was not yet :meth:`Store.flush`-ed: RocksDB keeps write batches whole and in order, so
what is left is a beginning of them, with its offset.
"""

import contextlib
import shutil
import struct
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rocksdict import Rdict, RdictIter, WriteBatch

from app.engine.state import disk_errors, rocksdb
from app.engine.state.disk_errors import StoreError
from app.lazy_log import Logger

__all__ = ["LAYOUT", "LOCAL", "Store", "StoreError"]

log = Logger(__name__)

#: The layout of the local database. Another one on disk is thrown away and restored: it is only a copy.
LAYOUT = b"1"

#: The first byte of rows of the local database only: they describe it and never go to the changelog.
LOCAL = b"\x00"

#: Rows to be written; None deletes.
Rows = Mapping[bytes, bytes | None] | Iterable[tuple[bytes, bytes | None]]

_LAYOUT_KEY = LOCAL + b"layout"
_OFFSET_KEY = LOCAL + b"offset"
_IDENTITY_KEY = LOCAL + b"identity"
_SEEN_KEY = LOCAL + b"seen"
#: Seconds between two notes of when the store last had all of its changelog: of 16 hours it is nothing.
_BETWEEN_NOTES = 60.0
_SEEN = struct.Struct(">d")
_OFFSET = struct.Struct(">Q")


class Store:
    """The rows of one partition, and the changelog offset up to which they are the changelog's.

    Not thread-safe; one owner. :meth:`open` raises StoreError when another process holds the database. A damaged or
    foreign one is no error: an empty one takes its place, which is then restored.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: Rdict | None = None
        self._noted = float("-inf")
        # Whether there are writes that only a flush makes durable.
        self._unlogged = False

    @property
    def _open_db(self) -> Rdict:
        if self._db is None:
            message = f"the store {self.path} is not open"
            raise RuntimeError(message)
        return self._db

    def open(self) -> None:
        """Open the database, or start an empty one where no usable one exists."""
        with disk_errors.told(self.path.parent, self._datadir):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            marked = self._mark.exists()
        if marked:
            log.warning("local state was found damaged and will be restored", path=str(self.path))
            self.wipe()
            return
        try:
            self._db = rocksdb.database(self.path)
            layout = self._db.get(_LAYOUT_KEY)
        except Exception as error:
            # rocksdict raises bare Exception. What the system refuses is not damaged; a file that is not there is
            # (the directory is); whatever else it is, the changelog has the data.
            refused = disk_errors.disk_error(error, self.path, self._datadir)
            if refused is not None and not (disk_errors.missing(error) and self.path.is_dir()):
                raise refused from error
            log.warning("local state is damaged and will be restored", path=str(self.path), error=str(error))
            self.wipe()
            return
        if layout is None:
            with self._judged():
                self._db.put(_LAYOUT_KEY, LAYOUT)
        elif layout != LAYOUT:
            log.warning("local state has another layout and will be restored", path=str(self.path), layout=str(layout))
            self.wipe()

    def close(self) -> None:
        """Close the database; it can be opened again. Nothing happens when it isn't open. Never raises."""
        database, self._db = self._db, None
        if database is None:
            return
        self._unlogged = False
        try:
            database.close()
        except Exception as error:  # noqa: BLE001 - rocksdict raises no other; what is lost is restored
            log.warning("local state was not closed in order", path=str(self.path), error=str(error))

    def wipe(self) -> None:
        """Throw all rows away and start empty, at changelog offset 0. Raises StoreError where the system refuses it."""
        self.close()
        # What can't be removed must not be opened as if it had been.
        with self._judged():
            if self.path.exists():
                shutil.rmtree(self.path)
            self._mark.unlink(missing_ok=True)
            self._db = rocksdb.database(self.path)
            self._db.put(_LAYOUT_KEY, LAYOUT)
        self._noted = float("-inf")

    @property
    def offset(self) -> int:
        """The next changelog offset: all before it is in the rows."""
        value = self.get(_OFFSET_KEY)
        return 0 if value is None else int(_OFFSET.unpack(value)[0])

    @property
    def identity(self) -> str | None:
        """Of what the rows are a copy, as :meth:`label` noted it; None where it did not."""
        value = self.get(_IDENTITY_KEY)
        return None if value is None else value.decode()

    def label(self, identity: str) -> None:
        """Keep of what the rows are a copy. It goes when the store is wiped."""
        self._put(_IDENTITY_KEY, identity.encode())

    @property
    def seen(self) -> float | None:
        """When the store last had all of its changelog, as far as it noted (seconds since the epoch); None if never."""
        value = self.get(_SEEN_KEY)
        return None if value is None else float(_SEEN.unpack(value)[0])

    def is_current(self) -> None:
        """Note, once a minute at most, that it has all of its changelog now: the whole of it, or of nothing yet."""
        now = time.time()
        if abs(now - self._noted) >= _BETWEEN_NOTES:
            self._put(_SEEN_KEY, _SEEN.pack(now))
            self._noted = now

    def _put(self, key: bytes, value: bytes) -> None:
        """Write a row about the store itself: as durable as what was written before it."""
        database = self._open_db
        with self._judged():
            database.put(key, value, write_opt=rocksdb.UNLOGGED if self._unlogged else rocksdb.LOGGED)

    @property
    def empty(self) -> bool:
        """Whether there is no row, but for those about the database itself."""
        database = self._open_db
        with self._judged():
            return not rocksdb.any_from(database, rocksdb.end_of(LOCAL))

    def get(self, key: bytes) -> bytes | None:
        """The value of a row, or None. Raises StoreError where the database turns out to be damaged."""
        database = self._open_db
        try:
            value: bytes | None = database.get(key)
        except Exception as error:
            raise self._damaged(error) from error
        return value

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The rows whose key starts with ``prefix``, in key order, from ``start`` on where it is given.

        Raises StoreError where the database turns out to be damaged: half a batch would be a wrong batch.
        """
        database = self._open_db
        with self._judged():
            yield from rocksdb.scan(database, prefix, start or prefix)

    def values(self, prefix: bytes) -> list[bytes]:
        """The values of :meth:`scan`, all at once and in half its time."""
        return self._all(prefix, RdictIter.value)

    def keys(self, prefix: bytes) -> list[bytes]:
        """The keys of :meth:`scan`, all at once, without reading their values."""
        return self._all(prefix, RdictIter.key)

    def _all(self, prefix: bytes, part: Callable[[RdictIter], bytes]) -> list[bytes]:
        database = self._open_db
        try:
            return rocksdb.all_of(database, prefix, part)
        except Exception as error:
            raise self._damaged(error) from error

    def keys_of(self, prefixes: Sequence[bytes]) -> Iterator[list[bytes]]:
        """:meth:`keys` for each of several prefixes that begin with the same byte, in five sixths of its time: one
        iterator looks for all of them. It sees the rows as they are when it begins.
        """
        database = self._open_db
        with self._judged():
            yield from rocksdb.keys_of(database, prefixes) if prefixes else ()

    @contextlib.contextmanager
    def _judged(self) -> Iterator[None]:
        """Whatever the database or the system raises within is raised as a StoreError."""
        try:
            yield
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> StoreError:
        """What the system refuses, by name; else mark the database, so that the next start throws it away.

        An error keeps, for as long as anybody has it, what the reads below had at hand when it was raised: an iterator,
        while there is one of which the database is not closed. They are done, so it lets go of that.
        """
        traceback.clear_frames(error.__traceback__)
        refused = disk_errors.disk_error(error, self.path, self._datadir)
        if refused is not None:
            return refused
        with disk_errors.told(self.path, self._datadir):
            self._mark.touch()
        log.error("local state is damaged", path=str(self.path), error=str(error))
        return StoreError(f"{self.path} is damaged: {error}. Start again: it will be restored from the changelog")

    @property
    def _datadir(self) -> Path:
        """ROLLCALL_DATADIR, below which the path is the app id's and the partition's."""
        return self.path.parent.parent

    @property
    def _mark(self) -> Path:
        return self.path.with_name(f"{self.path.name}.damaged")

    def write(self, rows: Rows, offset: int, *, logged: bool = True) -> None:
        """Write rows (None deletes) and the changelog offset they stand at, all or nothing. Raises StoreError.

        Unless ``logged``, they are durable after the next :meth:`flush` only: a crash before it takes the latest of
        such writes back.
        """
        batch = WriteBatch(raw_mode=True)
        for key, value in rows.items() if isinstance(rows, Mapping) else rows:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_OFFSET_KEY, _OFFSET.pack(offset))
        if logged:
            # Or a crash would leave this one, and not those before it.
            self.flush()
        database = self._open_db
        self._unlogged = self._unlogged or not logged
        with self._judged():
            database.write(batch, rocksdb.LOGGED if logged else rocksdb.UNLOGGED)

    def flush(self, *, wait: bool = True) -> None:
        """Make durable what was not logged; unless ``wait``, begin with it. Raises StoreError."""
        if self._unlogged:
            with self._judged():
                self._open_db.flush(wait=wait)
            self._unlogged = not wait

    def size(self) -> int:
        """About how many bytes the database takes on disk."""
        size = 0
        for file in self.path.glob("*"):
            # RocksDB deletes files in threads of its own; and what can't be looked at has no size.
            with contextlib.suppress(OSError):
                size += file.stat().st_size
        return size

    def rows(self) -> int:
        """About how many rows the database has, by its own estimate; 0 when it isn't open."""
        return 0 if self._db is None else self._db.property_int_value("rocksdb.estimate-num-keys") or 0
