"""What is retired, what stays of it, and what becomes of what comes late for it."""

from collections import Counter
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.act_rules import RETIRED, refusal
from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Cutoff, Policy
from app.core.facts import Forgotten, Registered, Retired
from app.core.fold import Outcome
from app.core.retirement import digest
from tests.core.acting import discard, extend, force, reopen
from tests.core.examples import examples
from tests.core.play import SECOND, START, Played, data_bytes, play, sent
from tests.core.sequences import SLOTS, UPLOADS, sequences
from tests.oracle import topics

ONCE = (topics.READY, topics.ERRORS, topics.COMPLETED)


def test_a_complete_batch_is_retired_and_leaves_its_receipt() -> None:
    found = play("R2 C0 F1 C2 F3")
    step = found.retire()
    (fact,) = step.facts
    said = {one.topic: one for one in found.said}
    assert step.outputs == []
    assert fact == Retired(
        at=5,
        time=START + 5 * SECOND,
        closed_at=int(said[topics.READY].data.metadata.timestamp.timestamp() * 1000),  # type: ignore[union-attr]
        how=None,
        slots=2,
        filled=1,
        failed=1,
        excess=1,
        late_failures=1,
        digest=fact.digest,  # type: ignore[union-attr]
        ready=UUID(said[topics.READY].event_id).bytes,
        errors=UUID(said[topics.ERRORS].event_id).bytes,
        refusals=0,
    )
    batch = found.batch
    assert (batch.state, batch.receipt, batch.last) == (State.RETIRED, fact, 5)
    assert not any([batch.registration, batch.slots, batch.texts, batch.uploads, batch.excess, batch.rests])


def test_a_batch_that_operators_completed_or_discarded_says_so_in_its_receipt() -> None:
    forced = play("R2 C0")
    forced.act(force())
    forced.retire()
    assert forced.batch.receipt is not None
    assert (forced.batch.receipt.how, forced.batch.receipt.filled, forced.batch.receipt.errors) == ("forced", 1, None)
    assert forced.batch.receipt.ready is not None
    closed = play("R2 C0")
    closed.act(discard())
    closed.retire()
    assert closed.batch.receipt is not None
    assert (closed.batch.receipt.how, closed.batch.receipt.ready) == ("discarded", None)
    assert closed.batch.receipt.closed_at == START + 2 * SECOND


def test_a_receipt_names_the_events_of_the_latest_opening() -> None:
    found = play("R1 C0")
    found.act(reopen("more"))
    found.send(sent("C1"))
    found.retire()
    ready = [one.event_id for one in found.about(topics.READY)]
    assert len(ready) == 2
    assert found.batch.receipt is not None
    assert found.batch.receipt.ready == UUID(ready[1]).bytes


@pytest.mark.parametrize("notation", ["R2 C0", "R1", "C0", "F0", "C0 C1 F2", ""])
def test_an_open_batch_and_one_with_anything_pending_is_never_retired(notation: str) -> None:
    found = play(notation)
    assert found.retire().facts == ()
    assert found.batch.receipt is None


def test_what_was_never_registered_and_has_expired_is_forgotten_without_a_receipt() -> None:
    found = play("C0 F1 C0@2", policy=Policy(pending_ttl=SECOND))
    found.act(extend(1))
    found.tick(START + 60 * SECOND)
    assert found.batch.state is State.UNREGISTERED
    assert found.batch.rests
    assert found.retire().facts == (Forgotten(5),)
    assert found.batch.last == -1
    assert (found.batch.expired, found.batch.acts, found.batch.extension) == (set(), {}, 0)


def test_only_what_has_not_changed_since_the_cutoff_is_retired() -> None:
    for cutoff, goes in ((Cutoff(1, "z"), False), (Cutoff(2, "a"), False), (Cutoff(2, "b"), True)):
        found = play("R2 C0 C1")
        assert bool(found.tick(retires=cutoff).facts) is goes, cutoff


def test_a_repeat_does_not_put_retirement_off_and_excess_does() -> None:
    repeat = play("R1 C0 C0 R1")
    assert repeat.tick(retires=Cutoff(1, "b")).facts
    excess = play("R1 C0 C1")
    assert not excess.tick(retires=Cutoff(1, "b")).facts


def test_late_uploads_are_dead_letters_whether_they_were_known_or_not() -> None:
    found = play("R2 C0 C1")
    found.retire()
    before = len(found.refused)
    found.send(sent("C0 C1 C7 F8"))
    assert found.refused[before:] == [(number, "batch_retired") for number in range(3, 7)]
    assert {step.outcome for step in found.steps[3:]} == {Outcome.RETIRED}
    assert not any(step.facts for step in found.steps[3:])


def test_the_same_registration_is_acknowledged_and_a_different_one_is_a_conflict() -> None:
    found = play("R2 C0 C1")
    found.retire()
    found.send(sent("R2 R2' R3"))
    assert [step.outcome for step in found.steps[3:]] == [Outcome.REPEATED, Outcome.CONFLICT, Outcome.CONFLICT]
    assert found.refused == [(4, "registration_conflict"), (5, "registration_conflict")]
    assert found.batch.state is State.RETIRED


@pytest.mark.parametrize("act", [force(), discard(), extend(9), reopen(), reopen("new")])
def test_every_act_is_refused_with_a_sentence(act: object) -> None:
    found = play("R1 C0")
    found.retire()
    step = found.act(act)  # type: ignore[arg-type]
    assert (step.facts, step.outputs, step.outcome) == ((), [], Outcome.REFUSED)
    assert refusal(found.batch, act, Policy()) == RETIRED  # type: ignore[arg-type]


def test_once_its_receipt_is_gone_a_batch_is_as_new() -> None:
    found = play("R1 C0")
    found.retire()
    assert found.forget().facts == (Forgotten(3),)
    assert found.batch.last == -1
    assert [step.outcome for step in found.send(sent("C0 R1")).steps[2:]] == [Outcome.HELD, Outcome.REGISTERED]


def test_a_receipt_stays_until_its_own_cutoff() -> None:
    found = play("R1 C0")
    found.retire()
    assert found.tick(forgets=Cutoff(1, "z")).facts == ()
    assert found.retire().facts == ()
    assert found.batch.state is State.RETIRED


def test_the_digest_is_that_of_what_outputs_depend_on() -> None:
    (first,) = [fact for fact in play("R2").steps[0].facts if isinstance(fact, Registered)]
    terms = first.registration
    assert len(digest(terms)) == 16
    same = msgspec.structs.replace(terms, correlation_id="other", moment=1, traceparent="x")
    assert digest(same) == digest(terms)
    others = {
        "essay_ids": terms.essay_ids[::-1], "course_code": "SV2", "user_id": "u", "org_id": "o", "class_id": "c",
        "student_prompt_ref": "{}", "essay_instructions": "i",
    }  # fmt: skip
    for field, value in others.items():
        assert digest(msgspec.structs.replace(terms, **{field: value})) != digest(terms), field


# The properties: section 2 of the contract, with retirement in it.

TICKS = st.integers(0, 18)
#: With more to come late.
LATE = st.builds("{} {}".format, sequences(), st.sampled_from(["R2 C0", "R1 R2' F1", "C0@3 R3", "F0 R1 C4", "R2 R2"]))


def _played(sequence: str, retired_before: int) -> tuple[Played, int]:
    """Play a sequence with a tick that retires what rests before one of its inputs; and where that took place."""
    found = Played(Batch("b"))
    at = -1
    for number, message in enumerate(sent(sequence)):
        if number == retired_before and found.retire().facts:
            at = number
        found.send([message])
    return found, at


@examples(100)
@given(LATE, TICKS)
@example("R1 C0 C1 R1 R2 F0", 2)
def test_the_outcome_is_that_of_the_inputs_before_the_retirement(sequence: str, number: int) -> None:
    found, at = _played(sequence, number)
    if at < 0:
        return
    before = play(" ".join(sequence.split()[:at]))
    early, late = found.steps[:at], found.steps[at:]
    assert [step.outputs for step in early] == [step.outputs for step in before.steps]
    assert not any(step.facts for step in late)
    # Nothing but dead letters: no slot is given again, no Ready said again.
    assert [one for step in late for one in step.outputs if not hasattr(one, "reason")] == []
    receipt = found.batch.receipt
    assert receipt is not None
    assert (receipt.filled, receipt.failed, receipt.excess) == (
        before.batch.filled,
        before.batch.failed,
        len(before.batch.excess),
    )


@examples(100)
@given(LATE, TICKS)
def test_every_input_after_the_retirement_has_exactly_one_outcome(sequence: str, number: int) -> None:
    found, at = _played(sequence, number)
    if at < 0:
        return
    outcomes = Counter(step.outcome for step in found.steps[at:])
    uploads = sum(not token.startswith("R") for token in sequence.split()[at:])
    assert outcomes[Outcome.RETIRED] == uploads
    assert outcomes[Outcome.REPEATED] + outcomes[Outcome.CONFLICT] == len(found.steps) - at - uploads
    assert sum(outcomes.values()) == len(found.steps) - at
    assert len([one for one, _ in found.refused if one >= at]) == uploads + outcomes[Outcome.CONFLICT]


@examples(60)
@given(UPLOADS, SLOTS)
def test_moving_the_registration_among_the_uploads_changes_no_receipt(uploads: list[str], slots: int) -> None:
    receipts = set()
    for place in range(len(uploads) + 1):
        found = play(" ".join([*uploads[:place], f"R{slots}", *uploads[place:]]))
        found.retire()
        if found.batch.receipt is not None:
            receipts.add(found.batch.receipt)
    assert len(receipts) <= 1


@examples(60)
@given(sequences())
def test_retiring_is_idempotent_and_what_once_was_said_is_said_once(sequence: str) -> None:
    found = play(f"{sequence}")
    found.retire()
    receipt = found.batch.receipt
    found.send(sent(sequence))
    assert found.retire().facts == () or receipt is None
    if receipt is not None:
        assert found.batch.receipt == receipt
        assert all(len(found.about(topic)) <= 1 for topic in ONCE)
        assert len({data_bytes(one) for one in found.about(topics.SLOT)}) == receipt.filled


def test_the_sequences_reach_what_the_properties_are_about() -> None:
    reached: set[object] = set()

    @examples(400)
    @given(LATE, TICKS)
    def gather(sequence: str, number: int) -> None:
        found, at = _played(sequence, number)
        if at >= 0:
            reached.update(step.outcome for step in found.steps[at:])
            reached.update(reason for _, reason in found.refused)

    gather()
    assert reached >= {Outcome.RETIRED, Outcome.CONFLICT, Outcome.REPEATED, "batch_retired", "registration_conflict"}
