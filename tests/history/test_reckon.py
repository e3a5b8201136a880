"""The reckoner and the core, which share no code, agree on every log; and each alone would be believed."""

from typing import Any

from hypothesis import given
from structlog.testing import capture_logs

from app.core.acts import DiscardUpload, Extend, Reopen
from app.history.read.reprocess import OneBatch
from app.history.verify.comparison import summary
from app.history.verify.reference_model import ReferenceModel
from app.policy import policy_of
from tests.agents.log import Log
from tests.core.examples import examples
from tests.core.play import SECOND
from tests.history.log import BATCHES, STEPS, KeyedLog, Step, fold_all, log_of, refused, settings
from tests.oracle import topics
from tests.support import events
from tests.support.budgets import small_budgets
from tests.support.events import Message, uid


def reckoned(log: Log, said: Any) -> ReferenceModel:
    chosen = settings()
    reckoner = ReferenceModel(policy_of(chosen).readiness_timeout, policy_of(chosen).pending_ttl, *refused(said))
    for record in log.records:
        reckoner.take(record.offset, record.timestamp, record.headers, record.value)
    return reckoner


def agree(log: Log) -> None:
    """Both say the same of every batch."""
    with capture_logs():
        folder, said = fold_all(log, settings())
    found = reckoned(log, said).batches
    for batch_id in BATCHES:
        batch = folder.batch(batch_id)
        assert (batch_id in found) == (batch.last >= 0)
        if batch_id in found:
            assert found[batch_id].summary() == summary(batch)


@examples(150)
@given(STEPS)
def test_the_reckoner_agrees_with_the_core(steps: list[Step]) -> None:
    agree(log_of(steps))


@examples(100)
@given(STEPS)
def test_they_agree_on_texts_whose_ids_are_too_long_for_the_ready_event(steps: list[Step]) -> None:
    with small_budgets():
        agree(log_of(steps))


def test_what_could_not_be_used_of_a_topic_that_was_made_again_says_nothing_of_what_stands_there_now() -> None:
    log = KeyedLog()
    log.send_event(events.registration("one", ["first", "second", "third"]))
    log.send_event(events.content("one", "u0", "t0"))
    log.send(Message(topics.CONTENT, b"u1", b"no JSON"))  # offset 1 of the content
    made_again = KeyedLog()
    made_again.records = log.records
    made_again.send_event(events.content("one", "u2", "t2"))
    made_again.send_event(events.content("one", "u3", "t3"))  # offset 1 again
    agree(log)
    with capture_logs():
        _, said = fold_all(log, settings())
    assert [upload for _, upload, _ in reckoned(log, said).batches["one"].summary()["slots"]] == ["u0", "u2", "u3"]


def by(number: int) -> tuple[str, str, str]:
    return uid("act", number), "Ada", "a reason"


def test_they_agree_on_a_batch_that_is_opened_again_and_is_late_again() -> None:
    log = KeyedLog()
    log.send_event(events.registration("one", ["first"]))
    log.tick(log.time + 9 * SECOND)
    for number in range(4):
        log.send_event(events.content("one", f"u{number}", f"t{number}"))
    log.act("one", Reopen(*by(0), ("second", "third", "fourth", "fifth")))
    agree(log)
    log.tick(log.time + 5 * SECOND)
    agree(log)
    log.act("one", Extend(*by(1), 2))
    log.tick(log.time + 9 * SECOND)
    agree(log)


def test_they_agree_on_deadlines_that_are_put_off_and_for_what() -> None:
    for registered in (True, False):
        log = KeyedLog()
        log.send_event(events.content("one", "u0", "t0"))
        log.act("one", Extend(*by(0), 100))
        log.tick(log.time + 50 * SECOND)
        agree(log)
        if registered:
            log.send_event(events.registration("one", ["first", "second"]))
        else:
            log.act("one", DiscardUpload(*by(1), "u0"))
            log.send_event(events.content("one", "u1", "t1"))
        agree(log)
        log.tick(log.time + 50 * SECOND)  # what it was put off for is gone
        agree(log)


@examples(100)
@given(STEPS)
def test_a_batch_folded_alone_is_what_it_is_among_all_others(steps: list[Step]) -> None:
    log = log_of(steps)
    with capture_logs():
        folder, said = fold_all(log, settings())
        alone: list[Any] = []
        for batch_id in BATCHES:
            folded = OneBatch(settings(), 0, batch_id)
            for record in log.records:
                taken = folded.take(record)
                alone += [] if taken is None else taken.outputs
            assert summary(folded.batch) == summary(folder.batch(batch_id))
    whose = [output for output in said if output[2] not in {b"", b"not JSON"}]  # those name no batch
    assert sorted(map(repr, alone)) == sorted(map(repr, whose))


def test_a_slot_is_given_once_and_the_first_outcome_stands() -> None:
    log = KeyedLog()
    log.send_event(events.registration("b", ["first", "second", "third"]))
    log.send_event(events.failure("b", "u0"))
    log.send_event(events.content("b", "u1", "t1"))
    log.send_event(events.content("b", "u1", "another text"))
    log.send_event(events.content("b", "u2", "t1"))
    summed = reckoned(log, []).batches["b"].summary()
    assert summed["slots"] == [["first", "u1", "t1"], ["second", None, None], ["third", "u0", None]]
    assert summed["conflicts"] == [[1, 0, 1]]


def test_pending_uploads_are_given_up_when_their_time_is_over() -> None:
    log = KeyedLog()
    log.send_event(events.content("b", "u0", "t0"))
    log.tick(log.time + 4_000)
    assert reckoned(log, []).batches["b"].summary()["pending"] == [[0, "u0", "t0"]]
    log.tick(log.time + 6_000)
    assert reckoned(log, []).batches["b"].summary()["pending"] == []


def test_without_a_readiness_deadline_a_batch_whose_uploads_came_first_is_never_late() -> None:
    model = ReferenceModel(0, 1000, {}, ())
    log = KeyedLog()
    log.send_event(events.content("one", "u0", "t0"))
    log.send_event(events.registration("one", ["first", "second"]))
    log.tick(log.time + 9 * SECOND)
    for record in log.records:
        model.take(record.offset, record.timestamp, record.headers, record.value)
    assert not model.batches["one"].late
