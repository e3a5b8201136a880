"""What goes without being loaded: what is kept of a batch is known since it came to rest (:mod:`tables.closed`).

To load a batch and to fold it took two thirds of the time that retiring it did. So a row says what is to be kept of
its batch, and all that is read besides are the keys that are to be deleted. Those also show whether the row is still
so: the latest fact of the batch is the one that it names. Whatever is not as it should be is left to
:mod:`agents.retiring`, which loads the batch. No batch is made of what goes, and the cache lets go of it: who asks for
it finds its receipt.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from agents.chunk_changes import ChunkChanges
from app.core.batch_state import State
from app.core.events import Cutoff, Position
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
        #: The batches that were retired before this start and have rows all the same; None while that is not known.
        #: Rows that a paused worker writes back come into the store with a takeover only, which is another start.
        self.left_behind: Collection[str] | None = None

    def retire(self, found: Iterable[Resting], position: Position, changes: ChunkChanges) -> dict[str, Resting]:
        """Retire the batches that rest by these rows, but for those that are to be loaded, which are returned."""
        left, leaving = {}, changes.leaving
        write = receipts.Writer(position).add
        rows = list(found)
        tails = [keys.tail(resting.place.batch_id) for resting in rows]
        facts = self._tables.store.keys_of([keys.BATCHES + tail for tail in tails])
        for resting, tail, of_facts in zip(rows, tails, facts, strict=True):
            place = resting.place
            batch_id, at = place.batch_id, place.at
            known = self._tables.known(batch_id)
            if (
                not resting.kept
                or not batches.end_at(of_facts, at)  # it was changed elsewhere
                or (known is not None and known.last != at)
                or self._is_retired(batch_id, tail)
            ):
                left[batch_id] = resting
                continue
            was = leaving.unseen[batch_id] = closed.state_of(resting)
            if was is not State.UNREGISTERED:
                write(tail, resting, leaving.kept)
                leaving.retired.append(Cutoff(position.at, batch_id))
            leaving.purge(of_facts)
            if originals := self._originals(keys.PENDING + tail):
                leaving.purge(originals)
            # The row that leads to it goes last.
            changes.stale(closed.key(place))
            self._tables.let_go(batch_id)
        return left

    def forget(self, found: Iterable[Cutoff], changes: ChunkChanges) -> dict[str, Cutoff]:
        """Forget the batches that were retired there, but for those that are to be looked at, which are returned."""
        left, store, leaving = {}, self._tables.store, changes.leaving
        for place in found:
            batch_id, tail = place.batch_id, keys.tail(place.batch_id)
            row = keys.RECEIPTS + tail
            value = store.get(row)
            if value is None or not receipts.is_of(value, place.at):
                left[batch_id] = place
                continue
            leaving.unseen[batch_id] = State.RETIRED
            leaving.forgotten.append(place)
            if self.left_behind is None or batch_id in self.left_behind:
                # Of what a worker has written that was paused while the batch was retired.
                leaving.purge(store.keys(keys.BATCHES + tail))
            leaving.purged[row] = None
            if originals := self._originals(keys.PENDING + tail):
                leaving.purge(originals)
            self._tables.let_go(batch_id)
        return left

    def _is_retired(self, batch_id: str, tail: bytes) -> bool:
        """Whether a batch has its receipt already, and the rows that lead here were written back."""
        if self.left_behind is not None:
            return batch_id in self.left_behind
        return self._tables.store.get(keys.RECEIPTS + tail) is not None

    def _originals(self, prefix: bytes) -> Sequence[bytes]:
        """The keys of the originals that there are of a batch that rests: what a crash has left behind.

        From before this start: a chunk is written to the database whole. So they are looked for once, where batches
        with originals are few, and not for each batch.
        """
        if not self._asked:
            self._asked = True
            rows = [row for row, _ in islice(self._tables.store.scan(keys.PENDING), _MOST_ORIGINALS + 1)]
            if len(rows) <= _MOST_ORIGINALS:
                self._with_originals = set(map(pending.prefix_of, rows))
        known = self._with_originals
        return () if known is not None and prefix not in known else self._tables.store.keys(prefix)
