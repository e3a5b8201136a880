"""Table ``receipts``: what is kept of the batches that were retired, and in which order it goes.

* **Key**: ``r`` and the batch id; in the order in which they go: ``q``, the log offset at which the batch was retired
  (8 bytes), the batch id.
* **Value**: of ``r`` a row as table ``batches`` has them, of format 4, with the one fact that is the receipt
  (:class:`app.core.facts.Retired`); of ``q`` the log time of the retirement (ms, 8 bytes).
* **Lifetime**: from the retirement of the batch on, for ``ROLLCALL_RECEIPT_RETENTION_SECONDS``.
* **Size bound**: a receipt has at most 200 bytes, key and value, for ids of up to 73 bytes (a UUID has 36): 122 are the
  most that the value takes, and 5 the key beside the id. A longer id adds what it has beyond. Its row of ``q`` has the
  id and 17 bytes.
* **Who writes**: the task that owns the partition, in the chunk with the tick that retired the batch. **A batch with a
  receipt has no other rows**: those that a worker which was paused, or a crash among the rows of a chunk, has left are
  passed over, and deleted where they are met, at the latest with the receipt.
"""

import struct

from app.core.batch import Batch
from app.core.events import Cutoff, Position
from app.core.facts import Retired
from app.engine.ports import Store
from tables import batches, closed, keys
from tables.closed import Resting

_NUMBER = struct.Struct(">Q")
_HEAD = len(keys.RECEIPT_ORDER) + _NUMBER.size


def key(batch_id: str) -> bytes:
    """The key of the receipt of a batch."""
    return keys.named(keys.RECEIPTS, batch_id)


def order_key(place: Cutoff) -> bytes:
    """The key that says when a receipt goes: in the order in which they were written."""
    return keys.RECEIPT_ORDER + _NUMBER.pack(place.at) + place.batch_id.encode()


def order_key_for(batch: Batch) -> bytes | None:
    """The same for a batch, or None for one that was not retired."""
    return None if batch.receipt is None else order_key(Cutoff(batch.receipt.at, batch.batch_id))


def rows(batch_id: str, receipt: Retired) -> dict[bytes, bytes]:
    """Both rows of a receipt: that by which it is found again comes first."""
    return {
        order_key(Cutoff(receipt.at, batch_id)): _NUMBER.pack(receipt.time),
        key(batch_id): batches.receipt(receipt),
    }


class Writer:
    """Writes the receipts of the batches that one tick retires unseen, by what their rows of ``closed`` say.

    The same rows as :func:`rows`, without a receipt being read and made anew for each batch.
    """

    def __init__(self, position: Position) -> None:
        self._order = keys.RECEIPT_ORDER + _NUMBER.pack(position.at)
        self._time = _NUMBER.pack(position.time)
        self._begins = batches.receipt_begins(position.at) + batches.number(position.time)

    def add(self, encoded: bytes, tail: bytes, resting: Resting, found: dict[bytes, bytes]) -> None:
        """Add both rows of a batch that was registered, whose id is ``encoded``, and has this ``tail`` of keys."""
        found[self._order + encoded] = self._time
        found[keys.RECEIPTS + tail] = self._begins + closed.left_to_say(resting)


def read_order(row_key: bytes, row_value: bytes) -> tuple[Cutoff, int]:
    """Which receipt a row of the order is about, and the log time (ms) at which its batch was retired."""
    (at,) = _NUMBER.unpack_from(row_key, len(keys.RECEIPT_ORDER))
    (time,) = _NUMBER.unpack_from(row_value)
    return Cutoff(at, row_key[_HEAD:].decode()), time


def read(value: bytes) -> Retired | None:
    """The receipt that a row has; None where it has something else. Raises UnknownFormatError."""
    fact = batches.facts_of(value)[0]
    return fact if isinstance(fact, Retired) else None


def is_of(value: bytes, at: int) -> bool:
    """Whether a row has a receipt that was written at this log offset. Raises UnknownFormatError."""
    if value.startswith(batches.receipt_begins(at)):
        return True
    receipt = read(value)
    return receipt is not None and receipt.at == at


def state_of(store: Store, batch_id: str) -> list[bytes]:
    """The values of the rows that say how a batch stands: its receipt's alone, where it was retired."""
    receipt = store.get(key(batch_id))
    return store.values(batches.prefix(batch_id)) if receipt is None else [receipt]
