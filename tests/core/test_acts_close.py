"""Force-completing and discarding: what it does, what is said, and where it is refused."""

from copy import deepcopy

import pytest

from app.core.acts import Act, DiscardUpload
from app.core.batch_state import State
from app.core.events import Position, Source
from app.core.facts import Acted, Closed, Dismissed
from app.core.fold import Outcome, fold
from app.core.outputs import BY_OPERATOR, Expiry
from app.wire.decode import decode
from tests.core.acting import data, discard, discard_upload, event_id, extend, force, identity, reopen, said, texts
from tests.core.play import MAX_BYTES, SECOND, START, Played, play, sent, state
from tests.oracle import topics

#: What a refusal changes: that it is remembered.
MEMORY = {"acts", "last"}
DAY = 86_400_000  # ms


def test_a_batch_that_is_one_content_short_is_completed_with_what_there_is() -> None:
    found = play("R3 C0 F1")
    step = found.act(force())
    assert (found.batch.state, found.batch.closed, found.batch.complete) == (State.COMPLETE, "forced", True)
    assert step.outcome is Outcome.ACTED
    assert said(step) == ["READY", "COMPLETED", "ERRORS"]
    assert texts(step) == [("b.essay-0000", "b.text-0000")]
    ready, completed = data(step, topics.READY), data(step, topics.COMPLETED)
    assert (ready.expected_count, ready.failed_count) == (3, 1)
    assert (completed.expected_count, completed.provisioned_count) == (3, 1)
    assert not data(step, topics.ERRORS).error_summary.critical_failure


def test_a_forced_ready_has_the_id_and_the_correlation_id_that_any_ready_of_the_batch_has() -> None:
    forced, usual = play("R2 C0"), play("R2 C0 C1")
    step = forced.act(force())
    (ready,) = usual.about(topics.READY)
    (own,) = [output for output in step.outputs if getattr(output, "topic", "") == topics.READY]
    assert (own.event_id, own.correlation_id) == (ready.event_id, ready.correlation_id)  # type: ignore[union-attr]


def test_a_batch_with_nothing_but_failures_is_completed_with_a_critical_error_and_no_ready() -> None:
    found = play("R3 F0 F1")
    step = found.act(force())
    assert said(step) == ["ERRORS"]
    errors = data(step, topics.ERRORS)
    assert errors.error_summary.critical_failure
    assert [essay.essay_id for essay in errors.failed_essays] == ["b.essay-0001", "b.essay-0002"]


@pytest.mark.parametrize("act", [force, discard])
def test_what_comes_after_a_batch_was_closed_is_excess_or_recorded(act: type) -> None:
    found = play("R4 C0 F1")
    found.act(act())
    slots = list(found.batch.slots)
    found.send(sent("C2 F3 C0 R4 C2"))
    assert [said(step) for step in found.steps[3:]] == [["EXCESS"], [], ["SLOT"], [], ["EXCESS"]]
    assert [step.outcome.value for step in found.steps[3:]] == [
        "excess", "recorded", "repeated", "repeated", "repeated",
    ]  # fmt: skip
    assert found.batch.slots == slots
    assert (list(found.batch.excess), found.batch.late_failures) == (["b.text-0002"], 1)
    assert found.tick(START + 10 * DAY).facts == ()


def test_discarding_an_open_batch_says_nothing() -> None:
    found = play("R2 C0")
    step = found.act(discard())
    assert (found.batch.state, found.batch.closed) == (State.DISCARDED, "discarded")
    assert step.outputs == []
    assert [type(fact) for fact in step.facts] == [Acted, Closed]


def test_discarding_a_batch_without_registration_gives_up_all_that_is_pending() -> None:
    found = play("C0 F1 C2")
    step = found.act(discard())
    assert said(step) == ["GONE", "GONE", "GONE"]
    gone = [output for output in step.outputs if isinstance(output, Expiry)]
    assert [expiry.upload.upload_id for expiry in gone] == ["b.upload-0000", "b.upload-0001", "b.upload-0002"]
    assert {(expiry.reason, expiry.time) for expiry in gone} == {(BY_OPERATOR, START + 3 * SECOND)}
    assert [expiry.since for expiry in gone] == [START, START + SECOND, START + 2 * SECOND]
    new = Played(found.batch).batch
    assert (new.state, new.pending, new.texts, new.uploads) == (State.UNREGISTERED, {}, {}, {})


def test_what_was_discarded_and_is_put_back_is_new() -> None:
    found = play("C0 F1")
    found.act(discard())
    found.send(sent("F1 C0 R2"))  # as put back: at positions of their own
    assert [step.outcome.value for step in found.steps[2:]] == ["held", "held", "registered"]
    assert (found.batch.filled, found.batch.failed) == (1, 1)


def test_a_hop_that_repeats_a_discarded_upload_does_not_bring_it_back() -> None:
    found = play("C0")
    found.act(discard())
    (message,) = sent("C0")
    event = decode(message.topic, message.value, MAX_BYTES).event
    step = fold(found.batch, event, Position(found.at, found.time, Source(1, 0, 0)), found.policy)
    assert (step.facts, step.outcome, step.batch.pending) == ((), Outcome.REPEATED, {})


def test_one_pending_upload_is_discarded_and_the_others_wait_on() -> None:
    found = play("C0 C1 F2")
    step = found.act(discard_upload(1))
    assert said(step) == ["GONE"]
    assert [type(fact) for fact in step.facts] == [Acted, Dismissed]
    assert [held.upload.upload_id for held in found.batch.pending.values()] == ["b.upload-0000", "b.upload-0002"]
    found.send(sent("R2"))
    assert said(found.steps[-1]) == ["SLOT", "READY", "COMPLETED", "ERRORS"]


def test_a_discarded_upload_can_be_put_back_under_the_same_text() -> None:
    found = play("C0 C0@1")
    found.act(discard_upload(0))
    assert found.batch.uploads == {}
    found.send(sent("C0@1"))
    assert found.steps[-1].outcome is Outcome.HELD


REFUSED: list[tuple[str, Act, str]] = [
    ("", force(), "no registration"),
    ("C0", force(), "no registration"),
    ("R2", force(), "discard it instead"),
    ("R1 C0", force(), "complete already"),
    ("", discard(), "nothing is pending"),
    ("R1 C0", discard(), "complete already"),
    ("", discard_upload(0), "b.upload-0000 is not pending"),
    ("C0", discard_upload(1), "b.upload-0001 is not pending"),
    ("C0 C0@1", discard_upload(1), "is not pending"),
    ("R2 C0", discard_upload(0), "is not pending"),
    ("R1 C0", discard_upload(0), "complete already"),
    ("", extend(60), "nothing is pending"),
    ("R1 C0", extend(60), "complete already"),
    ("R2 C0", extend(0), "must be positive"),
    ("C0", extend(-5), "must be positive"),
    ("", reopen("x"), "no registration"),
    ("C0", reopen("x"), "no registration"),
    ("R2 C0", reopen("x"), "open already"),
    ("R2 C0 C1", reopen(), "which new essay ids"),
    ("R2 C0 C1", reopen("b.essay-0001"), "a slot for b.essay-0001 already"),
    ("R2 C0 C1", reopen("x", "x"), "not unique"),
]


@pytest.mark.parametrize(("sequence", "act", "sentence"), REFUSED)
def test_an_act_that_makes_no_sense_is_refused_and_changes_nothing_but_that(
    sequence: str, act: Act, sentence: str
) -> None:
    found = play(sequence)
    before = deepcopy(state(found.batch))
    at, time = found.at, found.time
    step = found.act(act)
    (fact,) = step.facts
    assert isinstance(fact, Acted)
    assert sentence in (fact.refused or "")
    assert (fact.at, fact.time, fact.act) == (at, time, act)
    assert (step.outputs, step.outcome) == ([], Outcome.REFUSED)
    after = state(found.batch)
    assert {name for name in after if after[name] != before[name]} == MEMORY
    assert found.batch.acts == {act.act_id: fact}


@pytest.mark.parametrize("act", [force(), discard(), discard_upload(0), extend(60)])
def test_a_discarded_batch_takes_no_act_but_a_re_opening(act: Act) -> None:
    found = play("R2 C0")
    found.act(discard())
    (fact,) = found.act(act).facts
    assert isinstance(fact, Acted)
    assert "re-open it first" in (fact.refused or "")


def test_an_act_keeps_who_when_and_why() -> None:
    found = play("C0")
    act = DiscardUpload("11111111-2222-3333-4444-555555555555", "grace", "sent twice", "b.upload-0000")
    found.act(act)
    assert found.batch.acts == {act.act_id: Acted(1, START + SECOND, act, None)}


def test_a_refused_act_is_not_done_when_it_comes_again_later() -> None:
    found = play("R2")
    act = force()
    found.act(act)
    found.send(sent("C0"))
    before = deepcopy(state(found.batch))
    step = found.act(act)
    assert (step.facts, step.outputs, step.outcome) == ((), [], Outcome.REPEATED)
    assert state(found.batch) == before


def test_acts_of_one_kind_are_told_apart_by_their_id_alone() -> None:
    found = play("R2 C0")
    found.act(extend(60))
    found.act(extend(60))
    assert found.batch.extension == 120_000
    assert len(found.batch.acts) == 2
    assert identity() != identity()


def test_a_ready_that_is_forced_is_said_once() -> None:
    found = play("R2 C0")
    first = event_id(found.act(force(7)), topics.READY)
    assert first
    assert found.act(force(7)).outputs == []
    assert found.act(force(8)).outputs == []
