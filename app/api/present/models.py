"""What the API answers about the group. Durations are seconds; no field is absent."""

from app.api.present.model import Model


class WorkerInfo(Model):
    """A worker of the group. ``this``: the one that answers. ``reachable``: it answered just now.

    ``restore_left``: the records of the changelog that it still has to read, at most; 0 where it restores nothing, null
    where it did not say. ``standbys``: the partitions of others that it keeps a copy of, null where it did not say.
    """

    url: str | None
    ready: bool
    this: bool
    partitions: list[int]
    reachable: bool
    restore_left: int | None
    standbys: list[int] | None


class PartitionInfo(Model):
    """A partition of the log: which worker owns it (null: not known), whether that one answers for it, and its lag.

    ``begins_at`` is the offset at which it begins (what lies before it is gone), ``begins_time`` the time of its first
    record, both as they were within the last minute; null where they are not known, and where there is no record.
    """

    partition: int
    owner: str | None
    ready: bool
    lag: int | None
    # Another worker of the group may be of an older release, which does not say it.
    begins_at: int | None = None
    begins_time: str | None = None


class InputInfo(Model):
    """A partition of an input and its lag, in records; null where its owner did not say."""

    topic: str
    partition: int
    lag: int | None


class Counts(Model):
    """How many batches are in each state; null: still being counted after a start."""

    unregistered: int
    open: int
    complete: int | None
    discarded: int | None


class Overview(Model):
    """Everything at a glance. ``missing`` are the partitions for which no worker answered: the counts lack them.

    ``retired`` counts the batches of which a receipt is kept; ``oldest_closed_seconds`` is for how long the batch that
    is retired next has not changed. ``version`` and ``runs`` (``native``, or ``python``: its twin) are of the worker
    that answers.
    """

    time: str
    app_id: str
    guarantee: str
    version: str
    runs: str
    workers: list[WorkerInfo]
    partitions: list[PartitionInfo]
    inputs: list[InputInfo]
    missing: list[int]
    counts: Counts
    retired: int | None
    pending_uploads: int
    oldest_pending_seconds: float | None
    stuck: int
    oldest_closed_seconds: float | None


class Sample(Model):
    """A step of the last hour, at its beginning: batches that became ready in it; how many were stuck, how many uploads
    were pending, and how many records the workers were behind (inputs and log), at its end.
    """

    time: str
    ready: int
    stuck: int
    pending_uploads: int
    lag: int


class Recent(Model):
    """The last hour, as the workers remember it that run now; ``missing`` are those that did not answer."""

    time: str
    step_seconds: int
    samples: list[Sample]
    missing: list[str]
