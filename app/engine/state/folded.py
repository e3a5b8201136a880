"""The engine's row of a changelog that says how far the log is folded in the rows before it.

* **Key**: ``of``.
* **Value**: the next offset of the log (8 bytes, big-endian): what all records before it did is in the rows.
* **Lifetime**: for ever.
* **Size bound**: one row, 10 bytes.
* **Who writes**: the task that owns the partition, with each set of changes, as the last of their rows.

The group's offset says the same, but it is not the engine's alone: whoever operates the cluster may set it, and the
broker forgets it after a week without a worker (``offsets.retention.minutes``). So where the two disagree the state is
believed: a record that the group has passed, and the state has not, would be lost in silence. State of a release that
wrote no such row says nothing about it.

Exactly once this row is the offset: it is committed in the transaction with all that follows from the records before
it, and the group's follows within half a second, or not at all.

At least once, a worker that was paused may set it back. Records are folded again then, which changes nothing.
"""

import struct

from app.engine.state.store import Store

KEY = b"of"

_OFFSET = struct.Struct(">Q")


def value(end: int) -> bytes:
    """The value that says: folded up to the next offset ``end``."""
    return _OFFSET.pack(end)


def read(store: Store) -> int | None:
    """The next offset of the log that restored rows say; None where they say none."""
    row = store.get(KEY)
    return None if row is None else int(_OFFSET.unpack(row)[0])
