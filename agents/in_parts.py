"""A record that concerns very many uploads, done in parts. How large a part is: :mod:`agents.parts`."""

from collections.abc import Generator

from agents import acts
from agents.chunk_changes import ChunkChanges
from agents.cuts import Cuts
from agents.parts import UNBOUNDED, Bounds, remaining
from agents.steps import Steps
from app.core.acts import Discard, Reopen
from app.core.batch import Batch
from app.core.events import Event, Position, Registration, Tick
from app.core.fold import Outcome
from app.core.rules import left
from app.engine.ports import Record

#: Yields changes that are finished, and returns those to go on with.
Changing = Generator[ChunkChanges, None, ChunkChanges]


class InParts:
    """Does records in parts."""

    def __init__(self, steps: Steps, cuts: Cuts) -> None:
        self._steps = steps
        self._cuts = cuts

    def needed(self, batch: Batch, event: Event, at: int, changes: ChunkChanges, bounds: Bounds) -> bool:
        """Whether the record at log offset ``at`` concerns too many uploads, or a part of it has been done."""
        if bounds is UNBOUNDED or not isinstance(event, Registration | Tick | Discard | Reopen):
            return False
        policy = self._steps.policy
        if batch.last >= at:
            return batch.last == at and left(batch, event, policy)
        count = remaining(batch, event)
        return count > 0 and count > self._steps.originals.most(batch, event, policy, changes, bounds)

    def do(  # noqa: PLR0917 - a record, what it is about, and where the chunk stands
        self,
        batch: Batch,
        event: Event,
        position: Position,
        record: Record,
        done: int,
        changes: ChunkChanges,
        bounds: Bounds,
    ) -> Changing:
        """Do a record in parts, each with changes of its own; the last ones are to go on with, and to be finished."""
        steps, at = self._steps, position.at
        if changes.begin < done or changes.touched or changes.said:
            yield self._cuts.finish(changes, done, at)
            changes = self._cuts.begin(done)
        steps.note(batch, at, changes)
        while True:
            changes.part(batch, remaining(batch, event))
            limit = steps.originals.most(batch, event, steps.policy, changes, bounds)
            facts, outputs, outcome = steps.take(batch, event, position, limit)
            if not isinstance(event, Tick) and outcome is not Outcome.REPEATED:
                steps.count(position, outcome, changes)
            acts.tell(batch.batch_id, facts, changes)
            steps.applier.apply(batch, facts, outputs, record, position, changes)
            if not left(batch, event, steps.policy):
                changes.leaving.unite(batch)
                return changes
            yield self._cuts.finish(changes, done, at)
            changes = self._cuts.begin(done)
            changes.touch(batch)
