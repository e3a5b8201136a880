"""Single rules: slots from both ends, registrations that differ, and what stands where uploads contradict."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Content, Failure, Position, Source, Tick
from app.core.fold import fold
from app.core.rules import slot_for
from app.wire.decode import decode
from tests.core.examples import examples
from tests.core.play import MAX_BYTES, play, played, sent, state
from tests.support.events import essay_ids, message, registration

CONTENT = Content("u", "t", "a.docx", "c", 0)
FAILURE = Failure("u", "a.pdf", "EMPTY", "{}", "c", 0)


def test_contents_take_slots_from_the_front_and_failures_from_the_back() -> None:
    assert [slot_for(CONTENT, 3, filled, 0) for filled in range(4)] == [0, 1, 2, None]
    assert [slot_for(FAILURE, 3, 0, failed) for failed in range(4)] == [2, 1, 0, None]


@examples(100)
@given(st.lists(st.sampled_from([CONTENT, FAILURE]), min_size=1, max_size=12), st.integers(1, 12))
def test_every_slot_is_given_once_until_none_is_left(uploads: list[Content | Failure], slots: int) -> None:
    given_slots = []
    filled = failed = 0
    for upload in uploads:
        slot = slot_for(upload, slots, filled, failed)
        if slot is None:
            break
        given_slots.append(slot)
        filled, failed = (filled + 1, failed) if isinstance(upload, Content) else (filled, failed + 1)
    assert len(set(given_slots)) == len(given_slots) == min(len(uploads), slots)
    assert set(given_slots) <= set(range(slots))


BASE: dict[str, Any] = {"org_id": "school", "class_id": "class", "essay_instructions": "Skriv."}


@pytest.mark.parametrize(
    "change",
    [
        {"essay_ids": ["b.essay-0001", "b.essay-0000"], "expected_essay_count": 2},
        {"essay_ids": ["b.essay-0000", "b.essay-0002"]},
        {"essay_ids": ["b.essay-0000"]},
        {"course_code": "XX"},
        {"user_id": "another"},
        {"org_id": "another"},
        {"org_id": None},
        {"class_id": "another"},
        {"class_id": None},
        {"class_id": ""},
        {"student_prompt_ref": None},
        {"student_prompt_ref": {"references": {}}},
        {"essay_instructions": "Skriv om hösten."},
        {"essay_instructions": None},
    ],
    ids=str,
)
def test_a_registration_that_differs_in_what_an_output_depends_on_is_refused(change: dict[str, Any]) -> None:
    first = registration("b", essay_ids("b", 2), **BASE)
    if change == {"course_code": "XX"}:
        change = {"course_code": "ENG5" if first["data"]["course_code"] != "ENG5" else "SV1"}
    other = registration("b", essay_ids("b", 2), **{**BASE, **change})
    for messages in ([first, other], [first, other, first]):
        found = played([message(first) for first in messages])
        assert found.refused == [(1, "registration_conflict")]
        assert found.batch.registration == played([message(first)]).batch.registration


@pytest.mark.parametrize(
    "change",
    [
        {"expected_essay_count": 7},
        {"metadata": None},
        {"metadata": {"entity": {"entity_id": "another"}}},
        {"something": {"new": [1, 2]}},
        {"entity_id": "b", "batch_id": "b"},
    ],
    ids=str,
)
def test_what_is_not_content_makes_no_other_registration(change: dict[str, Any]) -> None:
    first = registration("b", essay_ids("b", 2), **BASE)
    other = registration("b", essay_ids("b", 2), **{**BASE, **change})
    other["correlation_id"] = "7d9f4c0e-0f6b-4f7e-8b15-3e6f3a0d9b11"
    other["event_timestamp"] = "2030-01-01T00:00:00+02:00"
    other["source_service"] = "another"
    other["metadata"] = {"traceparent": "00-1-2-01"}
    found = played([message(first), message(other)])
    assert found.refused == []
    assert found.steps[1].facts == ()
    assert found.batch.registration == played([message(first)]).batch.registration


def test_the_field_order_of_a_prompt_reference_is_not_content() -> None:
    first = registration("b", essay_ids("b", 1), student_prompt_ref={"a": {"x": 1, "y": 2}, "b": [1, 2]})
    two = registration("b", essay_ids("b", 1), student_prompt_ref={"b": [1, 2], "a": {"y": 2, "x": 1}})
    assert played([message(first), message(two)]).refused == []


def test_an_empty_class_id_is_the_same_as_none() -> None:
    first = registration("b", essay_ids("b", 1), class_id="")
    two = registration("b", essay_ids("b", 1), class_id=None)
    found = played([message(first), message(two)])
    assert found.refused == []
    assert found.batch.registration is not None
    assert found.batch.registration.class_id is None


def test_a_batch_goes_from_unregistered_to_open_to_complete() -> None:
    states = [play(sequence).batch.state for sequence in ("", "C0", "C0 R2", "C0 R2 F1", "C0 R2 F1 C2")]
    assert states == [State.UNREGISTERED, State.UNREGISTERED, State.OPEN, State.COMPLETE, State.COMPLETE]


def test_a_record_of_the_log_that_is_folded_again_later_changes_nothing_and_says_nothing() -> None:
    """After a crash the log is read again from where it was committed: the state may be ahead of it."""
    found = play("C0")
    found.tick(found.time + 10 * 86_400_000)
    found.send([message(registration("b", essay_ids("b", 2)))])
    found.send(sent("C1 C0@2 F3 F1"))
    before = state(found.batch)
    places = [0, *range(2, 7)]  # the tick is at 1
    for at, record in zip(places, found.inputs, strict=True):
        event = decode(record.topic, record.value, MAX_BYTES).event
        step = fold(found.batch, event, Position(at, 0, Source(1, 0, at)), found.policy)
        assert (step.facts, step.outputs) == ((), [])
        assert state(step.batch) == before
    assert fold(found.batch, Tick(10**15), Position(1, 10**15), found.policy).facts == ()


@pytest.mark.parametrize("count", [1, 25, 200, 5000])
def test_a_batch_of_any_size_completes(count: int) -> None:
    middle = count // 2
    uploads = [f"C0-{count - 1}"] if count > 1 else ["C0"]
    for sequence in (f"R{count} {uploads[0]}", f"{uploads[0]} R{count}"):
        batch = play(sequence).batch
        assert batch.complete
        assert batch.filled == count
        assert isinstance(batch.slots[middle], Content)


def test_a_batch_starts_with_nothing() -> None:
    batch = Batch("b")
    assert (batch.state, batch.complete, batch.slots, batch.last) == (State.UNREGISTERED, False, [], -1)
