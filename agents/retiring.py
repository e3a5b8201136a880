"""Retirement, as the join does it: which cutoffs a tick is to have, and what the tick then does.

The settings decide what goes into a tick, and the tick alone what follows from it: a replay retires the same batches at
the same records. A tick has so few batches that they are done between two polls. What is left goes with the next one.
"""

from collections.abc import Collection, Iterable
from itertools import groupby, islice
from operator import attrgetter

from agents.chunk_changes import ChunkChanges
from agents.cuts import Cuts
from agents.going import Going
from agents.in_parts import Changing
from agents.parts import UNBOUNDED, Bounds
from agents.steps import Steps
from app.core.batch import Batch
from app.core.events import Cutoff, Position, Tick
from app.engine.ports import Headers, Record
from app.settings import Settings
from app.wire.record import FORGETS_HEADER, LOOKUP_HEADER, RETIRES_HEADER, cutoff_header, is_lookup, read_tick
from tables import batches, closed, generations, progress, receipts
from tables.closed import Resting
from tables.index import ids_after
from tables.partition_state import PartitionState
from tables.receipt_order import Page

#: How much one tick may name: batches, and uploads and slots that they have together. To load a batch, to write its
#: receipt and to find its rows takes 0.1 ms, so 500 take about 50 ms: half of what a chunk of 10,000 records does.
_MOST_BATCHES = 500
_MOST_UPLOADS = 20_000

#: How many batches one tick looks up that an older release may have closed: about 80 us each.
_LOOKED_UP = 500


class Retiring:
    """Retires the batches of one partition.

    ``complete``: whether the index of closed batches has all that there are; None while that is not known. Before it
    has, no tick retires any, so that they go in the order in which a replay lets them go.
    """

    def __init__(self, tables: PartitionState, settings: Settings, steps: Steps, cuts: Cuts) -> None:
        self._tables = tables
        self._steps = steps
        self._cuts = cuts
        self._going = Going(tables)
        self._retention = round(settings.batch_retention_seconds * 1000)
        self._receipts = round(settings.receipt_retention_seconds * 1000)
        self.complete: bool | None = None
        #: Whether more was due already than the latest tick could name.
        self.behind = False
        self._full = False
        #: The tick before which everything is done, and the rows that say so.
        self.done, self._marks = progress.latest(tables.store)

    def looked_through(self, *, complete: bool, left_behind: Collection[str]) -> None:
        """Told once that all rows were looked through that there were at the start: whether the index is ``complete``,
        and which batches were retired before and have rows that were ``left_behind``.
        """
        self.complete = complete
        self._going.left_behind = left_behind

    def due(self) -> int | None:
        """The log time (ms) at which something goes next, or None."""
        due = []
        if self._retention and self.complete is False:
            return 0
        if self._retention and self.complete:
            due += [resting.since + self._retention for resting in islice(self._tables.resting(), 1)]
        if self._receipts:
            due += [page.time + self._receipts for page in islice(self._tables.receipts(), 1)]
        return min(due, default=None)

    def headers(self, now: int) -> Headers:
        """What a tick is to say at log time ``now`` (ms)."""
        if self._retention and self.complete is False:
            return [(LOOKUP_HEADER, b"")]
        found, self._full = [], False
        retires = self._retires(now - self._retention) if self._retention and self.complete else None
        if retires is not None:
            found.append((RETIRES_HEADER, cutoff_header(retires)))
        forgets = self._forgets(now - self._receipts) if self._receipts else None
        if forgets is not None:
            found.append((FORGETS_HEADER, cutoff_header(forgets)))
        return [*found]

    def _retires(self, latest: int) -> Cutoff | None:
        """The last of the batches that have rested since log time ``latest`` or longer, of as many as fit."""
        last, uploads = None, 0
        for number, (row, value) in enumerate(self._tables.resting_rows()):
            since, weight = closed.read_size(value)
            if since > latest:
                break
            uploads += weight
            self._full = number == _MOST_BATCHES or (number > 0 and uploads > _MOST_UPLOADS)
            if self._full:
                break
            last = row
        return None if last is None else closed.place_of(last)

    def _forgets(self, latest: int) -> Cutoff | None:
        """The last of the receipts that were written by log time ``latest``: all that a tick wrote, and of as many
        ticks as fit.
        """
        cutoff, number = None, 0
        for page in self._tables.receipts():
            number += len(page.ids)
            if page.time > latest or (cutoff is not None and number > _MOST_BATCHES):
                break
            cutoff = page.last
        return cutoff

    def take(self, record: Record, done: int, changes: ChunkChanges, bounds: Bounds) -> Changing:
        """Do what a tick says of what goes, in changes that have nothing else; the changes to go on with."""
        if bounds is not UNBOUNDED:
            if changes.begin < done or changes.touched or changes.said:
                yield self._cuts.finish(changes, done, record.offset)
                changes = self._cuts.begin(done)
            changes.leaving.alone = True
        tick = read_tick(record.timestamp, record.headers)
        if tick.retires is not None or tick.forgets is not None:
            self._begin(record.offset, changes)
            resting = {} if tick.retires is None else self._resting(tick.retires, changes)
            kept = {} if tick.forgets is None else self._kept(tick.forgets, changes)
            left = kept
            if changes.leaving.alone:
                # Nothing else is folded before this is written, so nobody looks for what goes and was not loaded.
                position = Position(record.offset, record.timestamp)
                left = self._going.forget(kept.values(), changes)
                resting = self._going.retire(resting.values(), position, changes)
            for place in left.values():
                self._forget(place, tick, record, changes)
            for row in resting.values():
                self._retire(row.place, tick, record, changes)
            self._follow(record, kept.values(), changes)
            self.behind = self._full
        if is_lookup(record.headers):
            self._look_up(record, changes)
        return changes

    def _begin(self, at: int, changes: ChunkChanges) -> None:
        changes.leaving.first[progress.key(at)] = b""
        guard, says = generations.GUARD
        if self._tables.store.get(guard) != says:
            changes.leaving.first[guard] = says
        for mark in self._marks:
            if changes.leaving.first.pop(mark, None) is None:
                changes.stale(mark)
        self._marks = [progress.key(at)]

    def _resting(self, cutoff: Cutoff, changes: ChunkChanges) -> dict[str, Resting]:
        """The batches up to a cutoff, each with its row: those that the store knows of, and those of this chunk."""
        found = {}
        for resting in self._tables.resting():
            if resting.place > cutoff:
                break
            found[resting.place.batch_id] = resting
        for batch in changes.touched.values():
            place = Cutoff(batch.last, batch.batch_id)
            if batch.rests and place <= cutoff:
                found[batch.batch_id] = Resting(place, 0, 0, b"")
        return found

    def _kept(self, cutoff: Cutoff, changes: ChunkChanges) -> dict[str, Cutoff]:
        """The same of receipts, each by the tick that wrote it."""
        found = {}
        for page in self._tables.receipts():
            if page.at > cutoff.at:
                break
            found.update({batch_id: Cutoff(page.at, batch_id) for batch_id in page.up_to(cutoff)})
        for batch in changes.touched.values():
            if batch.receipt is not None and (place := Cutoff(batch.receipt.at, batch.batch_id)) <= cutoff:
                found[batch.batch_id] = place
        return found

    def _retire(self, place: Cutoff, tick: Tick, record: Record, changes: ChunkChanges) -> None:
        batch, row = self._touched(place, changes), closed.key(place)
        if row != closed.key_for(batch):
            changes.stale(row)
            self._passed_over(batch, changes)
        else:
            self._let_go(batch, tick, record, changes)

    def _forget(self, place: Cutoff, tick: Tick, record: Record, changes: ChunkChanges) -> None:
        batch = self._touched(place, changes)
        if batch.receipt is None or batch.receipt.at != place.at:
            self._passed_over(batch, changes)
        elif self._let_go(batch, tick, record, changes):
            changes.leaving.purge([receipts.key(batch.batch_id)])
            changes.leaving.forgotten.append(place)

    def _touched(self, place: Cutoff, changes: ChunkChanges) -> Batch:
        batch = changes.touched.get(place.batch_id) or self._tables.batch(place.batch_id)
        changes.touch(batch)
        return batch

    def _passed_over(self, batch: Batch, changes: ChunkChanges) -> None:
        """What leads to a batch is too much: left by a worker that was paused and woke too late, or by a crash among
        the rows of a chunk, which may have left others behind as well.
        """
        if batch.receipt is not None:
            changes.leaving.purge(self._tables.rows_of(batch.batch_id))

    def _let_go(self, batch: Batch, tick: Tick, record: Record, changes: ChunkChanges) -> bool:
        facts, _, _ = self._steps.take(batch, tick, Position(record.offset, record.timestamp))
        if facts:
            changes.facts_of(batch).extend(facts)
            changes.leaving.let_go(batch, facts, self._tables.rows_of(batch.batch_id))
        return bool(facts)

    def _follow(self, record: Record, gone: Iterable[Cutoff], changes: ChunkChanges) -> None:
        """Have the order of receipts say what the tick has written, and no longer say what is ``gone``."""
        leaving = changes.leaving
        written = [place.batch_id for place in leaving.retired if place.at == record.offset]
        if written:
            page = self._page(record.offset, changes)
            page.time = record.timestamp
            page.ids.update(written)
            leaving.write_down(page)
        for at, of_tick in groupby(gone, key=attrgetter("at")):
            leaving.strike_out(self._page(at, changes), [place.batch_id for place in of_tick])

    def _page(self, at: int, changes: ChunkChanges) -> Page:
        """What there is of a tick: what a crash has left of its rows is gone on with."""
        return changes.leaving.pages.get(at) or self._tables.receipts_of(at) or Page(at, 0)

    def _look_up(self, record: Record, changes: ChunkChanges) -> None:
        """Put the next batches into the index that an older release has closed."""
        store = self._tables.store
        reached = store.get(progress.REACHED)
        ids = list(islice(ids_after(store, after=None if reached is None else reached.decode()), _LOOKED_UP))
        known = set(changes.touched)
        for batch_id in ids:
            batch = batches.batch_of(batch_id, receipts.state_of(store, batch_id))
            row = closed.key_for(batch)
            if row is not None and batch_id not in known and store.get(row) is None:
                changes.leaving.first[row] = closed.value(batch, record.timestamp, whole=True)
        if len(ids) == _LOOKED_UP:
            changes.leaving.first[progress.REACHED] = ids[-1].encode()
        else:
            changes.stale(progress.REACHED)
            self.complete = True
