"""Compressed batches as plain ones, so that they can be indexed natively as others are.

A batch is the same then, with its producer, its offsets and what it says of a transaction, but for its length, its
codec and its checksum. Whatever is not sound is left to aiokafka's own reading, which names it
(:mod:`app.engine.kafka.fetch`). The bounds are those of :mod:`app.engine.kafka.decompress`.
"""

import struct
from typing import TYPE_CHECKING, Final

from aiokafka.record.util import calc_crc32c

from app import native
from app.engine.kafka.decompress import DECODERS, ENOUGH, MOST_RECORDS, account

if TYPE_CHECKING:
    from app.native import _native

#: https://kafka.apache.org/documentation/#recordbatch: offset, length, epoch, version, checksum, attributes, last
#: offset, two times, producer, its epoch, its sequence, number of records.
_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
_LENGTH: Final = struct.Struct(">i")
_LENGTH_AT: Final = 8
#: What the length counts begins behind it, what the checksum covers behind that.
_COUNTED_AT: Final = _LENGTH_AT + _LENGTH.size
_CHECKED_AT: Final = 21
_VERSION: Final = 2
_CODEC: Final = 0b111
#: A batch that says how a transaction ended. Brokers write it, and compress none.
_CONTROL: Final = 0b10_0000
_DECODERS: Final = dict(enumerate((DECODERS[f"{name}_decode"] for name in ("gzip", "snappy", "lz4", "zstd")), 1))


def plain(fetched: bytes) -> bytes | None:
    """The batches of a fetch, uncompressed: all, or so many that it is enough. None where one of them is not sound."""
    batches: list[bytes] = []
    at = count = account.decompressed = 0
    while len(fetched) - at >= _COUNTED_AT and account.decompressed <= ENOUGH and count < MOST_RECORDS:
        (length,) = _LENGTH.unpack_from(fetched, at + _LENGTH_AT)
        end = at + _COUNTED_AT + length
        if end > len(fetched):
            break  # cut off by the broker
        if length < _HEAD.size - _COUNTED_AT:
            return None
        batch = fetched[at:end]
        _, _, _, version, checksum, attributes, _, _, _, *producer, records = _HEAD.unpack_from(batch)
        count += records
        if version != _VERSION or count > MOST_RECORDS or calc_crc32c(batch[_CHECKED_AT:]) != checksum:
            return None
        if attributes & _CODEC:
            uncompressed = _uncompressed(batch, attributes, producer)
            if uncompressed is None:
                return None
            batch = uncompressed
        batches.append(batch)
        at = end
    return b"".join(batches)


def _uncompressed(batch: bytes, attributes: int, producer: list[int]) -> bytes | None:
    decoder = _DECODERS.get(attributes & _CODEC)
    if decoder is None or attributes & _CONTROL:
        return None
    try:
        payload = decoder(memoryview(batch)[_HEAD.size :])
    except Exception:  # noqa: BLE001 - whatever is wrong with it, aiokafka's reading meets it again and names it
        return None
    length = _LENGTH.pack(_HEAD.size - _COUNTED_AT + len(payload))
    finished: _native.Finished = native.rust().Finished(
        b"".join((batch[:_LENGTH_AT], length, batch[_COUNTED_AT : _HEAD.size], payload))
    )
    number, epoch, sequence = producer
    return finished.seal(number, epoch, sequence, attributes & ~_CODEC)
