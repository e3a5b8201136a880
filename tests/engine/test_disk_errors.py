"""What the operating system refuses is told by name and damages nothing; only what is damaged is thrown away."""

import contextlib
import errno
import os
import resource
import shutil
import socket
import subprocess
import sys
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
            def refuse(*_: Any) -> None:
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


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 2 MiB, or with other options."""
    place = tmp_path / "small"
    place.mkdir()
    options = getattr(request, "param", "size=2m")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(store: Store) -> None:
    """More than there is room for."""
    for number in range(100):
        store.write({b"k%d" % number: os.urandom(50_000)}, number + 1)


def test_a_disk_that_fills_up_stops_the_store_and_what_was_written_before_is_there_once_there_is_room(
    small: Path,
) -> None:
    store = Store(small / "rollcall" / "partition-0")
    store.open()
    with pytest.raises(DiskError, match=r"no space left on its file system \(0\.\d of 2\.0 MiB are free\). Make room"):
        fill(store)
    with capture_logs() as lines:
        store.close()
        with pytest.raises(DiskError, match="no space left"):
            store.open()
        store.close()
    assert not [line for line in lines if "damaged" in line["event"]]
    assert store.path.exists()
    with contextlib.suppress(OSError), (small / "filler").open("wb", buffering=0) as filler:
        while filler.write(b"x" * 512):
            pass
    with pytest.raises(DiskError, match="no space left"):
        datadir.claim(small, "rollcall")
    subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
    store.open()
    assert 0 < store.offset < 100
    for number in range(store.offset):
        assert store.get(b"k%d" % number) is not None
    store.close()


@pytest.mark.parametrize("small", ["size=8m,nr_inodes=2"], indirect=True)
def test_a_file_system_without_inodes_is_not_said_to_be_without_space(small: Path) -> None:
    with pytest.raises(DiskError, match="no inodes left for further files"):
        datadir.claim(small, "rollcall")


@pytest.mark.parametrize("small", ["size=8m,nr_inodes=6"], indirect=True)
def test_a_store_without_inodes_is_not_said_to_be_without_space(small: Path) -> None:
    with pytest.raises(DiskError, match="no inodes left for further files"):
        Store(small / "rollcall" / "partition-0").open()


def test_a_file_system_that_is_read_only_is_told(small: Path) -> None:
    store = Store(small / "rollcall" / "partition-0")
    store.open()
    store.write({b"k": b"v"}, 1)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    for refused in (lambda: datadir.claim(small, "rollcall"), store.open):
        with (
            capture_logs() as lines,
            pytest.raises(DiskError, match=r"its file system is read-only\. Mount it writable"),
        ):
            refused()
        assert not lines
    subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
    store.open()
    assert store.get(b"k") == b"v"
    store.close()


def free_number() -> int:
    """The number that the next file gets which is opened."""
    number = os.dup(0)
    os.close(number)
    return number


@pytest.mark.parametrize("room", range(0, 12, 2))
def test_too_many_open_files_are_told_wherever_it_happens(room: int, tmp_path: Path) -> None:
    store = Store(tmp_path / "rollcall" / "partition-0")
    store.open()
    store.write({b"k": b"v"}, 1)
    store.close()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free_number() + room, limits[1]))
    try:
        with contextlib.suppress(DiskError), capture_logs() as lines:  # with more room it may be enough
            store.open()
            store.write({b"k": b"v"}, 1)
        store.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert not [line for line in lines if "damaged" in line["event"]]
    store.open()
    assert store.get(b"k") == b"v"
    store.close()


def test_a_limit_of_open_files_is_told_with_its_number(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = free_number()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        with pytest.raises(DiskError, match=rf"too many open files: the limit is {lowest}. Raise it \(ulimit -n\)"):
            Store(tmp_path / "rollcall" / "partition-0").open()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


LIMITED = """
import resource, sys
from pathlib import Path
from app.engine.state import datadir
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
datadir.raise_file_limit(Path("/data"), 3)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "says"),
    [
        (
            100,
            100,
            "ROLLCALL_DATADIR=/data: too many open files would be needed: the limit is 100. Raise it (ulimit -n)",
        ),
        (200, 200, "few files may be open at once"),
        (200, 2000, "(2000, 2000)"),
    ],
)
def test_the_limit_of_open_files_is_raised_to_what_is_allowed_and_too_few_are_refused(
    soft: int, hard: int, says: str
) -> None:
    command = [sys.executable, "-c", LIMITED, str(soft), str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert says in done.stdout + done.stderr
    assert (done.returncode != 0) == (hard == 100)
    assert ("few files" in done.stdout + done.stderr) == (hard == 200)


def test_a_directory_that_is_removed_under_the_store_is_told_and_restored(tmp_path: Path) -> None:
    store = Store(tmp_path / "rollcall" / "partition-0")
    store.open()
    store.write({b"k": b"v"}, 1)
    shutil.rmtree(tmp_path / "rollcall")
    with capture_logs() as lines, contextlib.suppress(DiskError):
        fill(store)  # 5 MB stay in the log's file, which is open, and in memory
        fill(store)
        fill(store)
        fill(store)
    store.close()
    assert not [line for line in lines if "damaged" in line["event"]]
    store.open()
    assert (store.offset, store.get(b"k")) == (0, None)
    store.close()


def test_how_an_error_ends_tells_the_system_s_whatever_comes_before_it() -> None:
    assert system_error(Exception("Invalid argument: /d/partition-0/CURRENT: Too many open files")) == errno.EMFILE
    assert system_error(Exception("Corruption: /d/partition-0/CURRENT: No such file or directory")) is None
    assert system_error(Exception("Corruption: block checksum mismatch")) is None
