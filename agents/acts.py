"""What operators do, as the join reads it from the log. An act that can't be used is a dead letter, never a crash."""

from agents.chunk_changes import ChunkChanges
from app.core.acts import Act, name_of
from app.core.facts import Acted, Fact
from app.core.fold import Outcome
from app.engine.ports import Place, Record
from app.wire.acts import DecodedAct, decode
from app.wire.decode import RejectedError


def read(record: Record, place: Place, max_bytes: int, changes: ChunkChanges) -> DecodedAct | None:
    """The act in a record of the log, or None where it can't be used: it is kept as a dead letter then.

    An act has no input that it came from: its ``place`` (topic, partition, offset) is the log's own.
    """
    try:
        return decode(record.key, record.value, max_bytes)
    except RejectedError as rejected:
        topic, partition, offset = place
        changes.outcomes[topic, Outcome.REJECTED] += 1
        changes.dead_letter(rejected.reason, rejected.detail, place, record.key, record.value)
        changes.note(
            "dead letter",
            reason=rejected.reason,
            detail=rejected.detail,
            topic=topic,
            partition=partition,
            offset=offset,
        )
        return None


def tell(batch_id: str, facts: tuple[Fact, ...], changes: ChunkChanges) -> None:
    """Note for the log what an operator did, if the facts say that one did."""
    for fact in facts:
        if isinstance(fact, Acted):
            _note(batch_id, fact.act, fact.refused, changes)


def refuse(batch_id: str, act: Act, refused: str, changes: ChunkChanges) -> None:
    """Note for the log what an operator could not do, where the batch keeps no record of it."""
    _note(batch_id, act, refused, changes)


def _note(batch_id: str, act: Act, refused: str | None, changes: ChunkChanges) -> None:
    changes.note(
        "operator act",
        batch_id=batch_id,
        act=name_of(act),
        act_id=act.act_id,
        who=act.who,
        why=act.why,
        refused=refused,
    )
