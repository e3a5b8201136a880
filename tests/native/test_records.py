"""Fetches as an index: the same records, the same position and the same errors as of a fetch that Python reads."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

import app.engine.kafka.plain
from app.engine.kafka.fetch import INDEXED, WHOLE, KeptBytes
from app.engine.kafka.unreadable import UnreadableError
from app.engine.record_queue import RecordQueue
from app.native.records import IndexedRecords, rows_of
from tests.core.examples import examples
from tests.engine.test_fetch import ATTRIBUTES, CHECKSUM, PIECES, Piece, compressed, log, rows
from tests.support.indexed import indexed

PLACE = TopicPartition("t", 0)

#: Bytes of a batch before its records.
HEAD = 61
#: Where the offset of the last record stands in it, less that of the first.
LAST_DELTA = 23
CONTROL = 0b10_0000
ENCODERS = (codec.gzip_encode, codec.snappy_encode, codec.lz4_encode, codec.zstd_encode)


def sound(sent: bytes) -> bytes:
    """The batches, each with the checksum that it should have."""
    found, at = bytearray(sent), 0
    while at < len(found):
        (length,) = struct.unpack_from(">i", found, at + 8)
        end = at + 12 + length
        struct.pack_into(">I", found, at + CHECKSUM, calc_crc32c(bytes(found[at + ATTRIBUTES : end])))
        at = end
    return bytes(found)


def fetch(mark: Any, sent: bytes, aborted: Sequence[tuple[int, int]], start: int, *, check: bool = True) -> Any:
    options = (PLACE, KeptBytes(sent), list(aborted), start, None, mark, check, fetcher.READ_COMMITTED)
    return fetcher.PartitionRecords(*options)


def take(mark: Any, sent: bytes, aborted: Sequence[tuple[int, int]], start: int) -> tuple[Any, ...]:
    """What comes of a fetch: its records and the position, or the error."""
    taken = fetch(mark, sent, aborted, start)
    try:
        records = taken.take()
    except UnreadableError as error:
        return str(error), taken.next_fetch_offset
    except Exception as error:  # noqa: BLE001 - whatever aiokafka says of such bytes
        return type(error), taken.next_fetch_offset
    return rows(records), taken.next_fetch_offset


@examples(150)
@given(PIECES, st.integers(0, 6), st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12)), max_size=3))
def test_an_indexed_fetch_is_what_a_whole_one_is(
    pieces: list[Piece], start: int, aborted: list[tuple[int, int]]
) -> None:
    sent = sound(log(pieces))
    assert isinstance(fetch(INDEXED, sent, aborted, start).take(), IndexedRecords)
    assert take(INDEXED, sent, aborted, start) == take(WHOLE, sent, aborted, start)


@examples(100)
@given(st.lists(st.tuples(st.sets(st.integers(0, 6)), st.integers(0, 3)), min_size=1, max_size=5), st.integers(0, 20))
def test_batches_that_compaction_has_thinned_out_or_emptied_are_indexed(
    batches: list[tuple[set[int], int]], start: int
) -> None:
    sent, base = b"", 0
    for kept, more in batches:
        builder = DefaultRecordBatchBuilder(2, 0, False, -1, 0, 0, 1 << 20)  # noqa: FBT003 - aiokafka's
        last = max(kept, default=0) + more
        for number in sorted(kept or {0}):
            builder.append(number, 1_000, b"k%d" % (base + number), b"v" * number, [])
        batch = bytearray(builder.build())
        if not kept:
            del batch[HEAD:]
            struct.pack_into(">i", batch, 8, HEAD - 12)
            struct.pack_into(">i", batch, HEAD - 4, 0)
        struct.pack_into(">q", batch, 0, base)
        struct.pack_into(">i", batch, LAST_DELTA, last)
        sent, base = sent + bytes(batch), base + last + 1
    sent = sound(sent)
    assert isinstance(fetch(INDEXED, sent, [], start).take(), IndexedRecords)
    assert take(INDEXED, sent, [], start) == take(WHOLE, sent, [], start)


def test_the_rows_of_a_fetch_are_the_keys_and_values_of_its_records() -> None:
    sent = sound(log([Piece(1, 3, "plain"), Piece(2, 1, "abort"), Piece(1, 2, "plain")]))
    records = fetch(INDEXED, sent, [], 1).take()
    assert rows_of(records) == [(record.key, record.value) for record in records] == rows_of(list(records))
    assert rows_of(records[1:3]) == rows_of(records)[1:3]
    assert [key for key, _ in rows_of(records)] == [b"k1", b"k2", b"k4", b"k5"]


@examples(200)
@given(PIECES, st.data())
def test_a_damaged_fetch_is_read_and_refused_alike(pieces: list[Piece], data: st.DataObject) -> None:
    sent = bytearray(sound(log(pieces)))
    for _ in range(data.draw(st.integers(1, 3))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 80))
    damaged = bytes(sent[: len(sent) - cut])
    assert take(INDEXED, damaged, [], 0) == take(WHOLE, damaged, [], 0)


@examples(150)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=4), st.data())
def test_records_with_a_sound_checksum_and_damage_behind_it_are_read_alike(
    values: list[int], data: st.DataObject
) -> None:
    batch = bytearray(log([Piece(1, len(values), "plain")]))
    for value in values:
        batch[data.draw(st.integers(ATTRIBUTES, len(batch) - 1))] = value
    assert take(INDEXED, sound(bytes(batch)), [], 0) == take(WHOLE, sound(bytes(batch)), [], 0)


CODECS = range(1, 5)


@pytest.mark.parametrize("codec", CODECS)
def test_a_compressed_fetch_is_indexed_too(codec: int) -> None:
    sent = sound(log([Piece(1, 2, "plain")])) + compressed(codec, lambda _: None, offset=2)
    found = fetch(INDEXED, sent, [], 1).take()
    assert isinstance(found, IndexedRecords)
    assert [record.offset for record in found] == [1, 2, 3]
    assert take(INDEXED, sent, [], 1) == take(WHOLE, sent, [], 1)


def recompressed(sent: bytes, codecs: Sequence[int]) -> bytes:
    """The batches, each compressed by one of the codecs in turn, 0 for none."""
    found, at, number = b"", 0, 0
    while at < len(sent):
        (length,) = struct.unpack_from(">i", sent, at + 8)
        batch, at = bytearray(sent[at : at + 12 + length]), at + 12 + length
        codec, number = codecs[number % len(codecs)], number + 1
        (attributes,) = struct.unpack_from(">h", batch, ATTRIBUTES)
        if codec and not attributes & CONTROL:
            payload = ENCODERS[codec - 1](bytes(batch[HEAD:]))
            struct.pack_into(">h", batch, ATTRIBUTES, attributes | codec)
            struct.pack_into(">i", batch, 8, HEAD - 12 + len(payload))
            batch[HEAD:] = payload
        found += batch
    return sound(found)


@examples(150)
@given(
    PIECES,
    st.lists(st.integers(0, 4), min_size=1, max_size=4),
    st.integers(0, 6),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12)), max_size=3),
)
def test_a_compressed_fetch_is_what_a_whole_one_is(
    pieces: list[Piece], codecs: list[int], start: int, aborted: list[tuple[int, int]]
) -> None:
    sent = recompressed(log(pieces), codecs)
    assert isinstance(fetch(INDEXED, sent, aborted, start).take(), IndexedRecords)
    assert take(INDEXED, sent, aborted, start) == take(WHOLE, sent, aborted, start)


@examples(200)
@given(PIECES, st.lists(st.integers(0, 4), min_size=1, max_size=4), st.data())
def test_a_damaged_compressed_fetch_is_read_and_refused_alike(
    pieces: list[Piece], codecs: list[int], data: st.DataObject
) -> None:
    sent = bytearray(recompressed(log(pieces), codecs))
    for _ in range(data.draw(st.integers(1, 3))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(sent[: len(sent) - data.draw(st.integers(0, 80))])
    assert take(INDEXED, damaged, [], 0) == take(WHOLE, damaged, [], 0)


@pytest.mark.parametrize("codec", CODECS)
def test_a_fetch_that_was_compressed_by_far_is_read_by_and_by(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = recompressed(log([Piece(1, 2, "plain") for _ in range(6)]), [codec])
    monkeypatch.setattr(app.engine.kafka.plain, "ENOUGH", 100)
    found = fetch(INDEXED, sent, [], 0)
    offsets = [record.offset for record in found.take()]
    assert 0 < len(offsets) < 12
    assert offsets == list(range(len(offsets)))
    assert found.next_fetch_offset == len(offsets)


class Sent:
    """A record that was sent."""

    def __init__(self, offset: int, size: int) -> None:
        self.offset, self.timestamp, self.key, self.value = offset, 1_000 + offset, None, b"v" * size
        self.headers: list[tuple[str, bytes | None]] = [("h", None)]


SENT = st.lists(st.integers(0, 40), min_size=1, max_size=9)


@examples(150)
@given(st.lists(SENT, min_size=1, max_size=4), st.lists(st.integers(1, 7), max_size=30), st.integers(0, 9))
def test_a_queue_of_indexed_records_hands_out_what_one_of_lists_does(
    fetches: list[list[int]], takes: list[int], again: int
) -> None:
    as_lists, as_indices = RecordQueue(5), RecordQueue(5)
    offset = 0
    for sizes in fetches:
        begin = max(0, offset - again)  # a seek may fetch some of them again
        records = [Sent(begin + number, size) for number, size in enumerate(sizes)]
        offset = max(offset, begin + len(sizes))
        as_lists.offer(records)
        as_indices.offer(indexed(records))
    for limit in takes:
        assert (as_lists.records, as_lists.bytes) == (as_indices.records, as_indices.bytes)
        assert rows(as_indices.take(limit)) == rows(as_lists.take(limit))


@pytest.mark.parametrize("number", [5, -6])
def test_a_record_that_is_not_there_is_an_index_error(number: int) -> None:
    with pytest.raises(IndexError):
        indexed([Sent(offset, offset) for offset in range(5)])[number]
