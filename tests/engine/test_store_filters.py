"""The filters by which RocksDB knows where no row of a batch is: no row is passed over for them, of any length."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from app.engine.state.store import Store

_UUID = "8f14e45f-ceea-467f-a9b3-%012d"

#: Ids that are shorter than what the filters look at, as long, and longer.
_IDS = ["", "a", "b" * 35, *[_UUID % number for number in range(40)], "c" * 37, "d" * 300, _UUID % 1 + "-and-more"]


def prefix(table: bytes, name: str) -> bytes:
    return table + len(name).to_bytes(4, "big") + name.encode()


def rows() -> dict[bytes, bytes]:
    """Rows of two tables, of half of the ids, in no order."""
    found = [prefix(table, name) + bytes([n]) * 16 for table in (b"b", b"p") for name in _IDS[::2] for n in range(3)]
    random.Random(1).shuffle(found)  # noqa: S311 - test data
    return {key: b"%d" % number for number, key in enumerate(found)}


def opened(path: Path) -> Store:
    store = Store(path)
    store.open()
    return store


def as_it_was(path: Path, half: dict[bytes, bytes]) -> None:
    """A database as a release wrote it that had no such filters."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003 - rocksdict takes it by position
    database = Rdict(str(path), options)
    database.put(b"\x00layout", b"1")
    for key, value in half.items():
        database.put(key, value)
    database.flush()
    database.close()


def stores(path: Path, written: dict[bytes, bytes]) -> Iterator[Store]:
    """The rows in the write buffer, on disk, in both, and partly as an older release wrote them."""
    some = dict(list(written.items())[::2])
    for number, first in enumerate(({}, some, written)):
        for again in (False, True):
            place = path / f"{number}{again}" / "partition-0"
            place.parent.mkdir()
            as_it_was(place, first)
            store = opened(place)
            store.write({key: value for key, value in written.items() if key not in first}, 5)
            if again:
                store.close()
                store.open()
            yield store
            store.close()
    store = opened(path / "flushed" / "partition-0")
    store.write(some, 5, logged=False)
    store.flush()
    store.write({key: value for key, value in written.items() if key not in some}, 7)
    yield store
    store.close()


def test_each_row_is_found_by_every_way_and_no_other(tmp_path: Path) -> None:
    written = rows()
    expected = sorted(written.items())
    for store in stores(tmp_path, written):
        assert not store.empty
        for table in (b"b", b"p", b"q"):
            of_table = [row for row in expected if row[0][:1] == table]
            assert list(store.scan(table)) == of_table
            prefixes = [prefix(table, name) for name in _IDS]
            of_each = [[row for row in of_table if row[0].startswith(found)] for found in prefixes]
            assert [store.values(found) for found in prefixes] == [[v for _, v in of_one] for of_one in of_each]
            assert [store.keys(found) for found in prefixes] == [[k for k, _ in of_one] for of_one in of_each]
            assert [list(store.scan(found)) for found in prefixes] == of_each
            for begin, (start, _) in enumerate(of_table):
                assert list(store.scan(table, start)) == of_table[begin:]
                assert list(store.scan(table, start + b"\x00")) == of_table[begin + 1 :]
            in_order = sorted(prefixes)
            assert list(store.keys_of(in_order)) == [store.keys(found) for found in in_order]


@pytest.mark.parametrize("name", ["a", _UUID % 7, "c" * 37])
def test_an_older_release_reads_what_this_one_wrote(tmp_path: Path, name: str) -> None:
    store = opened(tmp_path / "partition-0")
    store.write({prefix(b"b", name) + b"\x01" * 16: b"x"}, 5, logged=False)
    store.flush()
    store.close()
    options = Options(raw_mode=True)
    database = Rdict(str(store.path), options, column_families={"default": options})
    assert database.get(prefix(b"b", name) + b"\x01" * 16) == b"x"
    found = database.iter()
    found.seek(prefix(b"b", name))
    assert found.valid()
    assert found.value() == b"x"
    database.close()
