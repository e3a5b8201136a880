"""Table ``closed``: the batches that rest, in the order of their last change: which are retired first.

A batch rests (:attr:`app.core.batch.Batch.rests`) when it is closed, or when all that came for it was given up before
it was registered.

* **Key**: ``c``, the log offset of the last change of the batch (8 bytes), the batch id.
* **Value**: the log time of that record (ms, 8 bytes), how many uploads and slots the batch has (4 bytes); of a batch
  that an older release closed, the log time at which it was found. Then what is to be kept of it, so that it need not
  be loaded to be retired: its receipt (:mod:`tables.receipts`) without place and time, as MessagePack, or nil where it
  was never registered. Not of a batch with more than :data:`LARGEST` uploads and slots, and not in rows of older
  releases: such a batch is loaded. Where a record is done in parts, the row says it from the last part on.
* **Lifetime**: while the batch rests and is not changed; then from its retirement on no longer.
* **Size bound**: one row a batch that rests: its id and 131 bytes at most.
* **Who writes**: the task that owns the partition, in the chunk that changed the batch. The table is an index of
  ``batches``: a row too many (a paused worker's) is looked up, found to be nothing, and deleted.
"""

import struct
from typing import NamedTuple

import msgspec

from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Cutoff
from app.core.facts import DISCARDED, Retired
from app.core.retirement import receipt_of
from tables import keys

#: Of a larger batch the row does not have the receipt: to make one looks at each slot, and each change makes it anew.
LARGEST = 1000

_OFFSET = struct.Struct(">Q")
_VALUE = struct.Struct(">QI")
_HEAD = len(keys.CLOSED) + _OFFSET.size
#: What is kept of a batch that was never registered, and how one was closed of which every slot had its outcome.
_NIL = b"\xc0"
#: How a receipt without place and time begins: an array of the tag and 13 fields, the tag, and 0 for both. Then come
#: the moment at which the batch was closed (in ms: since 1970-02-19 8 bytes, and one that says so), and how.
_BLANK = b"\x9e\x0f\x00\x00"
_HOW = len(_BLANK) + 9
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Retired | None)


class Resting(NamedTuple):
    """A row: which batch, unchanged since which place of the log and log time (ms), and how large it is.

    ``kept``: what is to be kept of it, encoded; empty where the row does not say.
    """

    place: Cutoff
    since: int
    weight: int
    kept: bytes


def key(place: Cutoff) -> bytes:
    """The key of a batch that was last changed at this place."""
    return keys.CLOSED + _OFFSET.pack(place.at) + place.batch_id.encode()


def key_for(batch: Batch) -> bytes | None:
    """The key of the row that a batch in this state has, or None for one that does not rest."""
    return key(Cutoff(batch.last, batch.batch_id)) if batch.rests else None


def value(batch: Batch, time: int, *, whole: bool) -> bytes:
    """The value for a batch that was last changed at log time ``time`` (ms).

    ``whole``: all that the record at that place does to the batch is done. After a part of it the key is the same, and
    what is kept is not known yet.
    """
    weight = len(batch.uploads) + len(batch.slots)
    kept = _encoder.encode(receipt_of(batch)) if whole and weight <= LARGEST else b""
    return _VALUE.pack(time, weight) + kept


def read(row_key: bytes, row_value: bytes) -> Resting:
    """What a row says."""
    time, weight = _VALUE.unpack_from(row_value)
    return Resting(place_of(row_key), time, weight, row_value[_VALUE.size :])


def place_of(row_key: bytes) -> Cutoff:
    """The place of the log that a row is about."""
    (at,) = _OFFSET.unpack_from(row_key, len(keys.CLOSED))
    return Cutoff(at, row_key[_HEAD:].decode())


def read_size(row_value: bytes) -> tuple[int, int]:
    """The log time (ms) since which the batch of a row has rested, and its weight: what a tick is decided by."""
    time, weight = _VALUE.unpack_from(row_value)
    return time, weight


def kept(resting: Resting) -> Retired | None:
    """What a row says is to be kept of its batch: a receipt without place and time, or nothing.

    To be asked where :attr:`Resting.kept` is not empty.
    """
    receipt: Retired | None = _decoder.decode(resting.kept)
    return receipt


def state_of(resting: Resting) -> State:
    """The state of the batch by what its row says is to be kept; to be asked where that is not empty."""
    fields = resting.kept
    if fields == _NIL:
        return State.UNREGISTERED
    # Nearly all of them, and nothing has to be decoded. Behind a shorter moment there are letters of "discarded".
    if fields[_HOW : _HOW + 1] == _NIL and fields.startswith(_BLANK):
        return State.COMPLETE
    receipt = kept(resting)
    return State.DISCARDED if receipt is not None and receipt.how == DISCARDED else State.COMPLETE


def left_to_say(resting: Resting) -> bytes:
    """What :func:`kept` says behind place and time, encoded, so that it need not be made anew: the fields of a receipt.

    To be asked where the batch was registered.
    """
    fields = resting.kept
    if fields.startswith(_BLANK):
        return fields[len(_BLANK) :]
    # A release with other fields has written it.
    return _encoder.encode(kept(resting))[len(_BLANK) :]
