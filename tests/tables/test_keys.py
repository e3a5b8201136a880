"""Keys sort as they should, and no batch's rows stand within another's prefix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.facts import TimedOut
from app.engine.state import origin
from app.engine.state.rocksdb import end_of
from app.engine.state.store import LOCAL
from tables import batches, generations, input_watermarks, keys, pending, waiting
from tests.core.examples import examples

#: Ids that are prefixes of each other, of other scripts, and with the bytes that keys are made of.
IDS = st.one_of(
    st.text(st.sampled_from("ab\0\x01\xff"), max_size=6),
    st.text(max_size=8),
    st.sampled_from(["batch", "batch-1", "batch-10", "batch-1\0", "\0", "\0\0", "å", "𝄞", "\U0010ffff", "b" * 300]),
)
OFFSETS = st.integers(0, 2**64 - 1)


@examples(300)
@given(IDS, IDS, OFFSETS, OFFSETS)
def test_no_batchs_prefix_contains_anothers_rows(batch_id: str, other: str, first: int, second: int) -> None:
    low, high = sorted((first, second))
    rows = [batches.row(other, [TimedOut(low), TimedOut(high)])[0], pending.key(other, first)]
    prefixes = [batches.prefix(batch_id), keys.named(keys.PENDING, batch_id)]
    for row, prefix in zip(rows, prefixes, strict=True):
        assert row.startswith(prefix) == (batch_id == other)
        assert (prefix <= row < end_of(prefix)) == (batch_id == other)


@examples(200)
@given(IDS, st.lists(OFFSETS, min_size=1, max_size=6))
def test_rows_of_a_batch_are_in_the_order_of_the_log(batch: str, offsets: list[int]) -> None:
    in_order = sorted(offsets)
    assert sorted(pending.key(batch, at) for at in offsets) == [pending.key(batch, at) for at in in_order]
    assert sorted(batches.row(batch, [TimedOut(at)])[0] for at in offsets) == [
        batches.row(batch, [TimedOut(at)])[0] for at in in_order
    ]


@examples(200)
@given(st.lists(st.tuples(st.integers(0, 2**63), IDS), min_size=1, max_size=6), st.sampled_from(waiting.What))
def test_who_has_waited_longest_comes_first(waits: list[tuple[int, str]], what: waiting.What) -> None:
    in_order = [waiting.read(key) for key in sorted(waiting.key(what, since, batch) for since, batch in waits)]
    assert in_order == sorted(
        ((what, since, batch) for since, batch in waits), key=lambda batch_id: (batch_id[1], batch_id[2].encode())
    )


@examples(200)
@given(st.binary(min_size=1, max_size=6).filter(lambda prefix: prefix.strip(b"\xff")), st.binary(max_size=4))
def test_the_end_of_a_prefix_is_the_first_key_behind_all_that_start_with_it(prefix: bytes, rest: bytes) -> None:
    end = end_of(prefix)
    assert prefix + rest < end
    assert not end.startswith(prefix)
    # Nothing stands between: whatever is at or behind the prefix and before the end starts with the prefix.
    for key in (end[:-1] + bytes([end[-1] - 1]) + b"\xff" * 8, prefix + rest):
        assert prefix <= key < end
        assert key.startswith(prefix)


@pytest.mark.parametrize(
    ("prefix", "end"), [(b"a", b"b"), (b"a\xff", b"b"), (b"\x00", b"\x01"), (b"a\xff\xff", b"b"), (b"\xfe", b"\xff")]
)
def test_the_end_of_a_prefix(prefix: bytes, end: bytes) -> None:
    assert end_of(prefix) == end


def test_each_table_has_a_byte_of_its_own() -> None:
    tables = [keys.BATCHES, keys.PENDING, keys.WAITING, keys.SOURCES, keys.GENERATIONS, origin.KEY, LOCAL]
    assert len(set(tables)) == 7
    assert all(len(table) == 1 for table in tables)
    rows = [
        batches.row("b", [TimedOut(1)])[0],
        pending.key("b", 1),
        waiting.key(waiting.What.OPEN, 1, "b"),
        input_watermarks.key(1, 1),
        generations.key(1, 1),
    ]
    assert [row[:1] for row in rows] == tables[:5]
    assert len({what.value for what in waiting.What}) == 3
