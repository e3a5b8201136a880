"""Table ``receipts``: what is kept of the batches that were retired.

* **Key**: ``r`` and the batch id. In which order they go says :mod:`tables.receipt_order`.
* **Value**: a row as table ``batches`` has them, of format 4, with the one fact that is the receipt
  (:class:`app.core.facts.Retired`).
* **Lifetime**: from the retirement of the batch on, for ``ROLLCALL_RECEIPT_RETENTION_SECONDS``.
* **Size bound**: a receipt has at most 200 bytes, key and value, for ids of up to 73 bytes (a UUID has 36): 122 are the
  most that the value takes, and 5 the key beside the id. A longer id adds what it has beyond.
* **Who writes**: the task that owns the partition, in the chunk with the tick that retired the batch. **A batch with a
  receipt has no other rows**: those that a worker which was paused, or a crash among the rows of a chunk, has left are
  passed over, and deleted where they are met, at the latest with the receipt.
"""

from app.core.events import Position
from app.core.facts import Retired
from app.engine.ports import Store
from tables import batches, closed, keys, receipt_order
from tables.closed import Resting


def key(batch_id: str) -> bytes:
    """The key of the receipt of a batch."""
    return keys.named(keys.RECEIPTS, batch_id)


def rows(batch_id: str, receipt: Retired) -> dict[bytes, bytes | None]:
    """The rows of a receipt that is the only one of its tick: that by which it is found again comes first."""
    page = receipt_order.Page(receipt.at, receipt.time, {batch_id})
    return dict([page.row(), (key(batch_id), batches.receipt(receipt))])


class Writer:
    """Writes the receipts of the batches that one tick retires unseen, by what their rows of ``closed`` say.

    The same rows as :func:`tables.batches.receipt` makes, without a receipt being read and made anew for each batch.
    """

    def __init__(self, position: Position) -> None:
        self._begins = batches.receipt_begins(position.at) + batches.number(position.time)

    def add(self, tail: bytes, resting: Resting, found: dict[bytes, bytes]) -> None:
        """Add the row of a batch that was registered and has this ``tail`` of keys."""
        found[keys.RECEIPTS + tail] = self._begins + closed.left_to_say(resting)


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
