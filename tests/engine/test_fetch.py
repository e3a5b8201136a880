"""Whole fetches deliver what aiokafka's own reading delivers, record for record, and leave the same position."""

import gc
import struct
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from app.engine.kafka.fetch import WHOLE, WholeFetch
from app.engine.kafka.unreadable import UnreadableError
from tests.core.examples import examples

PLACE = TopicPartition("t", 0)
BASE_SEQUENCE = 0
CHECKSUM = 17
PAYLOAD = 61  # where the records begin
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
    return [(record.offset, record.timestamp, record.key, record.value, tuple(record.headers)) for record in records]


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
    assert [record.offset for record in whole.take()] == [3, 4]
    assert whole.next_fetch_offset == 6


def compressed(codec: int, change: Callable[[bytearray], None], offset: int = 0) -> bytes:
    """A batch of two records under a codec, changed, with the checksum that it has then."""
    builder = DefaultRecordBatchBuilder(
        2, codec, is_transactional=False, producer_id=-1, producer_epoch=0, base_sequence=0, batch_size=1 << 20
    )
    for number in range(2):
        builder.append(number, 1_000, b"k", b"value" * 100, [])
    batch = bytearray(builder.build())
    struct.pack_into(">q", batch, 0, offset)
    change(batch)
    struct.pack_into(">I", batch, CHECKSUM, calc_crc32c(bytes(batch[ATTRIBUTES:])))
    return bytes(batch)


def spoil(batch: bytearray) -> None:
    batch[PAYLOAD:] = bytes(byte ^ 0x5A for byte in batch[PAYLOAD:])


def name_no_codec(batch: bytearray) -> None:
    batch[ATTRIBUTES + 1] = 5


@pytest.mark.parametrize("kind", [WholeFetch, None], ids=["whole", "one by one"])
@pytest.mark.parametrize("codec", range(5))
def test_every_codec_is_read(kind: Any, codec: int) -> None:
    sent = compressed(codec, lambda _: None)
    found = fetch(kind, sent, [], 0, check=True)
    assert [record.value for record in (found.take() if kind else list(found))] == [b"value" * 100] * 2


@pytest.mark.parametrize("kind", [WholeFetch, None], ids=["whole", "one by one"])
@pytest.mark.parametrize(
    ("codec", "change", "said"),
    [
        (1, spoil, "its gzip payload can't be decoded|can't be decoded .BadGzipFile"),
        (2, spoil, "its snappy payload can't be decoded|can't be decoded .DecompressionError"),
        (3, spoil, "its lz4 payload can't be decoded|can't be decoded .DecompressionError"),
        (4, spoil, "its zstd payload can't be decoded|can't be decoded .DecompressionError"),
        (1, name_no_codec, "its codec is not known here .*0x05"),
        (0, spoil, "can't be decoded"),
    ],
)
def test_a_batch_that_cant_be_read_is_named(kind: Any, codec: int, change: Any, said: str) -> None:
    found = fetch(kind, compressed(codec, change, offset=7), [], 7, check=True)
    with pytest.raises(UnreadableError, match=rf"^t partition 0, offsets? 7.*({said}).*start again") as caught:
        found.take() if kind else list(found)
    if kind:
        assert "offsets 7 to 8" in str(caught.value)
        assert "kafka-delete-records.sh, offset 9" in str(caught.value)


def test_what_lies_before_a_batch_that_cant_be_read_is_delivered_first() -> None:
    sent = bytearray(log([Piece(1, 2, "plain")]) + compressed(0, lambda _: None, offset=2))
    sent[-1] ^= 1
    whole = fetch(WholeFetch, bytes(sent), [], 0, check=True)
    assert [record.offset for record in whole.take()] == [0, 1]
    assert whole.next_fetch_offset == 2
    first = len(log([Piece(1, 2, "plain")]))
    with pytest.raises(UnreadableError, match="offsets 2 to 3: the batch can't be read: its checksum is wrong"):
        fetch(WholeFetch, bytes(sent[first:]), [], 2, check=True).take()


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
