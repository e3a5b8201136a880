"""The central invariant: the outcome is a function of the registration and the sequence of the uploads."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from hypothesis import example, given

from app.core.batch_state import IN_EXCESS, PENDING, State
from app.core.events import Content, Failure
from tests.contract.notation import parse
from tests.core.examples import examples
from tests.core.play import Played, data_bytes, play
from tests.core.sequences import SLOTS, UPLOADS, sequences
from tests.oracle import topics
from tests.oracle.judge import judge
from tests.oracle.outcome import outcome
from tests.oracle.reading import read
from tests.support.budgets import small_budgets

Budgets = Callable[[], AbstractContextManager[None]]


def final(found: Played, registered_at: int) -> dict[str, Any]:
    """Return all that must not depend on when the registration came."""
    batch = found.batch
    return {
        "slots": batch.slots,
        "excess": list(batch.excess.values()),
        "late failures": batch.late_failures,
        "texts": {text: place for text, place in batch.texts.items() if place != PENDING},
        "uploads": batch.uploads,
        "pending": list(batch.pending),
        # Counted among the uploads alone: the registration's own place is left out.
        # A text that is refused again gets the same answer: where it was pending, the first time only.
        "dead letters": [
            (number - (number > registered_at), reason)
            for number, reason in found.refused
            if reason != topics.TEXT_ID_TOO_LONG
        ],
        "refused": batch.refused,
        "said once": {
            topic: [data_bytes(output) for output in found.about(topic)]
            for topic in (topics.READY, topics.ERRORS, topics.COMPLETED)
        },
        "said to each": {data_bytes(output) for topic in (topics.SLOT, topics.EXCESS) for output in found.about(topic)},
        "ids": {output.event_id for output in found.said},
    }


BUDGETS = pytest.mark.parametrize("budgets", [nullcontext, small_budgets], ids=["any text id", "short text ids"])


@BUDGETS
@examples(80)
@given(UPLOADS, SLOTS)
@example(["F0", "C1", "F2", "C3", "C4"], 4)
@example(["C0", "C0@1", "C2@1", "F1", "C1@0", "C1@3"], 2)
@example(["L0", "L0@1", "C0@1", "F0", "C1", "C2", "L2", "L3"], 2)
def test_moving_the_registration_to_any_position_changes_nothing(
    budgets: Budgets, uploads: list[str], slots: int
) -> None:
    outcomes = []
    with budgets():
        for place in range(len(uploads) + 1):
            found = play(" ".join([*uploads[:place], f"R{slots}", *uploads[place:]]))
            outcomes.append(final(found, place))
    for moved in outcomes[1:]:
        assert moved == outcomes[0]


@BUDGETS
@examples(250)
@given(sequences())
def test_the_outcome_is_the_oracles(budgets: Budgets, sequence: str) -> None:
    with budgets():
        found = play(sequence)
        events = [event for event in (read(record).event for record in found.inputs) if event is not None]
        due = outcome(events)
    batch = found.batch

    essay_ids = due.registration.essay_ids if due.registration else ()
    slots = dict(zip(essay_ids, batch.slots, strict=True))
    assert {essay: upload.text_id for essay, upload in slots.items() if isinstance(upload, Content)} == {
        essay: output.text for essay, output in due.slots.items()
    }
    assert {essay: upload.upload_id for essay, upload in slots.items() if isinstance(upload, Failure)} == {
        essay: failure.upload for essay, failure in due.failed.items()
    }
    assert list(batch.excess) == [upload.text for upload in due.excess]
    assert batch.late_failures == len(due.late_failures)
    assert [held.upload.upload_id for held in batch.pending.values()] == [waiting.upload for waiting in due.pending]
    assert sorted(number for number, _ in found.refused) == sorted(
        event.record.offset for event in (*due.conflicts, *due.refused)
    )
    assert batch.complete == due.complete
    assert (batch.state is State.UNREGISTERED) == (due.registration is None)


@BUDGETS
@examples(250)
@given(sequences())
@example("R4 C3 F0 F1 F2")  # more failures than a small ready event would have room for: an errors event has its own
def test_what_is_said_is_what_the_oracle_expects(budgets: Budgets, sequence: str) -> None:
    with budgets():
        found = play(sequence)
        for ordered in (True, False):
            verdict = judge(found.inputs, found.records, ordered=ordered)
            assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


@examples(60)
@given(sequences())
def test_slots_fill_as_one_run_from_each_end(sequence: str) -> None:
    batch = play(sequence).batch
    kinds = "".join("." if slot is None else "C" if isinstance(slot, Content) else "F" for slot in batch.slots)
    assert kinds == "C" * batch.filled + "." * (len(kinds) - batch.filled - batch.failed) + "F" * batch.failed


@examples(60)
@given(sequences())
def test_no_text_is_in_two_places_and_no_upload_has_two_outcomes(sequence: str) -> None:
    batch = play(sequence).batch
    contents = [slot for slot in batch.slots if isinstance(slot, Content)]
    texts = [upload.text_id for upload in (*contents, *batch.excess.values())]
    assert len(set(texts)) == len(texts)
    uploads = [upload.upload_id for upload in (*batch.slots, *batch.excess.values()) if upload is not None]
    assert len(set(uploads)) == len(uploads)
    assert {text for text, place in batch.texts.items() if place == IN_EXCESS} == set(batch.excess)
    assert all(batch.slots[place] == batch.content_of(text) for text, place in batch.texts.items() if place >= 0)


def test_the_sequences_are_not_trivial() -> None:
    """The strategy reaches what the properties are about; without this they could all hold of nothing."""
    reached: set[str] = set()

    @examples(240)
    @given(sequences())
    def gather(sequence: str) -> None:
        found = play(sequence)
        reached.update(step.outcome.value for step in found.steps)
        reached.update(output.topic for output in found.said)
        reached.update(reason for _, reason in found.refused)
        if any(token.upload != token.number for step in parse(sequence) for token in step):
            reached.add("alias")

    gather()
    with small_budgets():
        gather()
    assert reached >= {
        "registered", "assigned", "held", "excess", "slot_failed", "recorded", "conflict", "repeated", "alias",
        topics.SLOT, topics.READY, topics.ERRORS, topics.EXCESS, topics.COMPLETED,
        topics.UPLOAD_CONFLICT, topics.REGISTRATION_CONFLICT, topics.TEXT_ID_TOO_LONG, "rejected",
    }  # fmt: skip
