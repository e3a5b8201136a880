"""One record folded: what every kind of record needs for it, and the error that names it where the fold fails."""

from sys import maxsize

from agents.apply import Applier
from agents.chunk_changes import ChunkChanges
from agents.parts import Originals
from agents.poison import PoisonError
from app.core import names
from app.core.batch import Batch
from app.core.events import Event, Position, Source
from app.core.fold import Outcome, Taken, take
from app.engine.ports import Place
from app.policy import policy_of
from app.settings import Settings
from tables import pending
from tables.partition_state import PartitionState


class Steps:
    """Folds single records of the log of one partition."""

    def __init__(self, partition: int, tables: PartitionState, settings: Settings) -> None:
        self.partition = partition
        self.tables = tables
        self.policy = policy_of(settings)
        self.log = settings.log_topic
        self.originals = Originals(tables)
        self.applier = Applier(self.originals)
        #: The batches whose originals have been looked through for what a crash, before this start, left behind.
        self._swept: set[str] = set()

    def take(self, batch: Batch, event: Event, position: Position, limit: int = maxsize) -> Taken:
        """Fold an event into its batch. Raises PoisonError, which names the record and the way on."""
        try:
            return take(batch, event, position, self.policy, limit)
        except Exception as error:
            raise self.poison(batch, position, error) from error

    def poison(self, batch: Batch, position: Position, error: Exception) -> PoisonError:
        """The error of a record with which the fold failed."""
        topic, partition, offset = self.place(position.at, position.source)
        return PoisonError(
            f"{topic} partition {partition} offset {offset} (offset {position.at} of {self.log} partition "
            f"{self.partition}), batch {batch.batch_id}: the fold failed with {type(error).__name__}: {error}. "
            "Nothing of this record was committed. This is a bug: report it. To go on without this record, start "
            f"with ROLLCALL_SKIP_POISON={topic}:{partition}:{offset}, which sends it to the dead letters"
        )

    def place(self, at: int, source: Source | None) -> Place:
        """Where a record stands for an operator: its input's own position, or the log's where it has none."""
        if source is None:
            return Place(self.log, self.partition, at)
        return Place(names.INPUTS[source.topic], source.partition, source.offset)

    def topic(self, source: Source | None) -> str:
        """Under which topic a record is counted: its input's, or the log."""
        return self.log if source is None else names.INPUTS[source.topic]

    def count(self, position: Position, outcome: Outcome, changes: ChunkChanges) -> None:
        """Count what became of a record."""
        changes.outcomes[self.topic(position.source), outcome] += 1

    def note(self, batch: Batch, at: int, changes: ChunkChanges) -> None:
        """Note a batch as it is before the record at log offset ``at``."""
        changes.touch(batch)
        if at <= batch.last:
            # Read again after a crash that came between state and offset, and may have come before the last deletions.
            self.sweep(batch, changes)

    def sweep(self, batch: Batch, changes: ChunkChanges) -> None:
        """Delete the originals that a crash left behind: from before this start, so once is enough."""
        if batch.batch_id not in self._swept:
            self._swept.add(batch.batch_id)
            for orphan in self.tables.orphans(batch):
                changes.drop_pending(batch.batch_id, pending.offset_of(orphan))
