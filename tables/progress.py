"""Table ``progress``: up to which tick of the log batches were retired, and up to which id they were looked up.

* **Key**: ``t`` and the log offset of the tick (8 bytes); or ``t`` alone.
* **Value**: empty; of ``t`` alone the id of a batch.
* **Lifetime**: until a later tick retires or forgets something; ``t`` alone, while an index of what an older release
  closed (``closed``) is being made: from there it goes on.
* **Size bound**: two rows.
* **Who writes**: the task that owns the partition, in the chunk with the tick, before all its other rows.

At least once, state may be ahead of the offset: the records before a tick are then read again. Of a batch that the tick
has forgotten since, they would be the first. So once the row of a tick is there, all that is before it has been done.
"""

import struct

from app.engine.ports import Store
from tables import keys

_OFFSET = struct.Struct(">Q")

#: The key of the id up to which batches were looked up.
REACHED = keys.PROGRESS


def key(at: int) -> bytes:
    """The key of the tick at log offset ``at``."""
    return keys.PROGRESS + _OFFSET.pack(at)


def offset_of(row_key: bytes) -> int:
    """The log offset of the tick that a key is for; -1 for the one that is for none."""
    return -1 if row_key == REACHED else int(_OFFSET.unpack_from(row_key, len(keys.PROGRESS))[0])


def latest(store: Store) -> tuple[int, list[bytes]]:
    """The log offset of the latest tick, -1 where there is none; and the keys that say so, of older ones too."""
    found = [row_key for row_key, _ in store.scan(keys.PROGRESS) if len(row_key) > len(REACHED)]
    return max(map(offset_of, found), default=-1), found
