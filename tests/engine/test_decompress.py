"""A batch that would decompress to more than memory is meant to hold is named, and never decompressed whole."""

import gzip
import pkgutil
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

import aiokafka
import cramjam
import pytest
from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from app.engine.kafka import decompress
from app.engine.kafka.decompress import ENOUGH, LARGEST_BATCH, MOST_RECORDS, TooLargeError
from app.engine.kafka.fetch import WholeFetch
from app.engine.kafka.unreadable import UnreadableError
from app.engine.publish import fits
from tests.core.examples import examples
from tests.engine.test_fetch import fetch

NAMES = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
CODECS = pytest.mark.parametrize("codec_number", NAMES, ids=NAMES.values())
MIB = 1024 * 1024

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": codec.gzip_encode,
    "gzip in two members": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
    "gzip with padding": lambda data: gzip.compress(data) + bytes(8),
    "snappy": lambda data: codec.snappy_encode(data, xerial_compatible=False),
    "snappy in blocks": codec.snappy_encode,
    "lz4": codec.lz4_encode,
    "zstd": codec.zstd_encode,
    "zstd in two frames": lambda data: codec.zstd_encode(data[:7]) + codec.zstd_encode(data[7:]),
}


def decoder(name: str) -> Callable[[Any], bytes]:
    return decompress.DECODERS[f"{name.split(maxsplit=1)[0]}_decode"]


def batch(number: int, value: bytes, count: int = 1) -> bytes:
    """A batch of records with this value, compressed."""
    builder = DefaultRecordBatchBuilder(
        2, number, is_transactional=False, producer_id=-1, producer_epoch=0, base_sequence=0, batch_size=1 << 40
    )
    for place in range(count):
        builder.append(place, 1_000, b"k", value, [])
    return bytes(builder.build())


@cache
def bomb(number: int) -> bytes:
    return batch(number, bytes(3 * LARGEST_BATCH))


def at(offset: int, sent: bytes) -> bytes:
    return struct.pack(">q", offset) + sent[8:]


@pytest.mark.parametrize("name", ENCODERS)
@examples(60)
@given(st.binary(max_size=3000), st.integers(1, 400))
def test_every_payload_within_the_bound_is_what_was_compressed(name: str, data: bytes, times: int) -> None:
    payload = ENCODERS[name](data * times)
    for given_as in (bytes, bytearray, memoryview):
        assert decoder(name)(given_as(payload)) == data * times


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("more", [0, 1])
def test_the_bound_is_exact(name: str, more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller one, to which a buffer grows by the same steps; the real one stands against the bombs below."""
    assert LARGEST_BATCH == decompress._LEAST * decompress._AGAIN**5
    bound = decompress._LEAST * decompress._AGAIN**3
    monkeypatch.setattr(decompress, "LARGEST_BATCH", bound)
    payload = ENCODERS[name](bytes(bound + more))
    if not more:
        assert len(decoder(name)(payload)) == bound
        return
    with pytest.raises(TooLargeError, match=str(bound)):
        decoder(name)(payload)


@pytest.mark.parametrize("name", ENCODERS)
@examples(100)
@given(st.data())
def test_a_payload_that_is_spoiled_is_an_error_and_never_a_loop(name: str, data: st.DataObject) -> None:
    payload = bytearray(ENCODERS[name](b"some bytes, and the same again: " * 40))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    del payload[data.draw(st.integers(1, len(payload))) :]
    # Any error is named with its batch; what must not be is no end.
    with suppress(Exception):
        decoder(name)(bytes(payload))


def test_a_snappy_block_of_less_than_nothing_is_an_error() -> None:
    payload = bytearray(codec.snappy_encode(b"x" * 100))
    struct.pack_into(">i", payload, 16, -4)
    with pytest.raises(cramjam.DecompressionError, match="-4"):
        decoder("snappy")(bytes(payload))


@pytest.mark.parametrize("kind", [WholeFetch, None], ids=["whole", "one by one"])
@CODECS
def test_a_bomb_is_named_and_what_lies_before_it_is_delivered(kind: Any, codec_number: int) -> None:
    """Of 192 MiB, which are a fifth of one under gzip, no more than the bound is ever in memory."""
    sent = at(0, batch(codec_number, b"before")) + at(1, bomb(codec_number)) + at(2, batch(codec_number, b"behind"))
    found = fetch(kind, sent, [], 0)
    tracemalloc.start()
    try:
        first = found.take()[0] if kind else next(found)
        assert (first.offset, first.value) == (0, b"before")
        found = fetch(kind, sent, [], 1)
        with pytest.raises(UnreadableError) as caught:
            found.take() if kind else next(found)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2.5 * LARGEST_BATCH + len(sent)  # a buffer, its copy, and what aiokafka copies of the batch
    text = str(caught.value)
    assert text.startswith("t partition 0, offset")
    assert f"decompressed it has more than {LARGEST_BATCH} bytes" in text
    assert "kafka-delete-records.sh" in text
    assert "replica" not in text  # it is as it was sent


@CODECS
def test_a_fetch_of_many_large_batches_is_read_by_and_by(codec_number: int) -> None:
    large = batch(codec_number, bytes(20 * MIB))
    sent = [at(number, large) for number in range(5)]
    taken, position = [], 0
    while position < 5:
        found = fetch(WholeFetch, b"".join(sent[position:]), [], position)
        records = found.take()
        assert sum(len(record.value) for record in records) <= ENOUGH + 20 * MIB
        taken += [record.offset for record in records]
        position = found.next_fetch_offset
    assert taken == [0, 1, 2, 3, 4]


def test_a_batch_of_very_many_records_is_named_before_they_are_made() -> None:
    sent = bytearray(batch(1, b"", 10))
    struct.pack_into(">i", sent, 23, MOST_RECORDS)  # the offset of the last one, behind attributes
    with pytest.raises(UnreadableError, match=rf"it has {MOST_RECORDS + 1} records, at most {MOST_RECORDS} are read"):
        fetch(WholeFetch, bytes(sent), [], 0).take()


def test_what_goes_on_into_the_log_can_be_read_there() -> None:
    assert fits(b"key", bytes(decompress.LARGEST_RECORD - 3))
    assert not fits(b"key", bytes(decompress.LARGEST_RECORD - 2))
    # Key, value and a header beside them.
    assert decompress.LARGEST_RECORD + MIB < LARGEST_BATCH


def test_aiokafka_names_the_decoders_in_no_other_module() -> None:
    """One that is not replaced would decompress without a bound."""
    named = {}
    for module in pkgutil.walk_packages(aiokafka.__path__, "aiokafka."):
        if "__main__" not in module.name:
            found = vars(import_module(module.name))
            named.update({(module.name, name): found[name] for name in decompress.DECODERS if name in found})
    assert len(named) >= 16
    assert all(value is decompress.DECODERS[name] for (_, name), value in named.items())
