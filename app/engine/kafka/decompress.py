"""Compressed batches of records, decompressed up to a bound: a batch of a megabyte may hold gigabytes.

A topic bounds what a batch has on the wire; what it has when it is decompressed is up to who sent it. aiokafka
decompresses a batch whole, whatever comes out, so all of its four decoders are replaced here, in every module that
names them (pinned, with a test): every reader in this process is bounded. What has more is a batch that
can't be read (:mod:`app.engine.kafka.unreadable`), and no more of it than the bound was ever in memory.

**How much memory a batch takes.** It stands there up to three times: decompressed (:data:`LARGEST_BATCH`, 64 MiB; for
a moment twice, as a buffer and as bytes) and as its records' values. A fetch is read up to :data:`ENOUGH` (32 MiB) of
decompressed bytes, and then one batch more: at most 32 + 3 x 64 = 224 MiB for the one fetch that is being read, where
an ordinary one, of 4 MiB of uncompressed records, takes 8. JSON such as the inputs' shrinks by 5 to 20 times, and a
batch of a topic that takes a megabyte, which is the default, by 64 times to reach the bound.
"""

import gzip
import struct
import threading
import zlib
from collections.abc import Callable
from typing import Any, Final

import cramjam
from aiokafka import codec
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as c_default_records
from aiokafka.record._crecords import legacy_records as c_legacy_records

#: Bytes that a batch may have when it is decompressed.
LARGEST_BATCH: Final = 64 * 1024 * 1024

#: Bytes of a record that goes on into the log: with its header and key it is half of what can be read of a batch there.
LARGEST_RECORD: Final = LARGEST_BATCH // 2

#: Records that a batch may have, by its header: an empty one has 7 bytes, and as an object of Python some 200, so that
#: this many are 100 MB. Our own batches have at most 1 MB / 7.
MOST_RECORDS: Final = 500_000

#: Decompressed bytes of a fetch after which the rest of it is fetched again.
ENOUGH: Final = 32 * 1024 * 1024

#: A first guess at how many times as large a payload is; then four times that, and so on.
_GUESS = 8
_LEAST = 64 * 1024
_AGAIN = 4

#: What cramjam says where the output has no room.
_NO_ROOM = "failed to write whole buffer"

#: A payload in blocks, as Java's library writes it: 16 bytes, then the length of each block and the block.
_BLOCKS = b"\x82SNAPPY\x00"
_BLOCKS_HEADER = 16
_LENGTH = struct.Struct(">i")


class TooLargeError(Exception):
    """A batch has more bytes than :data:`LARGEST_BATCH`, or more records than :data:`MOST_RECORDS`."""


class _Account(threading.local):
    """How many bytes were decompressed by this thread since it was last set to 0."""

    decompressed = 0


account = _Account()


def _within(size: int) -> int:
    if size > LARGEST_BATCH:
        message = f"decompressed it has more than {LARGEST_BATCH} bytes"
        raise TooLargeError(message)
    return size


def bound(batch: Any) -> None:
    """Raise TooLargeError for a batch of aiokafka's that has too many records, before they are read."""
    count = batch.next_offset - batch.base_offset
    if count > MOST_RECORDS:
        message = f"it has {count} records, at most {MOST_RECORDS} are read"
        raise TooLargeError(message)


def gunzip(payload: Any) -> bytes:
    """What is in a gzip payload, of one member or several. Raises TooLargeError, gzip.BadGzipFile."""
    left, found = bytes(payload), b""
    while left:
        member = zlib.decompressobj(wbits=31)
        try:
            found += member.decompress(left, LARGEST_BATCH + 1 - len(found))
        except zlib.error as error:
            raise gzip.BadGzipFile(str(error)) from error
        _within(len(found))
        if not member.eof:
            message = "the payload ends before its end marker"
            raise gzip.BadGzipFile(message)
        # Zeros behind a member are padding (RFC 1952 allows what follows to be ignored).
        left = member.unused_data.lstrip(b"\0")
    return _counted(found)


def unsnappy(payload: Any) -> bytes:
    """What is in a snappy payload, whole or in blocks. Its sizes stand before its data. Raises TooLargeError."""
    view = memoryview(payload)
    if bytes(view[: len(_BLOCKS)]) != _BLOCKS:
        _within(_snappy_size(view))
        return _counted(bytes(cramjam.snappy.decompress_raw(view)))
    blocks, size, at = [], 0, _BLOCKS_HEADER
    while at < len(view):
        (length,) = _LENGTH.unpack_from(view, at)
        if length < 0:
            message = f"a block of {length} bytes"
            raise cramjam.DecompressionError(message)
        block = view[at + _LENGTH.size : at + _LENGTH.size + length]
        size += _snappy_size(block)
        _within(size)
        blocks.append(bytes(cramjam.snappy.decompress_raw(block)))
        at += _LENGTH.size + length
    return _counted(b"".join(blocks))


def unlz4(payload: Any) -> bytes:
    """What is in an lz4 frame. Raises TooLargeError, cramjam.DecompressionError."""
    return _into(cramjam.lz4.decompress_into, payload)


def unzstd(payload: Any) -> bytes:
    """What is in a zstd frame. Raises TooLargeError, cramjam.DecompressionError."""
    return _into(cramjam.zstd.decompress_into, payload)


def _into(decompress: Callable[[Any, bytearray], int], payload: Any) -> bytes:
    """Decompress into a buffer, and into larger ones up to the bound: a frame need not say how much is in it."""
    room = max(_LEAST, _GUESS * len(payload))
    while True:
        buffer = bytearray(min(room, LARGEST_BATCH))
        try:
            size = decompress(payload, buffer)
        except cramjam.DecompressionError as error:
            if _NO_ROOM not in str(error):
                raise
            _within(room + 1)
            room *= _AGAIN
        else:
            return _counted(bytes(memoryview(buffer)[:size]))


def _snappy_size(payload: memoryview) -> int:
    """How many bytes a payload says that it has: a number in groups of 7 bits, the lowest first."""
    size = 0
    for shift, byte in enumerate(payload[:5]):
        size |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            break
    return size


def _counted(found: bytes) -> bytes:
    account.decompressed += len(found)
    return found


#: The decoders by the names under which aiokafka has them.
DECODERS: Final[dict[str, Callable[[Any], bytes]]] = {
    "gzip_decode": gunzip,
    "snappy_decode": unsnappy,
    "lz4_decode": unlz4,
    "zstd_decode": unzstd,
}

for _module in (codec, default_records, legacy_records, c_default_records, c_legacy_records):
    for _name, _decoder in DECODERS.items():
        if hasattr(_module, _name):
            setattr(_module, _name, _decoder)
