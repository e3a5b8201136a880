"""What the operating system refuses is told by name and damages nothing; only what is damaged is thrown away."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.engine.state import datadir
from app.engine.state.disk_errors import DiskError, StoreError, disk_error, system_error
from app.engine.state.store import Store

NOBODY = 65534

#: Texts of RocksDB 10 and its binding, as they were seen.
SEEN = [
    ("File exists (os error 17)", errno.EEXIST),
    ("Permission denied (os error 13)", errno.EACCES),
    ("IO error: While lock file: /d/LOCK: Resource temporarily unavailable", errno.EAGAIN),
    ("IO error: lock hold by current process, acquire time 17 acquiring thread 1: /d/LOCK: No locks available", 11),
    ("IO error: No space left on device: While appending to file: /d/4.log: No space left on device", errno.ENOSPC),
    ("IO error: While appending to file: /d/000004.log: File too large", errno.EFBIG),
    ("IO error: While open a file for appending: /d/000000.dbtmp: Too many open files", errno.EMFILE),
    ("IO error: while open a file for lock: /d/LOCK: Too many open files", errno.EMFILE),
    ("IO error: While opendir: /d: Too many open files", errno.EMFILE),
    ("IO error: While open a file for random read: /d/9.sst: Permission denied", errno.EACCES),
    ("IO error: While pread offset 0 len 4096: /d/9.sst: Input/output error", errno.EIO),
    ("IO error: While open a file for appending: /d/LOG: Read-only file system", errno.EROFS),
    ("IO error: No such file or directory: While open a file for appending: /d/8.log: No such file or directory", 2),
    ("IO error: Writer has previous error.", 0),
]


@pytest.mark.parametrize(("text", "code"), SEEN)
def test_an_error_of_the_system_is_known_by_its_words_or_number(text: str, code: int) -> None:
    assert system_error(Exception(text)) == code


@pytest.mark.parametrize(
    "text",
    [
        "Corruption: block checksum mismatch: stored = 1, computed = 2 in /d/9.sst offset 0 size 9",
        "Corruption: no log_file_number, next_file_number, last_sequence entry in MANIFEST",
        "Not implemented: Unsupported compression method",
        "Invalid argument: Column family not found",
    ],
)
def test_damage_is_no_error_of_the_system(text: str) -> None:
    assert system_error(Exception(text)) is None


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_whatever_the_system_says_is_one_line_with_the_setting_the_path_the_cause_and_a_remedy(
    code: int, tmp_path: Path
) -> None:
    found = disk_error(OSError(code, os.strerror(code)), tmp_path / "rollcall" / "partition-0", tmp_path)
    assert isinstance(found, StoreError)
    line = str(found)
    assert line.startswith(f"ROLLCALL_DATADIR={tmp_path}: ")
    assert str(tmp_path / "rollcall" / "partition-0") in line
    assert "\n" not in line
    assert "damaged" not in line
    assert len(line.rsplit(". ", 1)[1]) > 10, "a remedy"


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom permission bits bind: root's are for others only."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def not_permitted(path: Path) -> None:
    path.mkdir()
    path.chmod(0o500)


def a_loop(path: Path) -> None:
    path.symlink_to(path)


#: How a data directory can be unusable from the start, what the line says of it.
IN_THE_WAY: list[tuple[str, Any, str]] = [
    ("a file", lambda path: path.write_text(""), "is a file where a directory is needed. Move it away"),
    ("a file above", lambda path: path.parent.write_text(""), "is a file where a directory is needed. Move it away"),
    ("a broken link", lambda path: path.symlink_to("/nowhere/at/all"), "is a link to /nowhere/at/all, which does not"),
    ("links in a circle", a_loop, "Move it away"),
    ("permission", not_permitted, "permission denied for user"),
]


@pytest.mark.parametrize(("kind", "prepare", "says"), IN_THE_WAY, ids=[kind for kind, *_ in IN_THE_WAY])
def test_a_data_directory_that_can_not_be_made_or_written_is_told_at_start(
    kind: str, prepare: Any, says: str, tmp_path: Path
) -> None:
    chosen = tmp_path / "above" / "data"
    if kind != "a file above":
        chosen.parent.mkdir()
    prepare(chosen)
    bound = without_privileges() if kind == "permission" else contextlib.nullcontext()
    with bound, pytest.raises(DiskError, match="ROLLCALL_DATADIR=") as raised:
        datadir.claim(chosen, "rollcall")
    assert says in str(raised.value)


@pytest.mark.parametrize("kind", ["a pipe", "a directory", "a device", "a socket", "a link in a circle"])
def test_a_lock_that_is_no_file_is_told_at_start_and_not_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rollcall" / "worker.lock"
    path.parent.mkdir()
    strange(path, kind)
    with pytest.raises(DiskError, match=rf"ROLLCALL_DATADIR={tmp_path}: .* can't be used: .*Move it away"):
        datadir.claim(tmp_path, "rollcall")


def test_a_file_system_that_makes_no_directories_is_told_at_start() -> None:
    with pytest.raises(DiskError, match="makes no directories there"):
        datadir.claim(Path("/proc/rollcall-data"), "rollcall")


@pytest.mark.parametrize("kind", ["a directory", "a socket", "a link in a circle"])
@pytest.mark.parametrize("name", ["CURRENT", "LOCK", "LOG", "rollcall.sst"])
def test_what_is_no_file_inside_of_a_store_is_named_or_ignored(name: str, kind: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "rollcall" / "partition-0")
    store.path.mkdir(parents=True)
    strange(store.path / name, kind)
    try:
        store.open()
        assert store.size() > 0
        store.close()
    except DiskError as error:
        assert f"{store.path / name} is no file, and a file is needed" in str(error)  # noqa: PT017 - or it is of no use to it


def strange(path: Path, kind: str) -> None:
    """Put what is no file in the place of one."""
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a directory":
        path.mkdir()
    elif kind == "a device":
        path.symlink_to("/dev/null")
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(path.parent):  # a socket's path has 107 bytes
            made.bind(path.name)
    else:
        a_loop(path)


#: What asks the database something: whatever it answers is told by name.
ASKED: list[Any] = [
    lambda store: store.offset,
    lambda store: store.identity,
    lambda store: store.label("topic"),
    lambda store: store.get(b"b"),
    lambda store: store.write({b"b": b"x"}, 1),
]


@pytest.mark.parametrize("ask", ASKED)
def test_whatever_a_store_is_asked_an_error_of_the_system_is_told(ask: Any, tmp_path: Path) -> None:
    class Full:
        def __getattr__(self, _: str) -> Any:
            def refuse(*_: Any, **__: Any) -> None:
                message = "IO error: While appending to file: /d/4.log: No space left on device"
                raise Exception(message)  # noqa: TRY002 - as rocksdict does

            return refuse

    store = Store(tmp_path / "rollcall" / "partition-0")
    store._db = Full()  # type: ignore[assignment]
    with pytest.raises(DiskError, match="no space left on its file system"):
        ask(store)


@pytest.mark.parametrize("name", [os.fsdecode(b"x\xff\xfe"), "nul\0", "\ud800"])
def test_a_path_that_is_no_text_is_told_at_start_and_is_no_damage(name: str, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="is not a path in UTF-8") as raised:
        datadir.claim(tmp_path / name, "rollcall")
    assert str(raised.value).isprintable()


def test_a_path_that_is_too_long_is_told_at_start(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="the path is too long"):
        datadir.claim(tmp_path / ("x" * 300), "rollcall")


def test_a_data_directory_belongs_to_one_worker_at_a_time_and_to_the_next_one_after_it(tmp_path: Path) -> None:
    first = datadir.claim(tmp_path, "rollcall")
    with pytest.raises(DiskError, match=rf"another worker \(process {os.getpid()}\) has it"):
        datadir.claim(tmp_path, "rollcall")
    datadir.claim(tmp_path, "another-app").close()
    first.close()
    datadir.claim(tmp_path, "rollcall").close()
    assert [path.name for path in (tmp_path / "rollcall").iterdir()] == ["worker.lock"]


@pytest.mark.parametrize(("kind", "prepare", "says"), IN_THE_WAY, ids=[kind for kind, *_ in IN_THE_WAY])
def test_a_store_whose_place_can_not_be_used_is_no_damage(kind: str, prepare: Any, says: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "rollcall" / "partition-0")
    if kind != "a file above":
        store.path.parent.mkdir()
    prepare(store.path)
    bound = without_privileges() if kind == "permission" else contextlib.nullcontext()
    with bound, capture_logs() as lines, pytest.raises(StoreError) as raised:
        store.open()
    assert says in str(raised.value)
    assert not [line for line in lines if "damaged" in line["event"]]


def test_how_an_error_ends_tells_the_system_s_whatever_comes_before_it() -> None:
    assert system_error(Exception("Invalid argument: /d/partition-0/CURRENT: Too many open files")) == errno.EMFILE
    assert system_error(Exception("Corruption: /d/partition-0/CURRENT: No such file or directory")) is None
    assert system_error(Exception("Corruption: block checksum mismatch")) is None
    assert system_error(Exception("Invalid argument: /d/partition-0: No such file or directory")) == errno.ENOENT
