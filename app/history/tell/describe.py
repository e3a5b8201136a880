"""Records, facts and what came of them, in words for a person."""

from typing import Any, NamedTuple, assert_never

import msgspec

from app.core import names
from app.core.batch import Batch
from app.core.events import Content, Failure
from app.core.facts import (
    FORCED,
    Acted,
    ActFact,
    Alias,
    Closed,
    Conflicted,
    Dismissed,
    Expired,
    Extended,
    Fact,
    Gone,
    Held,
    Placed,
    Refused,
    Registered,
    Reopened,
    Retaken,
    Retired,
    Surplus,
    TimedOut,
)
from app.history.models import Place
from app.history.read.reprocess import Taken
from app.settings import Settings
from app.wire.decode import RejectedError, decode
from app.wire.inputs import INPUTS
from app.wire.record import is_act, is_tick, read_source

_EFFECTS = {
    "repeated": "nothing: a repeat",
    "skipped": "nothing: the re-key stage repeated itself",
    "rejected": "nothing: it can't be used and went to the dead letters",
    "refused": "nothing: the batch was retired",
}

#: Values inside a fact that is described in general are cut here.
_LONGEST = 200


class Described(NamedTuple):
    """A record in words: its kind, its source and its content."""

    event: str
    source: Place | None
    summary: str


def record(logged: Any, settings: Settings) -> Described:
    """What a record of the log is."""
    source = read_source(logged.headers)
    if source is None:
        if is_act(logged.headers):
            return _act(logged.value)
        if is_tick(logged.headers):
            return Described("tick", None, "the log's clock has reached this time")
        return Described("foreign", None, f"{len(logged.value or b'')} bytes that Rollcall did not write")
    topic = names.INPUTS[source.topic]
    place = Place(topic=topic, partition=source.partition, offset=source.offset)
    try:
        event = decode(topic, logged.value, settings.max_message_bytes).event
    except RejectedError as error:
        return Described(INPUTS[topic].word, place, f"can't be used: {error}")
    return Described(INPUTS[topic].word, place, INPUTS[topic].tell(event))


def _act(value: bytes | None) -> Described:
    try:
        act = msgspec.json.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        act = None
    if not isinstance(act, dict):
        return Described("act", None, "an operator act that can't be read")
    name = str(act.get("act"))
    shown_fields = {"act", "act_id", "batch_id", "who", "why"}
    more = "".join(f", {key} {_short(value)}" for key, value in act.items() if key not in shown_fields and value)
    return Described(f"act {name}", None, f"{name} by {act.get('who')}{more}: {act.get('why')}")


def effect(taken: Taken, batch: Batch) -> str:
    """What the fold made of a record, in a sentence; ``batch`` is the batch after it."""
    if taken.facts:
        sentences = [fact(decided, batch) for decided in taken.facts]
        return "; ".join(sentences) + (f"; the batch is {batch.state.value}" if _completes(taken) else "")
    if any(topic == names.DEAD_LETTER for topic, *_ in taken.outputs) and taken.outcome != "rejected":
        return "nothing: it went to the dead letters"
    if taken.outcome == "repeated" and taken.outputs:
        return "nothing: a repeat, answered as the first time"
    return _EFFECTS.get(taken.outcome or "", "nothing")


def fact(decided: Fact, batch: Batch) -> str:
    """A fact, in words."""
    if isinstance(decided, Registered):
        return f"registered with {_count(len(decided.registration.essay_ids), 'slot')}"
    if isinstance(decided, Held):
        return f"{_upload(decided.upload)} is pending: the batch is not registered"
    if isinstance(decided, Placed):
        return _placed(decided, batch)
    if isinstance(decided, Surplus | Refused):
        what = "found no slot left" if isinstance(decided, Surplus) else f"went to the dead letters: {decided.reason}"
        return f"{_whose(decided.upload, decided.held)} {what}"
    if isinstance(decided, Alias):
        return f"upload {decided.upload_id} is the known text {decided.text_id}"
    if isinstance(decided, Conflicted):
        return f"{decided.reason}: what came first stands"
    if isinstance(decided, Gone):
        words = "retired: of the batch only a receipt is kept"
        return words if isinstance(decided, Retired) else "forgotten: nothing of the batch is kept"
    return _of_time_or_act(decided, batch)


def _of_time_or_act(decided: Expired | TimedOut | ActFact, batch: Batch) -> str:
    if isinstance(decided, Expired):
        return f"the pending upload of log offset {decided.held} expired"
    if isinstance(decided, TimedOut):
        return "the batch is late: its readiness deadline has passed"
    if isinstance(decided, Acted):
        return "done" if decided.refused is None else f"refused: {decided.refused}"
    if isinstance(decided, Closed):
        return "completed with what is there" if decided.how == FORCED else f"the batch is {decided.how}"
    if isinstance(decided, Dismissed):
        return f"the pending upload of log offset {decided.held} is given up"
    if isinstance(decided, Extended):
        direction = "later" if decided.by >= 0 else "earlier: nothing is pending"
        return f"the deadline is {abs(decided.by) / 1000:g} s {direction}"
    return _reopened(decided, batch)


def _reopened(decided: Reopened | Retaken, batch: Batch) -> str:
    if isinstance(decided, Reopened):
        return f"open again with {_count(len(decided.essay_ids), 'more slot')}" if decided.essay_ids else "open again"
    if isinstance(decided, Retaken):
        return f"text {decided.text_id}, in excess until now, fills slot {_slot(decided.slot, batch)}"
    assert_never(decided)


def _placed(decided: Placed, batch: Batch) -> str:
    upload = batch.slots[decided.slot] if decided.slot < len(batch.slots) else decided.upload
    verb = "uses up" if isinstance(upload, Failure) else "fills"
    return f"{_whose(upload or decided.upload, decided.held)} {verb} slot {_slot(decided.slot, batch)}"


def _slot(slot: int, batch: Batch) -> str:
    return batch.essay_ids[slot] if slot < len(batch.essay_ids) else f"number {slot + 1}"


def _completes(taken: Taken) -> bool:
    return any(topic in {names.READY, names.ERRORS} for topic, *_ in taken.outputs)


def _whose(upload: Content | Failure | None, held: int) -> str:
    where = f" (pending since log offset {held})" if held >= 0 else ""
    return f"{'an upload' if upload is None else _upload(upload)}{where}"


def _upload(upload: Content | Failure) -> str:
    return f"text {upload.text_id}" if isinstance(upload, Content) else f"failed upload {upload.upload_id}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
