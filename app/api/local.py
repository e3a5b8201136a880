"""What workers tell each other about their own partitions: the answers of ``/api/local/...``.

Not for others: the shape may change with any release. Workers of two releases that do not understand each other take
each other's partitions for missing.
"""

from app.api.models import BatchSummary, Counts, InputInfo, Model, PartitionInfo


class LocalStanding(Model):
    """How the batches of a partition stand (:class:`tables.census.Standing`). ``oldest_pending`` is a log time, ms."""

    partition: int
    counts: Counts
    pending_uploads: int
    oldest_pending: int | None
    stuck: int


class LocalOverview(Model):
    """A worker's own part of the overview.

    ``standings`` are of the partitions that it owns and has counted.
    """

    ready: bool
    partitions: list[PartitionInfo]
    inputs: list[InputInfo]
    standings: list[LocalStanding]


class Ranked(Model):
    """A batch of a list, with its place in the list's order."""

    place: tuple[int, str]
    batch: BatchSummary
    expires_at: str | None


class LocalPage(Model):
    """A worker's own part of a list: ``partitions`` are in it.

    In order. Up to ``reached`` nothing was left out, null: up to the end.
    """

    partitions: list[int]
    items: list[Ranked]
    reached: tuple[int, str] | None


class LocalChanges(Model):
    """A worker's own changes since ``cursor`` of a former answer."""

    cursor: str
    changed: list[BatchSummary]
    removed: list[str]
    more: bool


class LocalRows(Model):
    """The rows of a batch, Base64, as table ``batches`` has them, and the log offset of its first fact."""

    batch_id: str
    rows: list[str]
    first: int | None
