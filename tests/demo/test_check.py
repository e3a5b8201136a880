import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.check import check
from demo.events import (
    DEAD_LETTER,
    ERRORS,
    EXCESS,
    EXPIRED,
    PROVISIONED,
    READY,
    SLOT_ASSIGNED,
    TIMEOUT,
    Record,
)
from demo.plan import Plan, make_plan
from tests.demo.records import output, right_outputs

PLAN = make_plan(7, 12, 6)
RIGHT = right_outputs(PLAN)


def problems(records: list[Record]) -> dict[str, list[str]]:
    return {verdict.batch_id: verdict.problems for verdict in check(PLAN, records) if verdict.problems}


def first(topic: str) -> Record:
    return next(record for record in RIGHT if record.topic == topic)


def batch_of(record: Record) -> str:
    body = record.envelope()
    assert body is not None
    return str(body["data"]["batch_id"])


def changed(record: Record, change: Callable[[dict[str, Any]], object]) -> Record:
    body = record.envelope()
    assert body is not None
    change(body)
    return replace(record, value=json.dumps(body).encode())


@given(seed=st.integers(), essays=st.integers(1, 9))
def test_right_outcomes_have_no_problems(seed: int, essays: int) -> None:
    plan = make_plan(seed, 12, essays)
    verdicts = check(plan, right_outputs(plan))
    assert [verdict.batch_id for verdict in verdicts] == [batch.batch_id for batch in plan.batches]
    assert [verdict.problems for verdict in verdicts if verdict.problems] == []


def test_outputs_repeated_as_they_were_are_no_problem() -> None:
    assert problems(RIGHT + RIGHT) == {}


@pytest.mark.parametrize("topic", [SLOT_ASSIGNED, READY, ERRORS, EXCESS, PROVISIONED])
def test_a_missing_output_is_a_problem_of_its_batch(topic: str) -> None:
    gone = first(topic)
    assert list(problems([record for record in RIGHT if record is not gone])) == [batch_of(gone)]


@pytest.mark.parametrize("topic", [SLOT_ASSIGNED, READY, ERRORS, EXCESS, PROVISIONED])
def test_a_second_output_with_another_event_id_is_a_problem(topic: str) -> None:
    twin = changed(first(topic), lambda body: body.update(event_id="another"))
    assert list(problems([*RIGHT, twin])) == [batch_of(twin)]


@pytest.mark.parametrize("topic", [SLOT_ASSIGNED, READY, ERRORS, EXCESS, PROVISIONED])
def test_a_repeat_with_other_data_is_a_problem(topic: str) -> None:
    odd = changed(first(topic), lambda body: body["data"].update(surprise=1))
    assert list(problems([*RIGHT, odd])) == [batch_of(odd)]


@pytest.mark.parametrize("topic", [SLOT_ASSIGNED, READY, ERRORS, EXCESS, PROVISIONED])
def test_another_correlation_id_is_a_problem(topic: str) -> None:
    right = first(topic)
    wrong = changed(right, lambda body: body.update(correlation_id="another"))
    assert list(problems([wrong if record is right else record for record in RIGHT])) == [batch_of(right)]


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        (SLOT_ASSIGNED, lambda data: data.update(essay_id="essay-unknown")),
        (SLOT_ASSIGNED, lambda data: data.update(text_storage_id="text-unknown")),
        (SLOT_ASSIGNED, lambda data: data.update(file_upload_id="upload-unknown")),
        (READY, lambda data: data["ready_essays"].reverse()),
        (READY, lambda data: data["ready_essays"].pop()),
        (READY, lambda data: data.update(expected_count=99)),
        (READY, lambda data: data.update(failed_count=99)),
        (READY, lambda data: data.update(class_type="OTHER")),
        (ERRORS, lambda data: data["failed_essays"].pop()),
        (ERRORS, lambda data: data["error_summary"].update(total_errors=99)),
        (ERRORS, lambda data: data["error_summary"].update(critical_failure="?")),
        (ERRORS, lambda data: data["error_summary"].update(error_categories={"EMPTY_CONTENT": 99})),
        (ERRORS, lambda data: data["failed_essays"][0].update(file_name="unknown.txt")),
        (EXCESS, lambda data: data.update(reason="OTHER")),
        (EXCESS, lambda data: data.update(text_storage_id="text-unknown")),
        (PROVISIONED, lambda data: data.update(provisioned_count=99)),
    ],
)
def test_wrong_data_is_a_problem_of_its_batch(topic: str, change: Callable[[dict[str, Any]], None]) -> None:
    right = first(topic)
    wrong = changed(right, lambda body: change(body["data"]))
    assert list(problems([wrong if record is right else record for record in RIGHT])) == [batch_of(right)]


SOME_REJECTED = next(batch for batch in PLAN.batches if batch.scenario == "on time, some rejected")


def outputs_of_that_batch(change: Callable[[str, dict[str, Any]], None]) -> list[Record]:
    """All outputs, those of the batch with rejected uploads changed."""

    def each(right: Record) -> Record:
        if batch_of(right) != SOME_REJECTED.batch_id:
            return right
        return changed(right, lambda body: change(right.topic, body["data"]))

    return [each(right) for right in RIGHT]


def test_a_batch_that_completes_one_slot_short_is_a_problem() -> None:
    batch = replace(SOME_REJECTED, essay_ids=SOME_REJECTED.essay_ids[:-1])
    short = [
        changed(right, lambda body: "expected_count" in body["data"] and body["data"].update(expected_count=6))
        for right in right_outputs(Plan((batch,), frozenset(), frozenset()))
    ]
    others = [right for right in RIGHT if batch_of(right) != batch.batch_id]
    assert any("of 6 slots" in problem for problem in problems(others + short)[batch.batch_id])


def test_a_text_in_the_slot_of_a_failure_is_a_problem() -> None:
    last, before = SOME_REJECTED.essay_ids[-1], SOME_REJECTED.essay_ids[-2]

    def change(topic: str, data: dict[str, Any]) -> None:
        for entry in [data] if topic == SLOT_ASSIGNED else data.get("ready_essays", []):
            if entry["essay_id"] == before:
                entry["essay_id"] = last

    assert list(problems(outputs_of_that_batch(change))) == [SOME_REJECTED.batch_id]


def test_a_failure_in_the_slot_of_a_text_is_a_problem() -> None:
    def change(topic: str, data: dict[str, Any]) -> None:
        if topic == ERRORS:
            data["failed_essays"][0]["essay_id"] = SOME_REJECTED.essay_ids[0]

    assert list(problems(outputs_of_that_batch(change))) == [SOME_REJECTED.batch_id]


def test_an_errors_event_without_failures_is_a_problem() -> None:
    batch = next(batch for batch in PLAN.batches if not batch.failures)
    summary = {"total_errors": 0, "error_categories": {}, "critical_failure": False}
    empty = output(
        ERRORS, "x", batch.correlation_id, 1.0, batch_id=batch.batch_id, failed_essays=[], error_summary=summary
    )
    assert list(problems([*RIGHT, empty])) == [batch.batch_id]


@pytest.mark.parametrize("topic", [TIMEOUT, EXPIRED])
def test_an_event_that_nothing_calls_for_is_a_problem(topic: str) -> None:
    batch_id = PLAN.batches[0].batch_id
    assert list(problems([*RIGHT, output(topic, batch_id, "c", 1.0, batch_id=batch_id)])) == [batch_id]


def test_a_dead_letter_and_an_unplanned_batch_are_problems() -> None:
    garbage = Record(DEAD_LETTER, 0, 0, None, b"\xff", 1.0, 1.0)
    stray = output(READY, "x", "c", 1.0, batch_id="nobody's")
    assert len(problems([*RIGHT, garbage])) == len(problems([*RIGHT, stray])) == 1
