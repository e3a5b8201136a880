"""Table ``waiting``: which batches wait, and since when.

* **Key**: ``w``, what for (1 byte), since when (log time in ms, later by what an operator put its deadline off, 8
  bytes), the batch id. Sorted: the one that has
  waited longest comes first.
* **Value**: empty.
* **Lifetime**: while the batch waits for that.
* **Size bound**: one row a batch that is not complete.
* **Who writes**: the task that owns the partition, in the chunk after which the batch waits, or no longer does. The
  table is an index of ``batches``:
  a row too many (a paused worker's) is looked up, found to be nothing, and deleted.
"""

import struct
from enum import Enum

from app.core.batch import Batch
from tables import keys

_SINCE = struct.Struct(">Q")


class What(Enum):
    """What a batch waits for:

    HOLDING its registration, OPEN the outcome of a slot, LATE the same beyond the deadline.
    """

    HOLDING = b"h"
    OPEN = b"o"
    LATE = b"l"


#: By what is waited for: an enum's value is looked up by a function, and a key is made for each batch of a chunk.
_PREFIXES = {kind: keys.WAITING + kind.value for kind in What}


def prefix(kind: What) -> bytes:
    """The prefix of all rows of those that wait for ``kind``."""
    return _PREFIXES[kind]


def key(kind: What, since: int, batch_id: str) -> bytes:
    """The key of a batch that waits for ``kind`` since log time ``since`` (ms)."""
    return prefix(kind) + _SINCE.pack(since) + batch_id.encode()


def place_of(batch: Batch) -> tuple[What, int] | None:
    """What a batch in this state waits for, and since when; None for one that waits for nothing."""
    since = batch.waits_since
    if since is None:
        return None
    if batch.registration is None:
        return What.HOLDING, since
    return What.LATE if batch.timed_out else What.OPEN, since


def key_at(place: tuple[What, int] | None, batch_id: str) -> bytes | None:
    """The key of the row that a batch at this place has, or None."""
    return None if place is None else key(*place, batch_id)


def key_for(batch: Batch) -> bytes | None:
    """The key of the row that a batch in this state has, or None for one that waits for nothing."""
    return key_at(place_of(batch), batch.batch_id)


def read(row_key: bytes) -> tuple[What, int, str]:
    """What, since when and which batch a key says."""
    head = len(keys.WAITING)
    (since,) = _SINCE.unpack(row_key[head + 1 : head + 1 + _SINCE.size])
    return What(row_key[head : head + 1]), since, row_key[head + 1 + _SINCE.size :].decode()
