"""What the operating system says when the data directory can't be used, as a line that an operator can act on.

RocksDB and its binding raise bare exceptions with a text, in which the system's error is recognised by its words
(``IO error: While appending to file: …: No space left on device``) or by its number (``… (os error 13)``). None of it
means that data are damaged: throwing the database away for it would cost a restore, again at each start.
"""

import contextlib
import errno
import os
import re
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from app.errors import OperatorError

_NUMBER = re.compile(r"\(os error (\d+)\)\s*$")
#: The system's words for each of its errors, as RocksDB ends its texts with them.
_WORDS = {os.strerror(code): code for code in errno.errorcode}
_HELD = ("While lock file", "lock hold by", "while open a file for lock")
#: RocksDB's word for most errors of the system, also for those whose words are not known here.
_SYSTEM = "IO error"
#: Its word for what it has read and can't make sense of. A file that isn't there is that, too: its own list names it.
_DAMAGE = "Corruption"

#: The hardware, or the network that the file system is on.
_FAILING = frozenset(
    {
        errno.EIO,
        errno.ENXIO,
        errno.ENODEV,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.EREMOTEIO,
        errno.EUCLEAN,
        errno.ETIMEDOUT,
    }
)
_MIB = 1024 * 1024

#: Files that RocksDB may hold open for a partition: 256 of its data, and about 24 beside them (log, manifest, lock).
FILES_A_PARTITION = 280


class StoreError(OperatorError):
    """The local database can't be used, for a reason that throwing it away would not mend."""


class DiskError(StoreError):
    """The operating system refuses the data directory. What is there is not damaged; nothing of it is thrown away."""


def system_error(error: BaseException) -> int | None:
    """The number of the system's error behind this exception; None where it is not one of the system's.

    0 stands for one that has no number that is known here.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    text = str(error).strip()
    numbered = _NUMBER.search(text)
    if numbered:
        return int(numbered[1])
    system = text.startswith(_SYSTEM)
    if system and any(word in text for word in _HELD[:2]):
        return errno.EAGAIN
    # How a text ends is the system's, whatever stands before it.
    ending = _WORDS.get(text.rsplit(": ", 1)[-1], 0 if system else None)
    return None if ending == errno.ENOENT and text.startswith(_DAMAGE) else ending


def missing(error: BaseException) -> bool:
    """Whether a file or directory is not there."""
    return system_error(error) == errno.ENOENT


def disk_error(error: BaseException, path: Path, datadir: Path) -> StoreError | None:
    """The line about ``path``, below the data directory; None where the error is not one of the system's."""
    code = system_error(error)
    if code is None:
        return None
    if code == errno.EAGAIN:
        message = f"ROLLCALL_DATADIR={datadir}: {path} is in use by another process: another worker has it. "
        return StoreError(message + "Give every worker a directory of its own")
    cause, remedy = _cause(code, path, datadir)
    return DiskError(f"ROLLCALL_DATADIR={datadir}: {path} can't be used: {cause or error}. {remedy}")


@contextlib.contextmanager
def told(path: Path, datadir: Path) -> Iterator[None]:
    """Whatever the system refuses within is raised as a :class:`DiskError` about ``path``."""
    try:
        yield
    except OSError as error:
        found = disk_error(error, path, datadir)
        if found is None:
            raise
        raise found from error


def _cause(code: int, path: Path, datadir: Path) -> tuple[str, str]:  # noqa: C901, PLR0911, PLR0912 - a table with words of its own for each
    """What is wrong, and what puts it right."""
    elsewhere = "set ROLLCALL_DATADIR to another directory"
    match code:
        case errno.EACCES | errno.EPERM:
            user = os.geteuid()
            return f"permission denied for user {user}", f"Let user {user} write there (chown), or {elsewhere}"
        case errno.EROFS:
            return "its file system is read-only", f"Mount it writable, or {elsewhere}"
        case errno.ENOSPC if _no_inodes(path):
            return (
                "its file system has room, but no inodes left for further files",
                f"Remove files there, or {elsewhere}. Nothing is lost: the changelog has all of it",
            )
        case errno.ENOSPC | errno.EDQUOT:
            room = "" if code == errno.EDQUOT else _room(datadir)
            finding = "the user's quota is used up" if code == errno.EDQUOT else "no space left on its file system"
            return f"{finding}{room}", f"Make room, or {elsewhere}. Nothing is lost: the changelog has all of it"
        case errno.EFBIG:
            limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
            return f"a file may not grow over {limit} bytes", "Raise the limit of the size of files (ulimit -f)"
        case errno.EMFILE:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            return (
                f"too many open files: the limit is {limit}",
                f"Raise it (ulimit -n); a partition may need {FILES_A_PARTITION}",
            )
        case errno.ENFILE:
            return "too many open files on this machine", "Raise fs.file-max, or see who holds so many"
        case errno.EEXIST | errno.ENOTDIR | errno.EISDIR | errno.ELOOP:
            return in_the_way(path) or _odd_one_in(path) or os.strerror(code), f"Move it away, or {elsewhere}"
        case errno.ENAMETOOLONG:
            return "the path is too long", f"Shorten ROLLCALL_APP_ID, or {elsewhere} with a shorter path"
        case errno.ENOENT:
            return (
                in_the_way(path) or "the directory, or a file in it, was removed under the worker",
                "Start again: what is missing is restored from the changelog",
            )
        case errno.ENOMEM:
            return "the machine has no memory left", "Give the worker more memory, or lower ROLLCALL_CACHE_UPLOADS"
        case errno.ENOLCK | errno.EOPNOTSUPP:
            return "its file system has no locks", f"Use a local disk: {elsewhere}"
        case errno.ENXIO if finding := _odd_one_in(path):
            return finding, f"Move it away, or {elsewhere}"
        case code if code in _FAILING:
            return f"the disk or its mount fails ({os.strerror(code)})", f"See the system's log (dmesg), or {elsewhere}"
    return (os.strerror(code) if code else ""), f"See to the file system, or {elsewhere}"


def in_the_way(path: Path) -> str:
    """What stands where a directory is needed: the first such part of the path."""
    for part in (*reversed(path.absolute().parents), path.absolute()):
        if part.is_symlink() and not part.exists():
            with contextlib.suppress(OSError):
                return f"{part} is a link to {part.readlink()}, which does not lead anywhere"
        if part.exists() and not part.is_dir():
            return f"{part} is a file where a directory is needed"
    return ""


def not_a_file(path: Path, datadir: Path) -> str:
    """The line about something that stands where a file is needed."""
    return f"ROLLCALL_DATADIR={datadir}: {path} can't be used: it is no file, and a file is needed. Move it away"


def _odd_one_in(path: Path) -> str:
    """What is no file in the directory of a database, where there are only files."""
    with contextlib.suppress(OSError):
        for entry in sorted(path.iterdir()):
            with contextlib.suppress(OSError):  # one that can't be looked at: a link to itself
                if entry.is_file():
                    continue
            return f"{entry} is no file, and a file is needed"
    return ""


def _no_inodes(path: Path) -> bool:
    """Whether no file can be made because there are as many as there may be."""
    place = next((part for part in (path, *path.parents) if part.exists()), path)
    with contextlib.suppress(OSError):
        found = os.statvfs(place)
        return found.f_files > 0 and found.f_favail == 0
    return False


def _room(datadir: Path) -> str:
    try:
        usage = shutil.disk_usage(datadir)
    except OSError:
        return ""
    return f" ({usage.free / _MIB:.1f} of {usage.total / _MIB:.1f} MiB are free)"
