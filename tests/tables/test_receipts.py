"""A receipt is written from what the row of `closed` says without being read: the same bytes as if it had been."""

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from app.core.batch_state import State
from app.core.events import Cutoff, Position
from app.core.facts import DISCARDED, FORCED, Retired, TimedOut
from tables import batches, closed, keys, receipts
from tables.closed import Resting
from tests.core.examples import examples

COUNT = st.integers(0, 2**31)
EVENT_ID = st.none() | st.binary(min_size=16, max_size=16)
HOW = st.sampled_from([None, FORCED, DISCARDED])
#: Its moment in ms: of the years 1 to 9999, of days about 1970, and of now.
MOMENT = st.integers(-(2**46), 2**48) | st.integers(-300, 2**33) | st.integers(2**40, 2**41)
RECEIPT = st.builds(
    Retired,
    *(st.just(0), st.just(0), MOMENT, HOW, COUNT, COUNT, COUNT, COUNT, COUNT),
    *(st.binary(min_size=16, max_size=16), EVENT_ID, EVENT_ID, COUNT),
)
#: Where the moment has the byte that says how a batch was closed of which every slot had its outcome.
MISLEADING = Retired(0, 0, 0xC0C0C0C0C0C0, DISCARDED, 1, 0, 0, 0, 0, b"d" * 16, None, None, 0)
OFFSET = st.integers(0, 300) | st.integers(0, 2**63 - 1)
TIME = st.integers(0, 2**43)


def _row(said: bytes, batch_id: str = "b") -> Resting:
    return Resting(Cutoff(7, batch_id), 0, 3, said)


def _written(row: Resting, position: Position) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    receipts.Writer(position).add(keys.tail(row.place.batch_id), row, found)
    return found


@examples(300)
@given(RECEIPT, OFFSET, TIME, st.text(min_size=1, max_size=40))
def test_a_receipt_is_written_as_if_it_had_been_read(receipt: Retired, at: int, time: int, batch_id: str) -> None:
    row = _row(msgspec.msgpack.encode(receipt), batch_id)
    read = batches.receipt(replace(receipt, at=at, time=time))
    assert _written(row, Position(at, time)) == {receipts.key(batch_id): read}


@examples(200)
@given(RECEIPT)
@example(MISLEADING)
def test_which_state_a_batch_was_in_is_told_by_its_receipt(receipt: Retired) -> None:
    was = State.DISCARDED if receipt.how == DISCARDED else State.COMPLETE
    assert closed.state_of(_row(msgspec.msgpack.encode(receipt))) is was
    assert closed.state_of(_row(msgspec.msgpack.encode(None))) is State.UNREGISTERED


@examples(100)
@given(RECEIPT, OFFSET, TIME)
@example(MISLEADING, 5, 6)
def test_fields_that_a_later_release_has_appended_are_not_written_on(receipt: Retired, at: int, time: int) -> None:
    """As if it had been read, which passes them over: the row of a receipt says which release can read it."""
    longer = msgspec.msgpack.encode([15, *astuple(receipt), "appended", "too"])
    row = _row(longer)
    assert closed.kept(row) == receipt
    assert _written(row, Position(at, time)) == {receipts.key("b"): batches.receipt(replace(receipt, at=at, time=time))}
    assert closed.state_of(row) is closed.state_of(_row(msgspec.msgpack.encode(receipt)))


@examples(300)
@given(RECEIPT, OFFSET, OFFSET | st.none())
def test_where_a_receipt_was_written_is_told_without_reading_it(receipt: Retired, at: int, other: int | None) -> None:
    asked = at if other is None else other
    assert receipts.is_of(batches.receipt(replace(receipt, at=at)), asked) is (at == asked)
    longer = batches.receipt(receipt)[:1] + msgspec.msgpack.encode([[15, at, *astuple(receipt)[1:], "appended"]])
    assert receipts.is_of(longer, asked) is (at == asked)
    assert not receipts.is_of(batches.row("b", [TimedOut(asked)])[1], asked)
