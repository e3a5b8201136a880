"""What a restore writes without RocksDB's log: a crash may take the latest of it back, and never leaves a hole."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine.state.store import Store

#: Bytes of a row, and how many rows: together more than twice what RocksDB keeps in memory of a partition (32 MiB), so
#: that it has some of them on disk, whatever it was told.
_SIZE, _ROWS = 200_000, 400


def row(number: int) -> tuple[bytes, bytes]:
    """The row that is written to stand at offset ``number`` + 1."""
    return b"b%04d" % number, random.Random(number).randbytes(_SIZE)  # noqa: S311 - bytes that do not compress


def killed(path: Path, steps: str) -> Store:
    """The store as it is found after a process that did the steps with it and was killed."""
    code = f"""if True:
        import os, signal
        from pathlib import Path
        from app.engine.state.store import Store
        from tests.engine.test_store_unlogged import _ROWS, row
        store = Store(Path({str(path)!r}))
        store.open()
        {steps}
        os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    store = Store(path)
    store.open()
    return store


def rows(store: Store) -> list[bytes]:
    return [key for key, _ in store.scan(b"b")]


def test_after_a_crash_there_is_a_beginning_of_it_with_its_offset(tmp_path: Path) -> None:
    written = "for n in range(_ROWS): store.write([row(n)], n + 1, logged=False)"
    store = killed(tmp_path / "partition-0", written)
    assert 0 < store.offset < _ROWS
    assert list(store.scan(b"b")) == [row(number) for number in range(store.offset)]


@pytest.mark.parametrize(
    "durable", ["store.flush()", "store.flush(wait=False); store.flush()", "store.write([row(9)], 10)"]
)
def test_behind_a_flush_or_a_logged_write_all_of_it_is_there(tmp_path: Path, durable: str) -> None:
    store = killed(
        tmp_path / "partition-0", f"for n in range(9): store.write([row(n)], n + 1, logged=False)\n        {durable}"
    )
    assert store.offset in {9, 10}
    assert rows(store) == [b"b%04d" % number for number in range(store.offset)]


def test_what_the_store_says_of_itself_is_not_ahead_of_its_rows(tmp_path: Path) -> None:
    said = "store.write([row(0)], 1, logged=False); store.label('mine'); store.is_current()"
    store = killed(tmp_path / "partition-0", said)
    assert (store.offset, store.identity, store.seen) == (0, None, None)
    store.close()
    store = killed(tmp_path / "partition-0", f"{said}; store.flush()")
    assert (store.offset, store.identity, rows(store)) == (1, "mine", [b"b0000"])
    assert store.seen is not None


def test_a_store_that_is_closed_in_order_has_all_of_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "partition-0")
    store.open()
    store.write([row(0)], 1, logged=False)
    store.close()
    store.open()
    assert (store.offset, rows(store)) == (1, [b"b0000"])
    store.write([row(1)], 2)
    assert rows(store) == [b"b0000", b"b0001"]
