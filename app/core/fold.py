"""The step: one event in; out come the batch as it is then, what was decided, and what is to be published.

``fold`` is deterministic: the same batch, event, position, time and policy give the same step, byte for byte, on
every worker and in every replay. That is what makes a repeat after a crash harmless, and what every delivery
guarantee of the engine stands on.
"""

from collections.abc import Sequence
from enum import StrEnum
from sys import maxsize
from typing import assert_never

import msgspec

from app.core.acts import Act
from app.core.batch import Batch
from app.core.events import Content, Event, Failure, Policy, Position, Registration, Tick, Upload
from app.core.facts import (
    Acted,
    ActFact,
    Alias,
    Closed,
    Conflicted,
    Dismissed,
    Expired,
    Extended,
    Fact,
    Forgotten,
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
from app.core.messages import Assigned, Message
from app.core.outputs import (
    DeadLetter,
    Expiry,
    Output,
    Refusal,
    answer_to_repeat,
    conflict,
    in_full,
    outputs_of,
    slot_taken,
    slots_taken,
)
from app.core.retirement import BATCH_RETIRED, late
from app.core.rules import decide, decide_content, decide_contents, decide_rest, left

#: What a tick decides, and the rest of an act: what comes first of an act itself is that it was done.
_OF_TICKS = (Expired, TimedOut, Retired, Forgotten, Closed, Dismissed, Extended, Reopened, Retaken)


class Outcome(StrEnum):
    """What became of one record: the label of the metric ``rollcall_records_total``.

    SKIPPED: the repartitioner repeated itself. REJECTED: it can't be used, as it is (it never came to the fold) or in
    its batch. RETIRED: an upload came for a batch that was retired. ACTED, REFUSED: what an operator did, or could not.
    """

    REGISTERED = "registered"
    ASSIGNED = "assigned"
    HELD = "held"
    EXCESS = "excess"
    SLOT_FAILED = "slot_failed"
    RECORDED = "recorded"
    CONFLICT = "conflict"
    REPEATED = "repeated"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    RETIRED = "retired"
    TICKED = "ticked"
    ACTED = "acted"
    REFUSED = "refused"

    #: An enum's own is written in Python, and each record is counted by its outcome.
    __hash__ = str.__hash__


class Step(msgspec.Struct, frozen=True, gc=False):
    """What one event did.

    ``batch`` is the new state: the fold takes the batch over, and the caller continues with this one.
    """

    batch: Batch
    facts: tuple[Fact, ...]
    outputs: list[Message | DeadLetter | Expiry | Refusal]
    outcome: Outcome


#: What one event did: the facts, what is to be published, and what became of the record.
Taken = tuple[tuple[Fact, ...], list[Output], Outcome]


def fold(batch: Batch, event: Event, position: Position, policy: Policy, most: int = maxsize) -> Step:
    """Fold one event of the log into its batch; one that concerns many uploads for ``most`` of them at a time.

    While something is :func:`~app.core.rules.left` of it, it is to be folded again, at the same position.

    Records of one batch come in log order. Nothing has changed if deciding raises: it comes before applying.

    A repeat changes nothing and gets the answer that the original got (same event id, same data), never a second
    Ready.
    """
    facts, outputs, outcome = take(batch, event, position, policy, most)
    messages = [in_full(output) if isinstance(output, Assigned) else output for output in outputs]
    return Step(batch, facts, messages, outcome)


def take(batch: Batch, event: Event, position: Position, policy: Policy, most: int = maxsize) -> Taken:
    """As :func:`fold`, with outputs in short where there is a short form. ``batch`` has changed then."""
    if position.at <= batch.last:
        # The state is ahead of the offset (a crash between the two): this record is in it, and its outputs were
        # published before the state was written. But it may be in it only in part.
        if position.at < batch.last or not left(batch, event, policy):
            return (), [], Outcome.REPEATED
        facts, outcome = decide_rest(batch, event, position, policy, most), Outcome.REPEATED
    elif batch.expired and position.source in batch.expired:
        # The repartitioner repeated an input whose upload has expired since. Put back, it would have a position of its
        # own.
        return (), [], Outcome.REPEATED
    elif batch.receipt is not None and not isinstance(event, Tick):
        return _late(batch, batch.receipt, event)
    else:
        facts = decide(batch, event, position, policy, most)
        outcome = _outcome(event, facts)
    outputs: list[Output] = []
    if outcome is Outcome.REPEATED and isinstance(event, Content):
        outputs += answer_to_repeat(batch, event.text_id)
    for fact in facts:
        upload = batch.apply(fact)
        if isinstance(fact, Conflicted) and isinstance(event, Registration | Content | Failure):
            outputs.append(conflict(batch, fact, event))
        else:
            outputs += outputs_of(batch, fact, upload, policy)
    return facts, outputs, outcome


def take_content(batch: Batch, content: Content, position: Position, policy: Policy) -> Taken:
    """As :func:`take`, of a content: nearly every event is one, and most of what is asked of an event is not of it."""
    if position.at <= batch.last or batch.expired or batch.receipt is not None:
        return take(batch, content, position, policy)
    facts = decide_content(batch, content, position)
    if not facts:
        return facts, answer_to_repeat(batch, content.text_id), Outcome.REPEATED
    (fact,) = facts
    upload = batch.apply(fact)
    if isinstance(fact, Placed):
        return facts, slot_taken(batch, fact.slot, upload, policy), Outcome.ASSIGNED
    if isinstance(fact, Conflicted):
        return facts, [conflict(batch, fact, content)], Outcome.CONFLICT
    outcome = _outcome(content, facts)
    outputs: list[Output] = []
    if outcome is Outcome.REPEATED:
        outputs += answer_to_repeat(batch, content.text_id)
    return facts, outputs + outputs_of(batch, fact, upload, policy), outcome


def take_contents(
    batch: Batch, contents: Sequence[Content], at: Sequence[int]
) -> tuple[Sequence[Placed], Sequence[Assigned]]:
    """As :func:`take_content`, of contents that come one after the other, each at its log offset: of the first ones, as
    many as can be decided together, with a fact and an output for each.

    The others, if not all, are to be taken one by one. Nothing has changed if this raises.
    """
    if at[0] <= batch.last or batch.expired:
        return (), ()
    facts = decide_contents(batch, contents, at)
    if not facts:
        return (), ()
    contents = contents[: len(facts)]
    outputs = slots_taken(batch, facts[0].slot, contents)
    batch.fill(facts, contents)
    return facts, outputs


def _late(batch: Batch, receipt: Retired, event: Registration | Upload | Act) -> Taken:
    dead_letter = late(batch, receipt, event)
    if dead_letter is None:
        return (), [], Outcome.REPEATED if isinstance(event, Registration) else Outcome.REFUSED
    return (), [dead_letter], Outcome.RETIRED if dead_letter.reason == BATCH_RETIRED else Outcome.CONFLICT


def _outcome(event: Event, facts: tuple[Fact, ...]) -> Outcome:
    if not facts:
        return Outcome.TICKED if isinstance(event, Tick) else Outcome.REPEATED
    first = facts[0]
    if isinstance(first, Placed):
        return Outcome.ASSIGNED if isinstance(event, Content) else Outcome.SLOT_FAILED
    if isinstance(first, Held):
        return Outcome.HELD
    if isinstance(first, Surplus):
        return Outcome.EXCESS if isinstance(event, Content) else Outcome.RECORDED
    return _outcome_of_rare(first)


def _outcome_of_rare(first: Registered | Refused | Alias | Expired | TimedOut | Conflicted | ActFact | Gone) -> Outcome:
    if isinstance(first, Registered):
        return Outcome.REGISTERED
    if isinstance(first, Refused):
        return Outcome.REJECTED
    if isinstance(first, Conflicted):
        return Outcome.CONFLICT
    if isinstance(first, Acted):
        return Outcome.ACTED if first.refused is None else Outcome.REFUSED
    if isinstance(first, Alias):
        return Outcome.REPEATED
    if isinstance(first, _OF_TICKS):
        return Outcome.TICKED
    assert_never(first)
