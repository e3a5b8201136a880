"""Table ``closed``: the batches that rest, in the order of their last change: which are retired first.

A batch rests (:attr:`app.core.batch.Batch.rests`) when it is closed, or when all that came for it was given up before
it was registered.

* **Key**: ``c``, the log offset of the last change of the batch (8 bytes), the batch id.
* **Value**: the log time of that record (ms, 8 bytes), how many uploads and slots the batch has (4 bytes). Of a batch
  that an older release closed, the log time at which it was found.
* **Lifetime**: while the batch rests and is not changed; then from its retirement on no longer.
* **Size bound**: one row a batch that rests: its id and 21 bytes.
* **Who writes**: the task that owns the partition, in the chunk that changed the batch. The table is an index of
  ``batches``: a row too many (a paused worker's) is looked up, found to be nothing, and deleted.
"""

import struct
from typing import NamedTuple

from app.core.batch import Batch
from app.core.events import Cutoff
from tables import keys

_OFFSET = struct.Struct(">Q")
_VALUE = struct.Struct(">QI")
_HEAD = len(keys.CLOSED) + _OFFSET.size


class Resting(NamedTuple):
    """A row: which batch, unchanged since which place of the log and log time (ms), and how large it is."""

    place: Cutoff
    since: int
    weight: int


def key(place: Cutoff) -> bytes:
    """The key of a batch that was last changed at this place."""
    return keys.CLOSED + _OFFSET.pack(place.at) + place.batch_id.encode()


def key_for(batch: Batch) -> bytes | None:
    """The key of the row that a batch in this state has, or None for one that does not rest."""
    return key(Cutoff(batch.last, batch.batch_id)) if batch.rests else None


def value(batch: Batch, time: int) -> bytes:
    """The value for a batch that was last changed at log time ``time`` (ms)."""
    return _VALUE.pack(time, len(batch.uploads) + len(batch.slots))


def read(row_key: bytes, row_value: bytes) -> Resting:
    """What a row says."""
    (at,) = _OFFSET.unpack_from(row_key, len(keys.CLOSED))
    time, weight = _VALUE.unpack_from(row_value)
    return Resting(Cutoff(at, row_key[_HEAD:].decode()), time, weight)
