"""A file system without room or inodes, read-only or gone, and too many open files: told, and nothing is damaged."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.engine.state import datadir
from app.engine.state.disk_errors import DiskError
from app.engine.state.store import Store


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
