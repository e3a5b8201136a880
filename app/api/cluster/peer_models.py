"""What workers tell each other about their own partitions: the answers of ``/api/local/...``.

Not for others: the shape may change with any release. Workers of two releases that do not understand each other take
each other's partitions for missing.
"""

from typing import Annotated

from pydantic import Field

from app.api.present.batch_models import BatchSummary
from app.api.present.model import Model
from app.api.present.models import Counts, InputInfo, PartitionInfo

#: What others say is checked: a number that no log, clock or count can have is refused with the whole answer.
Number = Annotated[int, Field(ge=-(2**53), le=2**53)]
Partition = Annotated[int, Field(ge=0, le=9_999)]
Offset = Annotated[int, Field(ge=0, lt=2**63)]
Cursor = Annotated[str, Field(max_length=200_000)]


class LocalStanding(Model):
    """How batches stand (:class:`~tables.batch_counts.Standing`). ``oldest_pending`` and ``oldest_closed`` are
    log times, ms.
    """

    partition: Partition
    counts: Counts
    retired: int | None = None
    pending_uploads: Number
    oldest_pending: Number | None
    stuck: Number
    oldest_closed: Number | None = None  # releases before this one don't say it


class LocalOverview(Model):
    """A worker's own part of the overview.

    ``standings`` are of the partitions that it owns and has counted.
    """

    ready: bool
    partitions: list[PartitionInfo]
    inputs: list[InputInfo]
    standings: list[LocalStanding]
    restore_left: Number | None = None  # releases before these two don't say
    standbys: Annotated[list[Partition], Field(max_length=10_000)] | None = None


class Ranked(Model):
    """A batch of a list, with its place in the list's order."""

    place: tuple[Number, str]
    batch: BatchSummary
    expires_at: str | None


class LocalPage(Model):
    """A worker's own part of a list: ``partitions`` are in it.

    In order. Up to ``reached`` nothing was left out, null: up to the end.
    """

    partitions: list[Partition]
    items: list[Ranked]
    reached: tuple[Number, str] | None


class LocalChanges(Model):
    """A worker's own changes since ``cursor`` of a former answer."""

    cursor: Cursor
    changed: list[BatchSummary]
    removed: list[str]
    more: bool


class LocalRows(Model):
    """The rows of a batch, Base64, as table ``batches`` has them, and the log offset of its first fact."""

    batch_id: str
    rows: list[str]
    first: Offset | None


class LocalSample(Model):
    """A step of a worker's last hour (:mod:`app.api.cluster.recent`), by its number."""

    number: Number
    ready: Number
    stuck: Number
    pending_uploads: Number
    lag: Number


class LocalRecent(Model):
    """A worker's own last hour."""

    samples: Annotated[list[LocalSample], Field(max_length=1000)]
