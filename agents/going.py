"""What goes without being loaded: what is kept of a batch is known since it came to rest (:mod:`tables.closed`).

To load a batch and to fold it took two thirds of the time that retiring it did. So a row says what is to be kept of
its batch, and all that is read besides are the keys that are to be deleted. Those also show whether the row is still
so: the latest fact of the batch is the one that it names. Whatever is not as it should be is left to
:mod:`agents.retiring`, which loads the batch.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from agents.chunk_changes import ChunkChanges
from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Cutoff, Position
from app.core.facts import DISCARDED, Forgotten, Retired
from app.core.retirement import retired
from tables import batches, closed, keys, pending, receipts
from tables.closed import Resting
from tables.partition_state import PartitionState

#: So many originals are looked through for the batches that they are of: it takes 10 ms.
_MOST_ORIGINALS = 10_000


class Going:
    """Retires and forgets batches of one partition by their rows."""

    def __init__(self, tables: PartitionState) -> None:
        self._tables = tables
        #: The prefixes of batches that had originals when this was first asked; None where those were too many.
        self._with_originals: set[bytes] | None = None
        self._asked = False

    def retire(self, found: Iterable[Resting], position: Position, changes: ChunkChanges) -> dict[str, Resting]:
        """Retire the batches that rest by these rows, but for those that are to be loaded, which are returned."""
        left, store = {}, self._tables.store
        for resting in found:
            of_facts = store.keys(batches.prefix(resting.place.batch_id))
            batch = self._batch(resting.place, of_facts) if resting.kept else None
            if batch is None or store.get(receipts.key(batch.batch_id)) is not None:
                left[resting.place.batch_id] = resting
                continue
            receipt = closed.kept(resting)
            was = State.UNREGISTERED if receipt is None else State.COMPLETE
            if receipt is not None and receipt.how == DISCARDED:
                was = State.DISCARDED
            fact = Forgotten(position.at) if receipt is None else retired(receipt, position)
            changes.touch_closed(batch, was, closed.key(resting.place))
            self._let_go(batch, fact, of_facts, changes)
        return left

    def forget(self, found: Iterable[Cutoff], position: Position, changes: ChunkChanges) -> dict[str, Cutoff]:
        """Forget the batches that were retired there, but for those that are to be looked at, which are returned."""
        left, store = {}, self._tables.store
        for place in found:
            row = receipts.key(place.batch_id)
            value = store.get(row)
            receipt = None if value is None else receipts.read(value)
            if receipt is None or receipt.at != place.at:
                left[place.batch_id] = place
                continue
            batch = self._tables.known(place.batch_id) or Batch(place.batch_id)
            changes.touch_closed(batch, State.RETIRED, None)
            changes.leaving.forget(receipts.order_key(place))
            # Of what a worker has written that was paused while the batch was retired.
            rows = store.keys(batches.prefix(place.batch_id))
            self._let_go(batch, Forgotten(position.at), [*rows, row], changes)
            # The row that leads to it goes last.
            changes.stale(receipts.order_key(place))
        return left

    def _let_go(self, batch: Batch, fact: Retired | Forgotten, rows: Sequence[bytes], changes: ChunkChanges) -> None:
        batch.apply(fact)
        changes.facts_of(batch).append(fact)
        changes.leaving.let_go(batch, [fact], [*rows, *self._originals(batch.batch_id)])

    def _batch(self, place: Cutoff, of_facts: Sequence[bytes]) -> Batch | None:
        """The batch that was last changed at a place, loaded or not; None where it was changed elsewhere."""
        if batches.last_of(of_facts) != place.at:
            return None
        batch = self._tables.known(place.batch_id)
        if batch is None:
            return Batch(place.batch_id)
        return batch if batch.last == place.at else None

    def _originals(self, batch_id: str) -> Sequence[bytes]:
        """The keys of the originals that there are of a batch that rests: what a crash has left behind.

        From before this start: a chunk is written to the database whole. So they are looked for once, where batches
        with originals are few, and not for each batch.
        """
        store, prefix = self._tables.store, pending.prefix(batch_id)
        if not self._asked:
            self._asked = True
            rows = [row for row, _ in islice(store.scan(keys.PENDING), _MOST_ORIGINALS + 1)]
            if len(rows) <= _MOST_ORIGINALS:
                self._with_originals = set(map(pending.prefix_of, rows))
        known = self._with_originals
        return () if known is not None and prefix not in known else store.keys(prefix)
