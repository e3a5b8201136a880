"""Opening a closed batch again, and putting deadlines off."""

import pytest

from app.core.batch_state import State
from app.core.facts import Acted, Extended, Reopened, Retaken, TimedOut
from app.core.fold import Outcome
from app.core.outputs import Expiry
from app.core.rules import next_deadline
from tables import waiting
from tests.core.acting import data, discard, discard_upload, event_id, extend, force, reopen, said, texts
from tests.core.play import SECOND, START, play, sent
from tests.oracle import topics

DAY = 86_400_000  # ms: both deadlines


def test_a_complete_batch_is_opened_for_more_and_is_ready_again_under_another_id() -> None:
    found = play("R1 C0")
    first = event_id(found.steps[-1], topics.READY)
    step = found.act(reopen("more"))
    assert said(step) == []
    assert (found.batch.state, found.batch.openings, found.batch.essay_ids) == (State.OPEN, 1, ("b.essay-0000", "more"))
    found.send(sent("C1"))
    assert said(found.steps[-1]) == ["SLOT", "READY", "COMPLETED"]
    assert texts(found.steps[-1]) == [("b.essay-0000", "b.text-0000"), ("more", "b.text-0001")]
    assert data(found.steps[-1], topics.READY).expected_count == 2
    assert event_id(found.steps[-1], topics.READY) != first
    assert found.batch.state is State.COMPLETE


def test_every_opening_has_ids_of_its_own_and_slots_keep_theirs() -> None:
    found = play("R1 F0")
    ids = [event_id(found.steps[-1], topics.ERRORS)]
    for number in (1, 2, 3):
        found.act(reopen(f"more-{number}"))
        found.send(sent(f"C{number}"))
        ids += [event_id(found.steps[-1], topic) for topic in (topics.READY, topics.COMPLETED, topics.ERRORS)]
    assert len(set(ids)) == len(ids) == 10
    slots = [output.event_id for output in found.about(topics.SLOT)]
    assert len(set(slots)) == 3


def test_excess_contents_take_the_free_slots_in_upload_order() -> None:
    found = play("R1 C0 C1 C2 C3")
    step = found.act(reopen("x", "y"))
    assert [type(fact) for fact in step.facts] == [Acted, Reopened, Retaken, Retaken]
    assert said(step) == ["SLOT", "SLOT", "READY", "COMPLETED"]
    assert texts(step) == [("b.essay-0000", "b.text-0000"), ("x", "b.text-0001"), ("y", "b.text-0002")]
    assert list(found.batch.excess) == ["b.text-0003"]
    assert (found.batch.filled, found.batch.state) == (3, State.COMPLETE)


def test_the_gap_of_a_forced_batch_is_free_again_before_the_new_slots() -> None:
    found = play("R3 C0 F1")
    found.act(force())
    found.send(sent("C2"))
    assert said(found.steps[-1]) == ["EXCESS"]
    step = found.act(reopen("x"))
    assert said(step) == ["SLOT"]
    assert [slot is not None for slot in found.batch.slots] == [True, True, True, False]
    found.send(sent("F4"))
    assert said(found.steps[-1]) == ["READY", "COMPLETED", "ERRORS"]
    assert [essay.essay_id for essay in data(found.steps[-1], topics.ERRORS).failed_essays] == ["b.essay-0002", "x"]


def test_contents_take_the_first_free_slot_and_failures_the_last() -> None:
    found = play("R4 C0 F1")
    found.act(force())
    found.act(reopen("x"))
    found.send(sent("F2 C3"))
    assert [type(slot).__name__[:1] for slot in found.batch.slots] == ["C", "C", "N", "F", "F"]
    found.send(sent("C4"))
    assert texts(found.steps[-1])[-1] == ("b.essay-0002", "b.text-0004")


def test_a_forced_batch_is_opened_without_new_slots_and_can_be_forced_again() -> None:
    found = play("R3 C0")
    first = event_id(found.act(force()), topics.READY)
    found.act(reopen())
    assert (found.batch.state, found.batch.closed) == (State.OPEN, None)
    found.send(sent("C1"))
    second = found.act(force())
    assert said(second) == ["READY", "COMPLETED"]
    assert event_id(second, topics.READY) != first
    assert len(texts(second)) == 2


def test_a_discarded_batch_is_opened_and_takes_what_came_meanwhile() -> None:
    found = play("R2 C0")
    found.act(discard())
    found.send(sent("C1 C2"))
    step = found.act(reopen())
    assert said(step) == ["SLOT", "READY", "COMPLETED"]
    assert list(found.batch.excess) == ["b.text-0002"]
    assert found.batch.state is State.COMPLETE


def test_a_failure_that_was_recorded_late_takes_no_slot_and_stays_a_repeat() -> None:
    found = play("R1 C0 F1")
    found.act(reopen("x"))
    assert (found.batch.late_failures, found.batch.failed, found.batch.state) == (1, 0, State.OPEN)
    found.send(sent("F1 C1 C2"))
    assert [step.outcome.value for step in found.steps[3:]] == ["repeated", "conflict", "assigned"]
    assert (found.batch.late_failures, found.batch.failed, found.batch.filled) == (1, 0, 2)


def test_a_text_that_was_taken_from_excess_answers_with_its_slot() -> None:
    found = play("R1 C0 C1 C1@2")
    step = found.act(reopen("x"))
    found.send(sent("C1 C1@2"))
    assert [said(step) for step in found.steps[-2:]] == [["SLOT"], ["SLOT"]]
    assert {event_id(step, topics.SLOT) for step in found.steps[-2:]} == {event_id(step, topics.SLOT)}
    assert {data(step, topics.SLOT) for step in found.steps[-2:]} == {data(step, topics.SLOT)}


def test_a_registration_equal_to_the_first_is_still_a_repeat_and_another_still_a_conflict() -> None:
    found = play("R1 C0")
    found.act(reopen("b.essay-0001"))
    found.send(sent("R1 R2"))
    assert [step.outcome.value for step in found.steps[-2:]] == ["repeated", "conflict"]


def test_the_readiness_deadline_counts_from_the_re_opening_and_is_said_again() -> None:
    found = play("R2 C0")
    first = event_id(found.tick(START + DAY), topics.TIMEOUT)
    found.at = 500
    found.act(force())
    opened = found.time
    found.act(reopen())
    assert not found.batch.timed_out
    assert next_deadline(found.batch, found.policy) == opened + DAY
    assert waiting.key_for(found.batch) == waiting.key(waiting.What.OPEN, opened, "b")
    assert found.tick(opened + DAY - 1).facts == ()
    late = found.tick(opened + DAY)
    assert event_id(late, topics.TIMEOUT) != first
    assert data(late, topics.TIMEOUT).timeout_duration_seconds == 86_400
    assert data(late, topics.TIMEOUT).metadata.timestamp.timestamp() * 1000 == opened + DAY
    assert found.batch.registered_at == START


def test_a_readiness_deadline_is_put_off_by_every_extension() -> None:
    found = play("R2 C0")
    assert [type(fact) for fact in found.act(extend(60)).facts] == [Acted, Extended]
    found.act(extend(3600))
    due = START + DAY + 3_660_000
    assert next_deadline(found.batch, found.policy) == due
    assert waiting.key_for(found.batch) == waiting.key(waiting.What.OPEN, START + 3_660_000, "b")
    assert found.tick(due - 1).facts == ()
    step = found.tick(due)
    assert [type(fact) for fact in step.facts] == [TimedOut]
    timeout = data(step, topics.TIMEOUT)
    assert timeout.timeout_duration_seconds == 86_400 + 3_660
    assert timeout.metadata.timestamp.timestamp() * 1000 == due
    (fact,) = found.act(extend(60)).facts
    assert isinstance(fact, Acted)
    assert "has passed" in (fact.refused or "")


def test_what_is_pending_expires_later_by_the_extension() -> None:
    found = play("C0 C1")
    found.act(extend(60))
    assert next_deadline(found.batch, found.policy) == START + 60_000 + DAY
    assert waiting.key_for(found.batch) == waiting.key(waiting.What.HOLDING, START + 60_000, "b")
    assert found.tick(START + 60_000 + DAY - 1).facts == ()
    step = found.tick(START + 60_000 + DAY + SECOND)
    expiries = [output for output in step.outputs if isinstance(output, Expiry)]
    assert [(expiry.since, expiry.time) for expiry in expiries] == [
        (START, START + 60_000 + DAY),
        (START + SECOND, START + 61_000 + DAY),
    ]
    assert found.batch.extension == 0  # it was for what is gone


@pytest.mark.parametrize("act", [discard(), discard_upload(0)])
def test_an_extension_goes_with_the_last_pending_upload(act: object) -> None:
    found = play("C0")
    found.act(extend(60))
    found.act(act)  # type: ignore[arg-type]
    assert found.batch.extension == 0
    found.send(sent("C1"))
    assert next_deadline(found.batch, found.policy) == found.batch.pending[3].time + DAY


def test_an_extension_of_what_is_pending_does_not_put_off_readiness() -> None:
    found = play("C0")
    found.act(extend(60))
    found.send(sent("R2"))
    assert next_deadline(found.batch, found.policy) == found.batch.registered_at + DAY


def test_where_deadlines_are_off_there_is_nothing_to_extend() -> None:
    found = play("R2 C0")
    found.policy = type(found.policy)(readiness_timeout=0, pending_ttl=0)
    assert found.act(extend(60)).outcome is Outcome.REFUSED
    held = play("C0", policy=found.policy)
    assert held.act(extend(60)).outcome is Outcome.REFUSED
