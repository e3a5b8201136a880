"""Whole fetches deliver what aiokafka's own reading delivers, record for record, and leave the same position."""

import gc
import struct
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from app.engine.fetch import WHOLE, WholeFetch
from tests.core.examples import examples

PLACE = TopicPartition("t", 0)
BASE_SEQUENCE = 0
ATTRIBUTES = 21  # where they stand in a batch: after offset, length, epoch, magic and checksum
CONTROL = 0x20
ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"  # version and type: the key of a marker


class Piece(NamedTuple):
    """A batch of a partition: its producer, how many records, and what it is."""

    producer: int
    records: int
    kind: str  # plain, transactional, abort, commit


def log(pieces: Sequence[Piece]) -> bytes:
    """The pieces as a broker sends them."""
    sent, offset = b"", 0
    for piece in pieces:
        marker = piece.kind in {"abort", "commit"}
        builder = DefaultRecordBatchBuilder(
            2, 0, piece.kind != "plain", piece.producer if piece.kind != "plain" else -1, 0, BASE_SEQUENCE, 1 << 20
        )
        for number in range(1 if marker else piece.records):
            key = {"abort": ABORT, "commit": COMMIT}.get(piece.kind, b"k%d" % (offset + number))
            builder.append(number, 1_000 + offset + number, key, b"v" * number, [("h", b"%d" % number)])
        batch = bytearray(builder.build())
        if marker:
            batch[ATTRIBUTES + 1] |= CONTROL
        struct.pack_into(">q", batch, 0, offset)
        sent += bytes(batch)
        offset += 1 if marker else piece.records
    return sent


def fetch(kind: Any, sent: bytes, aborted: list[tuple[int, int]], start: int, *, check: bool = False) -> Any:
    """A fetch of the bytes, read by one kind or the other. A marker's checksum is made up, so none is checked here."""
    deserializer = WHOLE if kind is WholeFetch else None
    return fetcher.PartitionRecords(
        PLACE, MemoryRecords(sent), list(aborted), start, None, deserializer, check, fetcher.READ_COMMITTED
    )


def rows(records: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(one.offset, one.timestamp, one.key, one.value, tuple(one.headers)) for one in records]


PIECES = st.lists(
    st.builds(
        Piece, st.integers(1, 3), st.integers(1, 4), st.sampled_from(["plain", "transactional", "abort", "commit"])
    ),
    min_size=1,
    max_size=8,
)


@examples(200)
@given(PIECES, st.integers(0, 6), st.data())
def test_a_whole_fetch_is_what_aiokafka_delivers_one_by_one(
    pieces: list[Piece], start: int, data: st.DataObject
) -> None:
    sent = log(pieces)
    aborted = data.draw(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12)), max_size=3))
    plain, whole = fetch(None, sent, aborted, start), fetch(WholeFetch, sent, aborted, start)
    assert isinstance(whole, WholeFetch)
    assert not isinstance(plain, WholeFetch)
    assert rows(whole.take()) == rows(list(plain))
    assert whole.next_fetch_offset == plain.next_fetch_offset


def test_an_aborted_transaction_is_passed_over_and_a_later_one_of_its_producer_is_not() -> None:
    pieces = [Piece(7, 2, "transactional"), Piece(7, 1, "abort"), Piece(7, 2, "transactional"), Piece(7, 1, "commit")]
    whole = fetch(WholeFetch, log(pieces), [(7, 0)], 0)
    assert [one.offset for one in whole.take()] == [3, 4]
    assert whole.next_fetch_offset == 6


def test_a_wrong_checksum_is_told_and_nothing_of_the_fetch_is_delivered() -> None:
    sent = bytearray(log([Piece(1, 2, "plain"), Piece(1, 2, "plain")]))
    sent[-1] ^= 1
    with pytest.raises(CorruptRecordException, match="t partition 0"):
        fetch(WholeFetch, bytes(sent), [], 0, check=True).take()


def test_a_fetch_that_was_taken_is_freed_at_once_and_does_not_wait_for_the_collector() -> None:
    taken = fetch(WholeFetch, log([Piece(1, 2, "plain")]), [], 0)
    taken.take()
    watch = weakref.ref(taken)
    gc.disable()
    try:
        del taken
        assert watch() is None
    finally:
        gc.enable()


def test_records_of_a_whole_fetch_have_no_more_than_is_promised() -> None:
    (record,) = fetch(WholeFetch, log([Piece(1, 1, "plain")]), [], 0).take()
    assert not hasattr(record, "topic")
    assert not hasattr(record, "partition")
