"""Whatever the strings are, what a batch says fits into a message, and what is kept of it into a row."""

import msgspec
import pytest

from app.core import names
from app.core.budget import LARGEST, LEAST_TEXT, json_size
from app.core.errors_event import OTHER, failed
from app.core.events import Content, Failure, Policy, Position, Registration, Tick
from app.core.facts import TEXT_ID_TOO_LONG, Placed, Registered, Surplus
from app.core.fold import fold
from app.core.messages import Message
from app.core.outputs import LONG_ID, DeadLetter, Refusal
from app.core.replay import replay
from app.engine.kafka.clients import MAX_RECORD_BYTES
from app.wire.decode import OVERSIZED, RejectedError, decode
from app.wire.encode import encode
from app.wire.error_detail import LARGEST as LARGEST_DETAIL
from tables import batches
from tests.core.acting import force, reopen
from tests.core.play import EMITTED_AT
from tests.core.test_linear import Played
from tests.support import events
from tests.support.events import encode as to_bytes

WORST = "\x01"  # six bytes of JSON a character
LONG = WORST * 995


def registration(slots: int, essay: int = 0, **others: str | None) -> Registration:
    """So many slots, whose ids have a few characters and `essay` of the worst."""
    ids = tuple(f"{number:05d}{WORST * essay}" for number in range(slots))
    fields = {"student_prompt_ref": None, "essay_instructions": None} | others
    return Registration(ids, "ENG5", LONG, LONG, LONG, correlation_id="c", moment=0, traceparent=LONG, **fields)


def content(number: int, text: str) -> Content:
    return Content(f"{number:05d}{LONG}", f"{number:05d}{text}", LONG, "c" * 36, 0, LONG)


def failure(number: int, detail: int = LARGEST_DETAIL) -> Failure:
    return Failure(f"{number:05d}{LONG}", LONG, f"{number:05d}{LONG}", f'"{"x" * (detail - 2)}"', "c" * 36, 0, LONG)


def fits(played: Played) -> bool:
    """Whether all that was said and kept fits into a message, with envelope, key and headers (2 KB)."""
    said = [output for step in played.steps for output in step.outputs if isinstance(output, Message)]
    largest = max(len(encode(record, EMITTED_AT, LONG)[0]) + len(record.key.encode()) + 2000 for record in said)
    facts = [fact for step in played.steps for fact in step.facts]
    rows = batches.cut(played.batch.batch_id, facts, batches.format_of(played.batch))
    return all(size <= MAX_RECORD_BYTES for size in (largest, *(len(key) + len(value) for key, value in rows)))


@pytest.mark.parametrize(
    "registered",
    [registration(1300, 995), registration(3000, 100), registration(10_000, 20), registration(1000, 0)],
    ids=["the longest ids", "3,000 slots", "10,000 slots", "1,000 slots"],
)
def test_a_ready_event_with_the_longest_texts_that_take_slots_fits(registered: Registration) -> None:
    played = Played("b" + LONG).do(registered)
    longest = 6002 if played.batch.longest_text is None else played.batch.longest_text
    text = WORST * min(995, (longest - 7) // 6)
    played.do(*(content(number, text) for number in range(len(registered.essay_ids))))
    assert played.batch.complete
    assert fits(played)


@pytest.mark.parametrize("early", [False, True], ids=["after its registration", "before it"])
def test_a_text_whose_id_has_no_room_in_the_ready_event_is_a_dead_letter_whenever_it_comes(*, early: bool) -> None:
    registered, long = registration(4000), content(0, LONG)
    others = [content(number, "") for number in range(1, 4001)]
    played = Played().do(long, *others, registered) if early else Played().do(registered, long, *others)
    said = [output for step in played.steps for output in step.outputs]
    (letter,) = [
        output.letter if isinstance(output, Refusal) else output for output in said if not isinstance(output, Message)
    ]
    assert isinstance(letter, DeadLetter)
    assert letter.reason == TEXT_ID_TOO_LONG
    assert "4000 slots" in letter.detail
    assert not [output for output in said if isinstance(output, Message) and output.topic == names.EXCESS]
    assert played.batch.complete
    assert fits(played)
    # A redelivery has the same answer; the upload has had its outcome, and the text too, whoever brings it.
    assert played.do(long).steps[-1].outputs == [letter]
    second = Content("another upload", long.text_id, "f", "c", 0)
    assert played.do(second).steps[-1].outputs == [letter]
    for late in (Content(long.upload_id, "short", "f", "c", 0), Failure(long.upload_id, "f", "E", "{}", "c", 0)):
        (conflict,) = played.do(late).steps[-1].outputs
        assert isinstance(conflict, DeadLetter)
        assert conflict.reason == "upload_conflict"
    # Nor does it take a slot when operators give the batch more of them.
    assert [type(fact).__name__ for fact in played.do(reopen("one more")).steps[-1].facts] == ["Acted", "Reopened"]


def test_a_batch_is_not_opened_again_with_more_slots_than_fit() -> None:
    played = Played().do(registration(4000), *(content(number, "") for number in range(4000)))
    played.do(reopen(*(f"{number:05d}{LONG}" for number in range(200))))
    (acted,) = played.steps[-1].facts
    assert "ready event" in (acted.refused or "")  # type: ignore[union-attr]


@pytest.mark.parametrize(("count", "detail"), [(450, 16_384), (2000, 16_384), (2000, 400), (20_000, 100)])
def test_an_errors_event_fits_however_much_failed(count: int, detail: int) -> None:
    failures = [(f"{number:05d}", failure(number, detail)) for number in range(count)]
    found = failed(failures, critical=True)
    assert len(msgspec.json.encode(found.essays)) + len(msgspec.json.encode(found.summary)) <= LARGEST
    assert found.summary.total_errors == count == sum(found.summary.error_categories.values())
    left_out = found.summary.omitted_essays or 0
    assert len(found.essays) + left_out == count
    assert failed(failures, critical=True) == found
    if detail == 16_384 and count == 2000:
        assert not left_out
        cut = msgspec.json.decode(bytes(found.essays[0].error_detail))
        assert cut["details"] == {"rollcall_cut_bytes": detail}
        assert OTHER in found.summary.error_categories


def test_what_fits_is_not_cut() -> None:
    failures = [(f"{number:05d}", failure(number)) for number in range(440)]
    found = failed(failures, critical=False)
    assert [bytes(essay.error_detail).decode() for essay in found.essays] == [one.detail for _, one in failures]
    assert found.summary.omitted_essays is msgspec.UNSET


def test_an_error_detail_is_cut_to_its_bound_whatever_service_and_code_are() -> None:
    envelope = events.failure("b", "u")
    envelope["source_service"] = WORST * 900_000
    envelope["data"] |= {"validation_error_code": LONG, "validation_error_detail": {"message": WORST * 5000}}
    decoded = decode(names.FAILED, to_bytes(envelope), 16 * 1024 * 1024)
    assert isinstance(decoded.event, Failure)
    assert len(decoded.event.detail.encode()) <= LARGEST_DETAIL
    assert "rollcall_cut_bytes" in decoded.event.detail


def test_a_registration_of_more_slots_than_a_ready_event_can_name_is_refused_with_the_arithmetic() -> None:
    envelope = events.registration("b", ["e"])
    envelope["data"] |= {"essay_ids": [f"{number:06d}{'e' * 30}" for number in range(125_000)]}
    with pytest.raises(RejectedError) as caught:
        decode(names.REGISTERED, to_bytes(envelope), 16 * 1024 * 1024)
    assert caught.value.reason == OVERSIZED
    assert "125000 slots" in caught.value.detail
    envelope["data"]["essay_ids"] = envelope["data"]["essay_ids"][:100_000]
    assert decode(names.REGISTERED, to_bytes(envelope), 16 * 1024 * 1024).batch_id == "b"


@pytest.mark.parametrize("field", ["org_id", "class_id", "user_id"])
def test_names_have_a_bound(field: str) -> None:
    envelope = events.registration("b", ["e"])
    envelope["data"][field] = "x" * 1001
    with pytest.raises(RejectedError):
        decode(names.REGISTERED, to_bytes(envelope), 4 * 1024 * 1024)


def test_a_trace_that_is_none_for_its_length_is_not_kept() -> None:
    envelope = events.registration("b", ["e"])
    for length, kept in ((55, True), (1000, True), (1001, False), (16_000, False)):
        envelope["metadata"] = {"traceparent": "0" * length}
        event = decode(names.REGISTERED, to_bytes(envelope), 4 * 1024 * 1024).event
        assert (event.traceparent is not None) is kept


def test_the_least_text_is_one_of_sixty_characters() -> None:
    assert json_size("t" * 60) == LEAST_TEXT


def test_an_excess_of_an_older_release_for_a_long_id_stands_and_is_answered_as_it_was() -> None:
    """It said that such a text is excess, although slots are free."""
    long = content(0, LONG)
    batch = replay(
        "b", [[Registered(1, 0, registration(4000)), Placed(2, 0, -1, content(1, "")), Surplus(3, -1, long)]]
    )
    (again,) = fold(batch, long, Position(4, 0), Policy()).outputs
    assert isinstance(again, Message)
    assert (again.topic, again.data.reason) == (names.EXCESS, LONG_ID)  # type: ignore[union-attr]
    batch = fold(batch, force(), Position(5, 0), Policy()).batch
    facts = fold(batch, reopen("one more"), Position(6, 0), Policy()).facts
    assert [type(fact).__name__ for fact in facts] == ["Acted", "Reopened"]


@pytest.mark.parametrize(("slots", "essay"), [(10_000, 20), (118_000, 0)], ids=["10,000 slots", "the most slots"])
@pytest.mark.parametrize("filled", [0, 1000], ids=["with nothing in them", "with a thousand filled"])
def test_what_is_said_of_a_late_batch_fits(slots: int, essay: int, filled: int) -> None:
    """Each slot is named once: with its text, or as missing, which takes less."""
    played = Played("b" + LONG).do(registration(slots, essay))
    longest = 6002 if played.batch.longest_text is None else played.batch.longest_text
    text = WORST * max(0, min(995, (longest - 7) // 6))
    played.do(*(content(number, text) for number in range(filled)))
    policy = Policy(pending_ttl=0, readiness_timeout=1)
    played.steps.append(fold(played.batch, Tick(10**9), Position(played.at, 10**9), policy))
    (timeout,) = played.steps[-1].outputs
    assert isinstance(timeout, Message)
    assert len(timeout.data.missing_essay_ids) == slots - filled  # type: ignore[union-attr]
    assert fits(played)
