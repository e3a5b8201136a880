"""The cases agree with the oracle: what they expect was written by hand, what the oracle says is computed."""

import json

import pytest

from tests.contract.cases import CASES, SHIFTED, Case
from tests.contract.notation import Token, messages, parse
from tests.contract.summary import names_inputs, summarise
from tests.oracle import topics
from tests.oracle.expected import expected_outputs
from tests.oracle.outcome import Outcome, outcome
from tests.oracle.reading import read
from tests.oracle.records import InputRecord, Registration


def outcome_of(tokens: list[Token], batch: str) -> Outcome:
    """Return what the oracle makes of a case's inputs in one order."""
    sent = [message for step in messages([(token,) for token in tokens], batch) for message in step]
    events = [
        read(InputRecord(record.topic, 0, offset, record.key, record.value)).event for offset, record in enumerate(sent)
    ]
    return outcome([event for event in events if event is not None])


@pytest.mark.parametrize("case", [*CASES, *SHIFTED], ids=lambda case: case.slug)
def test_the_oracle_gives_what_the_case_expects_in_every_order(case: Case) -> None:
    for order in case.orders():
        found = outcome_of(order, case.slug)
        refused = [
            (
                topics.REGISTRATION_CONFLICT if isinstance(event, Registration) else topics.UPLOAD_CONFLICT,
                event.record.value or b"",
            )
            for event in found.conflicts
        ]
        emitted = [(output.topic, output.data) for output in expected_outputs(found)]
        assert summarise(emitted, refused, names=names_inputs(case)) == case.summary


@pytest.mark.parametrize("case", [case for case in CASES if case.shifted()], ids=lambda case: case.slug)
def test_the_registrations_place_changes_no_event(case: Case) -> None:
    """Not even a timestamp: all shifts of a case have the same data."""
    all_data = []
    for message in [case, *case.shifted()]:
        tokens = [token for step in message.steps for token in step]
        all_data.append(
            [(expected.identity, expected.data) for expected in expected_outputs(outcome_of(tokens, "one"))]
        )
    assert all(data == all_data[0] for data in all_data)


def test_the_notation_reads_ranges_repeats_other_uploads_and_simultaneous_steps() -> None:
    assert [[str(token) for token in step] for step in parse("R2 [C0-1 C3@4*2] F5 R2'")] == [
        ["R2"],
        ["C0", "C1", "C3@4", "C3@4"],
        ["F5"],
        ["R2'"],
    ]


def test_the_notation_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="not in the notation"):
        parse("R2 X1")


def test_a_repeated_token_is_a_redelivery() -> None:
    first, second = (step[0] for step in messages(parse("C0 C0"), "b"))
    message, two = (json_of(value) for value in (first.value, second.value))
    assert message["data"] == two["data"]
    assert message["event_id"] != two["event_id"]
    assert message["event_timestamp"] != two["event_timestamp"]


def test_section_8_has_a_case_for_each_row_without_a_clock() -> None:
    rows = ["C0 C1 R2", "C0 R2 C1", "C0 C1 C2 R2", "R2 C0 C1 C2", "R2 C0 C1 C1", "R2 C0 C1 R2", "R2 C0 F1", "C0 F1 R2"]
    rows += ["F0 F1 R2", "R3 F0 F0 C1 C2", "[R2 C0 C1]"]
    assert set(rows) <= {case.sequence for case in CASES}


def json_of(value: bytes | None) -> dict[str, object]:
    """Decode a message."""
    found: dict[str, object] = json.loads(value or b"")
    return found
