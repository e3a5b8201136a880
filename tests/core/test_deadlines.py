"""Deadlines: what time does to a batch. Time is the log's own; only ticks bring it."""

import json
from collections.abc import Callable

import msgspec
import pytest

from app.core.batch import Batch
from app.core.batch_state import State
from app.core.events import Policy, Source
from app.core.facts import Expired, TimedOut
from app.core.messages import Message as Said
from app.core.outputs import Expiry, expired
from app.core.rules import next_deadline
from tests.core.play import SECOND, START, Played, data_bytes, play, sent
from tests.oracle import topics

HOUR = 3_600_000  # ms
DAY = 24 * HOUR


def test_pending_uploads_expire_when_their_time_has_come_and_not_before() -> None:
    found = play("C0 F1")
    assert found.tick(START + DAY - 1).facts == ()
    first = found.tick(START + DAY)
    assert [type(fact) for fact in first.facts] == [Expired]
    assert [output.upload.upload_id for output in first.outputs if isinstance(output, Expiry)] == ["b.upload-0000"]
    second = found.tick(START + DAY + SECOND)
    assert [output.upload.upload_id for output in second.outputs if isinstance(output, Expiry)] == ["b.upload-0001"]
    assert not found.batch.pending


def test_a_later_tick_repeats_nothing() -> None:
    found = play("C0 F1")
    assert len(found.tick(START + 2 * DAY).outputs) == 2
    assert found.tick(START + 3 * DAY).outputs == []


def test_an_expired_upload_is_forgotten_and_put_back_is_new() -> None:
    found = play("C0 C0@1 F2")
    found.tick(START + 2 * DAY)
    assert (found.batch.texts, found.batch.uploads, found.batch.pending) == ({}, {}, {})
    found.send(sent("F0 C1@2 C2@1 R3"))
    assert found.refused == []
    assert (found.batch.filled, found.batch.failed) == (2, 1)


def test_an_upload_that_expires_takes_its_aliases_along_and_no_other() -> None:
    found = play("C0 C0@1 C2")
    found.tick(START + DAY + SECOND)  # only the first has waited for a day
    assert found.batch.uploads == {"b.upload-0002": "b.text-0002"}
    assert found.batch.texts.keys() == {"b.text-0002"}


def test_a_registration_before_the_tick_saves_what_is_pending() -> None:
    found = play("C0 R1")
    assert found.tick(START + 2 * DAY).facts == ()
    assert found.batch.state is State.COMPLETE


def test_a_batch_that_is_late_is_told_once_and_stays_open() -> None:
    found = play("R3 C0 F1")
    assert found.tick(START + DAY - 1).outputs == []
    (said,) = found.tick(START + DAY).outputs
    assert isinstance(said, Said)
    assert (said.topic, said.key) == (topics.TIMEOUT, "b")
    assert found.tick(START + 2 * DAY).outputs == []
    found.send(sent("C2"))
    assert found.batch.state is State.COMPLETE
    assert [len(found.about(topic)) for topic in (topics.READY, topics.ERRORS)] == [1, 1]


def test_a_timeout_names_what_is_there_and_what_is_missing() -> None:
    found = play("R4 C0 F1")
    (said,) = found.tick(START + DAY).outputs
    assert isinstance(said, Said)
    data = json.loads(data_bytes(said))
    assert data == {
        "event": "batch.readiness.timeout",
        "batch_id": "b",
        "ready_essays": [{"essay_id": "b.essay-0000", "text_storage_id": "b.text-0000"}],
        # The last slot has a failure: an outcome, so it isn't missing.
        "missing_essay_ids": ["b.essay-0001", "b.essay-0002"],
        "expected_count": 4,
        "actual_count": 1,
        "timeout_duration_seconds": 86_400,
        "metadata": {
            "entity_id": "b",
            "entity_type": "batch",
            "timestamp": "2026-03-03T09:00:00Z",  # the registration's log time and a day
            "event": "batch.readiness.timeout",
            "error_info": {},
        },
    }
    assert said.correlation_id == json.loads(found.inputs[0].value or b"")["correlation_id"]


def test_a_timeout_says_the_same_however_late_its_tick_is() -> None:
    said = []
    for late in (0, 1, HOUR, 40 * DAY):
        found = play("R2 C0")
        (output,) = found.tick(START + DAY + late).outputs
        assert isinstance(output, Said)
        said.append((output.event_id, data_bytes(output)))
    assert len(set(said)) == 1


@pytest.mark.parametrize("milliseconds", [1, 999, 1000, 1999, 86_400_000])
def test_the_duration_of_a_timeout_is_a_positive_number_of_seconds(milliseconds: int) -> None:
    found = play("R1", policy=Policy(readiness_timeout=milliseconds))
    (said,) = found.tick(START + milliseconds).outputs
    assert isinstance(said, Said)
    assert json.loads(data_bytes(said))["timeout_duration_seconds"] > 0


def test_a_complete_batch_is_never_late() -> None:
    found = play("R1 C0")
    assert found.tick(START + 2 * DAY).facts == ()


def test_a_batch_that_was_late_keeps_that_in_mind() -> None:
    found = play("R2 C0")
    assert [type(fact) for fact in found.tick(START + DAY).facts] == [TimedOut]
    assert found.batch.timed_out
    assert found.batch.state is State.OPEN


@pytest.mark.parametrize(
    ("policy", "sequence"), [(Policy(pending_ttl=0), "C0 F1"), (Policy(readiness_timeout=0), "R2 C0")]
)
def test_a_deadline_that_is_off_never_comes(policy: Policy, sequence: str) -> None:
    found = play(sequence, policy=policy)
    assert found.tick(START + 10_000 * DAY).facts == ()
    assert next_deadline(found.batch, policy) is None


@pytest.mark.parametrize(
    ("sequence", "due"),
    [
        ("", None),
        ("C0 C1", START + 2 * HOUR),
        ("C0 C1 R3", START + 2 * SECOND + HOUR),
        ("R1 C0", None),
        ("R1", START + HOUR),
    ],
)
def test_the_next_deadline_is_that_of_what_has_waited_longest(sequence: str, due: int | None) -> None:
    policy = Policy(pending_ttl=2 * HOUR, readiness_timeout=HOUR)
    assert next_deadline(play(sequence, policy=policy).batch, policy) == due


def test_a_late_batch_has_no_further_deadline() -> None:
    found = play("R2 C0")
    found.tick(START + DAY)
    assert next_deadline(found.batch, found.policy) is None


def expiry_of(change: Callable[[Played], None] | None = None) -> tuple[Played, Expiry]:
    """Return a batch and the expiry of its first upload."""
    found = play("C0")
    if change is not None:
        change(found)
    (output,) = found.tick(START + DAY).outputs
    assert isinstance(output, Expiry)
    return found, output


def test_an_expiry_carries_the_whole_original() -> None:
    found, expiry = expiry_of()
    original = found.inputs[0].value or b""
    message = expired("b", expiry, Source(1, 2, 7), original)
    assert (message.topic, message.key) == (topics.EXPIRED, "b")
    assert message.correlation_id == json.loads(original)["correlation_id"]
    assert isinstance(message.data.original, msgspec.Raw)  # type: ignore[union-attr]
    assert original in data_bytes(message)
    data = json.loads(data_bytes(message))
    assert data.pop("original") == json.loads(original)
    assert data == {
        "event": "pending.content.expired",
        "batch_id": "b",
        "file_upload_id": "b.upload-0000",
        "reason": "REGISTRATION_NOT_RECEIVED",
        "pending_since": "2026-03-02T09:00:00Z",
        "original_topic": topics.CONTENT,
        "correlation_id": message.correlation_id,
        "timestamp": "2026-03-03T09:00:00Z",
    }


def test_an_upload_that_expires_again_is_another_expiry_and_the_same_one_has_the_same_id() -> None:
    found, expiry = expiry_of()
    original = found.inputs[0].value or b""
    ids = [
        expired("b", expiry, source, original).event_id
        for source in (Source(1, 0, 0), Source(1, 0, 0), Source(1, 0, 1), Source(1, 1, 0), Source(2, 0, 0))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_a_tick_for_a_batch_that_nobody_knows_does_nothing() -> None:
    assert Played(Batch("b")).tick(START + DAY).facts == ()
