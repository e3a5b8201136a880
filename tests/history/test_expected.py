"""What a replay calls a difference, and what it doesn't."""

import json
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.history.verify.expected import Expected
from tests.agents.log import Record
from tests.history.log import KeyedLog, fold_all, settings
from tests.oracle import topics
from tests.support import events
from tests.support.events import Message

KNOWN = {b"b"}
READ = {(topics.CONTENT, 0): 3}


@pytest.fixture
def said() -> list[Any]:
    """Two slots, ready, completed; excess; a dead letter."""
    log = KeyedLog()
    log.send_event(events.registration("b", events.essay_ids("b", 2)))
    for number in range(3):
        log.send_event(events.content("b", f"u{number}", f"t{number}"))
    log.send(Message(topics.CONTENT, b"k", b"not JSON"))
    with capture_logs():
        return fold_all(log, settings())[1]


def records(said: list[Any]) -> list[Record]:
    return [
        Record(topic, 0, offset, 0, key, value, headers) for offset, (topic, key, value, headers) in enumerate(said)
    ]


def compared(said: list[Any], emitted: list[Record], *, awaited: bool = False, cut: tuple[str, ...] = ()) -> Expected:
    expected = Expected()
    expected.add(said, awaited=awaited)
    for output in emitted:
        expected.judge(output, KNOWN, READ)
    expected.close(cut)
    return expected


def kinds(expected: Expected) -> list[tuple[str, str]]:
    return [(difference.kind, difference.topic) for difference in expected.differences]


def test_what_was_emitted_as_it_should_is_no_difference_however_often(said: list[Any]) -> None:
    found = compared(said, records(said) * 3)
    assert (found.total, found.repeats, found.emitted, found.count) == (0, 12, 18, 6)


def test_the_time_of_emission_and_other_fields_of_the_envelope_do_not_count(said: list[Any]) -> None:
    emitted = records(said)
    event = json.loads(emitted[0].value or b"") | {"event_timestamp": "2030-01-01T00:00:00Z", "source_service": "x"}
    emitted[0] = replace(emitted[0], value=json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode())
    assert compared(said, emitted).total == 0


@pytest.mark.parametrize("number", range(6))
def test_each_output_that_is_missing_is_found(said: list[Any], number: int) -> None:
    emitted = [record for record in records(said) if record.offset != number]
    assert kinds(compared(said, emitted)) == [("missing", said[number][0])]
    assert compared(said, emitted, awaited=True).total == 0
    assert compared(said, emitted, cut=(said[number][0],)).total == 0


@pytest.mark.parametrize("number", range(6))
def test_each_output_with_another_content_is_found(said: list[Any], number: int) -> None:
    emitted = records(said)
    emitted[number] = _changed(emitted[number])
    assert kinds(compared(said, emitted)) == [("different", said[number][0])]


def test_the_same_output_with_another_key_is_found(said: list[Any]) -> None:
    emitted = records(said)
    emitted[0] = replace(emitted[0], key=b"another")
    assert kinds(compared(said, emitted)) == [("different", topics.SLOT)]


def test_an_output_that_the_log_does_not_bring_about_is_found(said: list[Any]) -> None:
    found = compared(said[:-3], records(said))
    assert sorted(kinds(found)) == sorted(("unexpected", topic) for topic, *_ in said[-3:])


def test_outputs_of_another_app_id_are_counted_and_no_difference(said: list[Any]) -> None:
    expected = Expected()
    for record in records(said):
        expected.judge(record, set(), {})
    assert (expected.total, expected.others) == (0, 6)


def test_what_is_no_output_at_all_is_found(said: list[Any]) -> None:
    junk = Record(topics.READY, 0, 99, 0, b"b", b"junk", [])
    assert kinds(compared(said, [*records(said), junk])) == [("unexpected", topics.READY)]


def _changed(record: Record) -> Record:
    if record.topic == topics.DEAD:
        return replace(record, value=b"not JSON either")
    event = json.loads(record.value or b"")
    event["data"]["correlation_id"] = "another"
    return replace(record, value=json.dumps(event).encode())
