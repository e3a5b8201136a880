"""What history answers with: the JSON shapes of the API and of ``--json``. No field is ever absent."""

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Place(_Model):
    """A record of a topic."""

    topic: str
    partition: int
    offset: int


class OutputRef(_Model):
    """An output that a record brought about. ``event_id`` is null for a dead letter, which has none."""

    topic: str
    event_id: str | None


class TimelineEntry(_Model):
    """A record of the log and what it did to the batch.

    ``source`` is the input's own position, null for what the log itself holds (ticks, operator acts).
    """

    offset: int
    time: str
    event: str
    source: Place | None
    summary: str
    effect: str
    facts: list[str]
    outputs: list[OutputRef]


class Timeline(_Model):
    """The records of a batch, oldest first. Where ``complete`` is false, ``note`` says what is not in it and why."""

    batch_id: str
    partition: int
    complete: bool
    note: str | None
    entries: list[TimelineEntry]


class DeadLetter(_Model):
    """An input that could not be used. ``size`` is the value's, in bytes; ``batch_id`` where one can be read."""

    partition: int
    offset: int
    time: str
    reason: str
    detail: str
    source: Place | None
    key: str | None
    size: int
    batch_id: str | None


class DeadLetterContent(DeadLetter):
    """A dead letter with its original bytes; ``value_text`` where they are UTF-8, both null for a null value."""

    value_text: str | None
    value_base64: str | None


class DeadLetterPage(_Model):
    """Dead letters, newest first. ``next`` continues the list, null at its end.

    A page may hold fewer than were asked for although there are more: a search stops after a while, and continues from
    ``next``.
    """

    items: list[DeadLetter]
    next: str | None


class Difference(_Model):
    """What a replay found: ``kind`` is ``missing`` (the log says it, the topic has it not), ``unexpected`` (the topic
    has it, the log does not say it) or ``different`` (both have it, with other content).

    ``place`` is where it stands, null for what is missing; ``event_id`` is null for dead letters.
    """

    kind: str
    topic: str
    event_id: str | None
    batch_id: str | None
    place: Place | None
    detail: str


class ReplayReport(_Model):
    """The log folded again, compared with what was emitted.

    ``records`` of the log were folded. ``expected`` outputs followed; of them ``awaited`` may still be on their way,
    since the group has not committed their records yet. ``emitted`` records of the outputs were looked at, ``repeats``
    of them the same again, ``others`` about batches that this log knows nothing of (another app id's, say).
    ``differences`` holds the first of ``differences_total``. ``same``: there is no difference. Of ``partial`` batches
    the log lacks the beginning: what is said of them is not compared.
    """

    app_id: str
    batch_id: str | None
    same: bool
    records: int
    partial: int
    expected: int
    awaited: int
    emitted: int
    repeats: int
    others: int
    differences_total: int
    differences: list[Difference]
    notes: list[str]


class StateDifference(_Model):
    """Where the state of a batch is not what its log amounts to. Both sides are JSON texts."""

    batch_id: str
    partition: int
    field: str
    changelog: str
    log: str


class AuditReport(_Model):
    """The state that the changelog says, compared with the log, up to what the group has committed.

    ``same``: there is no difference. ``differences`` holds the first of ``differences_total``. ``partial`` of the
    ``batches`` began before the log does: of them all is compared that the records have done that there still are, or,
    where they were retired since, that the receipt counts those.
    """

    app_id: str
    same: bool
    partitions: int
    records: int
    rows: int
    batches: int
    partial: int
    differences_total: int
    differences: list[StateDifference]
    notes: list[str]
