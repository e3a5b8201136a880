"""The data directory at start: made, written to, and taken by one worker, before a broker is asked anything."""

import contextlib
import errno
import fcntl
import os
import resource
from pathlib import Path
from typing import IO

from app.engine.state import disk_errors
from app.engine.state.disk_errors import FILES_A_PARTITION, DiskError, system_error, told
from app.lazy_log import Logger

log = Logger(__name__)

#: Beside the partitions' files: sockets to brokers and of HTTP, and what Python holds.
_FILES_BESIDE = 256

#: A new database opens about 12 files; three of them, Python's own, and a dozen sockets are under this.
_FILES_LEAST = 128

_PROBE = b"\0" * 4096  # a page: less than what any database begins with


def claim(datadir: Path, app_id: str) -> IO[str]:
    """Make the directory of this app id and take it for this process, which keeps what is returned open.

    Raises DiskError where it can't be written, or where another worker has it.
    """
    home = datadir / app_id
    _check_text(datadir)
    path = home / "worker.lock"
    with told(home, datadir):
        _make(home, datadir)
        probe = home / f"probe-{os.getpid()}"
        try:
            probe.write_bytes(_PROBE)
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()
        # A pipe or a device opens, too, or waits for ever.
        if path.exists() and not path.is_file():
            raise DiskError(disk_errors.not_a_file(path, datadir))
        lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read(32).strip()
        lock.close()
        told_by = f" (process {holder})" if holder.isdigit() else ""
        message = (
            f"ROLLCALL_DATADIR={datadir}: another worker{told_by} has it. Give every worker a directory of its own"
        )
        raise DiskError(message) from error
    except OSError as error:
        # Some network file systems have no such locks. RocksDB takes one for each partition, and fails by itself.
        log.debug("the data directory can't be locked", error=str(error), number=system_error(error) or errno.ENOLCK)
        return lock
    with contextlib.suppress(OSError):
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
    return lock


def _check_text(datadir: Path) -> None:
    """Refuse a path that the database can't be given: it takes UTF-8, and a file system any bytes but NUL."""
    if "\0" not in str(datadir):
        with contextlib.suppress(UnicodeEncodeError):
            str(datadir).encode()
            return
    message = f"ROLLCALL_DATADIR={str(datadir)!r} is not a path in UTF-8. Set ROLLCALL_DATADIR to another directory"
    raise DiskError(message)


def _make(home: Path, datadir: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:  # as /proc says that it makes none; or a broken link is in the way
        if disk_errors.in_the_way(home):
            raise
        message = f"ROLLCALL_DATADIR={datadir}: {home} can't be made: its file system makes no directories there. "
        raise DiskError(message + "Set ROLLCALL_DATADIR to another directory") from error


def raise_file_limit(datadir: Path, partitions: int) -> None:
    """Let this process open as many files as it may (the hard limit), and say where that is little for ``partitions``.

    The soft limit is 1,024 nearly everywhere, for the sake of programs that use select(2); this is none of them.
    Raises DiskError where it is too few for any worker: what would fail first is left to chance, a socket perhaps.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    wanted = _FILES_BESIDE + FILES_A_PARTITION * partitions
    if soft != resource.RLIM_INFINITY and soft < _FILES_LEAST:
        message = (
            f"ROLLCALL_DATADIR={datadir}: too many open files would be needed: the limit is {soft}. Raise it "
            f"(ulimit -n) to {wanted} for a worker that owns all {partitions} partitions; {_FILES_LEAST} is the least"
        )
        raise DiskError(message)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        log.warning(
            "few files may be open at once (ulimit -n): a worker that owns all partitions may need more",
            limit=soft,
            may_need=wanted,
        )
