"""Table ``pending``: the originals of uploads that wait for their registration.

* **Key**: ``p``, the batch id, the log offset of the upload (8 bytes).
* **Value**: a format byte, then where the original came from, its bytes and its key (MessagePack). What the rules
  need of it is in ``batches``; this is kept only so that ``PendingContentExpired``, or a dead letter, can carry the
  whole original.
* **Lifetime**: from the upload until its batch is registered, or until it expires.
* **Size bound**: one original an upload that is pending, each at most the largest message taken.
* **Who writes**: the task that owns the partition, in the chunk that folded the record. A key is written once and
  deleted once: it holds the offset. At least once, a worker that was paused may put a deleted row back: a row too many,
  of which nothing follows.
"""

import struct
from collections.abc import Sequence

import msgspec

from app.core.events import Source
from app.engine.ports import Record
from app.wire.record import read_key
from tables import keys
from tables.batches import UnknownFormatError

FORMAT = 1

_OFFSET = struct.Struct(">Q")
_MAGIC = bytes([FORMAT])


class Original(msgspec.Struct, frozen=True, array_like=True):
    """An input as it came: its own position, its bytes, and its key: None also where an older release kept it."""

    source: Source
    value: bytes
    key: bytes | None = None


def kept(source: Source, records: Sequence[Record], number: int) -> Original:
    """What is kept of a record of the log that holds an input."""
    return Original(source, records[number].value or b"", read_key(records[number].headers))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Original)


def prefix(batch_id: str) -> bytes:
    """The prefix of all rows of a batch."""
    return keys.named(keys.PENDING, batch_id)


def key(batch_id: str, at: int) -> bytes:
    """The key of the upload that was read at log offset ``at``."""
    return prefix(batch_id) + _OFFSET.pack(at)


def offset_of(row_key: bytes) -> int:
    """The log offset of the upload that a key is for."""
    return int(_OFFSET.unpack(row_key[-_OFFSET.size :])[0])


def prefix_of(row_key: bytes) -> bytes:
    """The prefix of all rows of the batch that a key is for."""
    return row_key[: -_OFFSET.size]


def value(original: Original) -> bytes:
    """The value of a row."""
    return _MAGIC + _encoder.encode(original)


def original_of(value: bytes) -> Original:
    """The original in a row. Raises UnknownFormatError where a newer release wrote it."""
    if value[0] > FORMAT:
        message = f"a row of the pending table has format {value[0]}; this release reads up to {FORMAT}"
        raise UnknownFormatError(message)
    return _decoder.decode(value[1:])
