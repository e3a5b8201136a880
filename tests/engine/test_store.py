"""The local database: a copy that may be lost, never half written, and never ahead of its offset."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from app.engine.state.store import Store, StoreError
from app.errors import OperatorError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "new" / "partition-0")
    found.open()
    return found


def test_a_new_store_is_empty_and_stands_at_the_beginning(store: Store) -> None:
    assert store.offset == 0
    assert list(store.scan(b"b")) == []
    assert store.get(b"b") is None


def test_what_is_written_is_there_and_what_is_deleted_is_not(store: Store) -> None:
    store.write({b"b1": b"one", b"b2": b"", b"c1": b"x"}, 7)
    assert store.offset == 7
    assert list(store.scan(b"b")) == [(b"b1", b"one"), (b"b2", b"")]
    store.write([(b"b1", None), (b"b3", b"three")], 9)
    assert list(store.scan(b"b")) == [(b"b2", b""), (b"b3", b"three")]
    assert (store.get(b"b1"), store.get(b"b3"), store.offset) == (None, b"three", 9)


def test_a_scan_keeps_within_its_prefix_and_begins_where_it_is_told(store: Store) -> None:
    rows = {b"a\xff": b"", b"b": b"", b"b\x00": b"", b"b\xff\xff": b"", b"c": b""}
    store.write(dict(rows), 1)
    assert [key for key, _ in store.scan(b"b")] == [b"b", b"b\x00", b"b\xff\xff"]
    assert [key for key, _ in store.scan(b"b", b"b\x00")] == [b"b\x00", b"b\xff\xff"]
    assert [key for key, _ in store.scan(b"a\xff")] == [b"a\xff"]


def test_the_values_of_a_prefix_are_those_that_a_scan_gives(store: Store) -> None:
    rows = {b"a\xff": b"0", b"b": b"1", b"b\x00": b"2", b"b\xff\xff": b"3", b"c": b"4"}
    store.write(dict(rows), 1)
    assert store.values(b"b") == [b"1", b"2", b"3"] == [value for _, value in store.scan(b"b")]
    assert store.values(b"d") == []


def test_the_rows_of_the_database_itself_are_in_no_tables_scan(store: Store) -> None:
    store.write({b"w": b""}, 5)
    for table in (b"b", b"p", b"w", b"s"):
        assert all(key[:1] == table for key, _ in store.scan(table))


def test_rows_and_offset_outlive_the_process(store: Store) -> None:
    store.write({b"b": b"x"}, 3)
    store.close()
    again = Store(store.path)
    again.open()
    assert (again.get(b"b"), again.offset) == (b"x", 3)


def test_a_closed_store_says_so_and_may_be_closed_again(store: Store) -> None:
    store.write({b"b": b"x"}, 7)
    store.close()
    store.close()
    for read in (lambda: store.get(b"b"), lambda: list(store.scan(b"b")), lambda: store.offset):
        with pytest.raises(RuntimeError, match="not open"):
            read()
    store.open()  # and nothing thinks that it is damaged
    assert (store.get(b"b"), store.offset) == (b"x", 7)


def test_a_wiped_store_is_empty_and_stands_at_the_beginning(store: Store) -> None:
    store.write({b"b": b"x"}, 3)
    store.wipe()
    assert (store.get(b"b"), store.offset) == (None, 0)
    store.write({b"b": b"y"}, 1)
    assert store.get(b"b") == b"y"
    store.close()
    store.open()
    assert (store.get(b"b"), store.offset) == (b"y", 1)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10])


def flipped(start: int, end: int) -> Callable[[Path], None]:
    """Return a change of the bytes of a slice of a file."""

    def flip(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        raw[start:end] = bytes(byte ^ 0x55 for byte in raw[start:end])
        path.write_bytes(raw)

    return flip


@pytest.mark.parametrize(
    ("files", "damage"),
    [
        ("CURRENT", lambda path: path.write_bytes(b"garbage\n")),
        ("MANIFEST*", Path.unlink),
        ("MANIFEST*", cut),
        ("*.sst", cut),
        # RocksDB calls both of these a "block checksum mismatch": nobody has locked anything.
        ("*.sst", flipped(100, 200)),
        ("*.sst", flipped(-400, -60)),
    ],
    ids=["CURRENT is garbage", "no manifest", "manifest cut", "tables cut", "a data block", "an index block"],
)
@pytest.mark.parametrize("name", ["partition-0", "blocks"])
def test_a_damaged_directory_is_replaced_by_an_empty_one(
    tmp_path: Path, name: str, files: str, damage: Callable[[Path], object]
) -> None:
    store = Store(tmp_path / name)
    store.open()
    noise = random.Random(7)  # noqa: S311 - bytes that do not compress
    store.write({b"b%d" % number: noise.randbytes(500) for number in range(100)}, 3)
    store.close()
    found = list(store.path.glob(files))
    assert found
    for file in found:
        damage(file)
    store.open()
    assert store.offset == 0
    assert list(store.scan(b"b")) == []
    store.write({b"b": b"y"}, 1)
    assert store.get(b"b") == b"y"


def with_a_damaged_block(home: Path) -> Store:
    """An open store of 400 rows, ``b0000`` on, of which some can't be read."""
    store = Store(home / "partition-0")
    store.open()
    noise = random.Random(7)  # noqa: S311 - bytes that do not compress
    store.write({b"b%04d" % number: noise.randbytes(500) for number in range(400)}, 3)
    store.close()
    (file,) = store.path.glob("*.sst")
    flipped(100_000, 100_100)(file)
    store.open()
    return store


@pytest.mark.parametrize("read", [lambda store: list(store.scan(b"b")), lambda store: store.values(b"b")])
def test_damage_that_is_met_later_is_an_error_and_never_a_row_too_few(
    read: Callable[[Store], object], tmp_path: Path
) -> None:
    """Half of a batch's facts would be another batch."""
    store = with_a_damaged_block(tmp_path)
    assert store.offset == 3
    with pytest.raises(StoreError, match="damaged"):
        read(store)
    store.close()
    store.open()
    assert (store.offset, list(store.scan(b"b"))) == (0, [])
    store.write({b"b": b"y"}, 1)
    store.close()
    store.open()
    assert (store.offset, store.get(b"b")) == (1, b"y")


READS: list[Callable[[Store], object]] = [
    lambda store: list(store.scan(b"b")),
    lambda store: store.values(b"b"),
    lambda store: list(store.keys_of([b"b"])),
]


@pytest.mark.parametrize("read", READS, ids=["scan", "values", "keys of several"])
def test_a_database_that_was_found_damaged_is_closed_also_while_somebody_has_the_error(
    read: Callable[[Store], object], tmp_path: Path
) -> None:
    """It could not be opened again in this process: its lock would be held."""
    store = with_a_damaged_block(tmp_path)
    with pytest.raises(StoreError, match="damaged") as caught:
        read(store)
    store.close()
    store.open()
    assert list(store.scan(b"b")) == []
    assert "damaged" in str(caught.value)


def test_damage_that_a_single_row_meets_is_an_error_too(tmp_path: Path) -> None:
    store = with_a_damaged_block(tmp_path)

    def read_all() -> None:
        for number in range(400):
            assert store.get(b"b%04d" % number) is not None

    with pytest.raises(StoreError, match="damaged"):
        read_all()
    store.close()
    store.open()
    assert store.offset == 0


def test_a_database_of_another_layout_is_replaced_by_an_empty_one(store: Store) -> None:
    store.write({b"b": b"x"}, 3)
    store.close()
    other = Rdict(str(store.path), Options(raw_mode=True))
    other.put(b"\x00layout", b"2")
    other.close()
    store.open()
    assert (store.get(b"b"), store.offset) == (None, 0)
    store.close()
    store.open()
    store.write({b"b": b"y"}, 4)
    store.close()
    store.open()
    assert (store.get(b"b"), store.offset) == (b"y", 4)


def test_a_directory_that_another_process_uses_is_an_error_that_names_the_setting(store: Store) -> None:
    store.write({b"b": b"x"}, 3)
    code = (
        f"from pathlib import Path\nfrom app.engine.state.store import Store\nStore(Path({str(store.path)!r})).open()"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert "StoreError" in found.stderr
    assert "ROLLCALL_DATADIR" in found.stderr
    assert str(store.path) in found.stderr
    assert store.get(b"b") == b"x"
    assert issubclass(StoreError, OperatorError)


def test_the_size_is_that_of_the_files(store: Store) -> None:
    before = store.size()
    store.write({b"b": b"x" * 100_000}, 3)
    assert store.size() >= before + 10_000
