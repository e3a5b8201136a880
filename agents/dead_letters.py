"""What the join can't use: dead letters, each with a line in the log once it is out. Nothing is dropped silently."""

from collections.abc import Mapping

from agents.chunk_changes import ChunkChanges
from app.core import names
from app.core.events import Source
from app.core.fold import Outcome
from app.core.outputs import DeadLetter
from app.engine.ports import Place, Record
from app.wire.decode import OVERSIZED, Decoded, RejectedError
from app.wire.record import read_key, read_lost
from app.wire.traceparent import fields, of_message, parse
from tables.pending import Original

POISON = "poison"
FOREIGN = "foreign_record"


def add(
    record: Record,
    source: Source,
    reason: str,
    detail: str,
    changes: ChunkChanges,
    about: Mapping[str, str] | None = None,
) -> None:
    """An input that can't be used. ``about`` is what else the log's line says of it."""
    topic = names.INPUTS[source.topic]
    place = Place(topic, source.partition, source.offset)
    changes.dead_letter(reason, detail, place, read_key(record.headers), record.value)
    _note(place, reason, detail, changes, {**(about or {}), **fields(of_message(record.value))})


def refuse(original: Original, letter: DeadLetter, changes: ChunkChanges, about: Mapping[str, str] | None) -> None:
    """A pending upload that its registration can't use. ``about`` as in :func:`add`; without it there is no line."""
    source = original.source
    place = Place(names.INPUTS[source.topic], source.partition, source.offset)
    changes.dead_letter(letter.reason, letter.detail, place, original.key, original.value)
    if about is not None:
        _note(place, letter.reason, letter.detail, changes, {**about, **fields(of_message(original.value))})


def _note(place: Place, reason: str, detail: str, changes: ChunkChanges, about: Mapping[str, str]) -> None:
    changes.note(
        "dead letter",
        reason=reason,
        detail=detail,
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
        **about,
    )


def reject(record: Record, source: Source, rejected: RejectedError, changes: ChunkChanges) -> None:
    """An input that is not the event of its topic, or whose bytes the log could not hold."""
    lost = read_lost(record.headers)
    if lost is None:
        add(record, source, rejected.reason, rejected.detail, changes)
        return
    size, digest = lost
    detail = (
        f"{size} bytes, with key and headers more than the log takes even when compressed, and left out: their "
        f"SHA-256 is {digest}; the topic has the original for as long as its retention.ms keeps it"
    )
    add(record, source, OVERSIZED, detail, changes)


def skip(record: Record, place: Place, changes: ChunkChanges, *, rekeyed: bool, seen: bool) -> None:
    """A record that ROLLCALL_SKIP_POISON names: not folded. A copy by the repartitioner is no second dead letter."""
    if seen:
        changes.outcomes[place.topic, Outcome.SKIPPED] += 1
        return
    key = read_key(record.headers) if rekeyed else record.key
    changes.dead_letter(POISON, "skipped by ROLLCALL_SKIP_POISON", place, key, record.value)
    trace = fields(of_message(record.value))
    changes.note(
        "dead letter", reason=POISON, topic=place.topic, partition=place.partition, offset=place.offset, **trace
    )


def foreign(record: Record, place: Place, changes: ChunkChanges) -> None:
    """A record that is no input, no tick and no act: another program wrote it. It is kept as a dead letter."""
    changes.dead_letter(FOREIGN, "the internal log is Rollcall's alone to write", place, record.key, record.value)
    changes.note_error(
        "a record in the internal log is not Rollcall's",
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
    )


def remark(decoded: Decoded, source: Source, changes: ChunkChanges) -> None:
    """A registration whose count is not that of its ids: usable, and worth a line."""
    changes.note(
        "registration contradicts itself",
        batch_id=decoded.batch_id,
        correlation_id=decoded.event.correlation_id,
        remark=decoded.remark,
        topic=names.INPUTS[source.topic],
        partition=source.partition,
        offset=source.offset,
        **fields(parse(decoded.event.traceparent)),
    )
