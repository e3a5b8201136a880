"""The join and what can not be used: dead letters with the original, its key, its place and the reason."""

from dataclasses import replace

import pytest

from app.core import names
from app.core.fold import Outcome
from app.wire.record import source_header
from tables import batches, keys
from tests.agents.log import Log, MakeWorker, dead, topics_of
from tests.agents.test_join_inputs import log_of
from tests.core.play import sent
from tests.oracle import topics
from tests.support.budgets import small_budgets
from tests.support.events import Message
from tests.support.malformed import malformed, oversized


def test_a_dead_letter_is_the_original_with_its_key_its_place_and_the_reason(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = Log()
    log.send(Message(topics.FAILED, b"key", b"\xff\xfe"), partition=2)
    log.send(Message(topics.FAILED, b"key", b"\xff\xfe"), partition=2)
    work = worker.fold(log.records)
    assert len(work.outputs) == 2
    topic, key, value, headers = work.outputs[1]
    assert (topic, key, value) == (topics.DEAD, b"key", b"\xff\xfe")
    found = dict(headers)
    assert found.pop("rollcall.detail")
    assert found == {
        "rollcall.reason": b"malformed",
        "rollcall.source.topic": topics.FAILED.encode(),
        "rollcall.source.partition": b"2",
        "rollcall.source.offset": b"1",
    }
    assert work.dead == {"malformed": 2}
    assert work.outcomes == {(topics.FAILED, Outcome.REJECTED): 2}


@pytest.mark.parametrize("early", [True, False], ids=["before its registration", "after it"])
@pytest.mark.parametrize("key", [b"key", None])
def test_a_text_with_too_long_an_id_is_a_dead_letter_with_its_key_and_place_and_its_slot_stays_free(
    make_worker: MakeWorker, *, early: bool, key: bytes | None
) -> None:
    worker = make_worker()
    log = Log()
    (long,) = sent("L0")
    filler, registered, other = sent("C1 R2 C2")
    log.send(filler, partition=1)
    for message in (replace(long, key=key), registered)[:: 1 if early else -1]:
        log.send(message, partition=1)
    with small_budgets():
        # One by one: what is pending is read back from the tables.
        folded = [worker.fold([record]) for record in log.records]
        letters = [output for work in folded for output in work.outputs if output[0] == topics.DEAD]
        assert [(of, value) for _, of, value, _ in letters] == [(key, long.value)]
        found = dict(letters[0][3])
        assert found["rollcall.reason"] == b"text_id_too_long"
        assert found["rollcall.source.topic"] == topics.CONTENT.encode()
        assert (found["rollcall.source.partition"], found["rollcall.source.offset"]) == (b"1", b"1")
        assert b"at most" in (found["rollcall.detail"] or b"")
        assert topics.EXCESS not in [output[0] for work in folded for output in work.outputs]
        log.send(other, partition=1)
        completed = worker.fold(log.records[-1:])
        assert topics.READY in [output[0] for output in completed.outputs]
    # The original is kept no longer, and the row says that only this release can read it.
    assert not list(worker.store.scan(keys.PENDING))
    assert max(value[0] for value in worker.store.values(batches.prefix("b"))) == batches.WITH_REFUSED
    assert worker.tables.batch("b").refused


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
@pytest.mark.parametrize("value", [None, b"", b"x"])
def test_null_and_empty_stay_what_they_are(make_worker: MakeWorker, key: bytes | None, value: bytes | None) -> None:
    worker = make_worker()
    log = Log()
    log.send(Message(topics.CONTENT, key, value))
    assert [(record, other) for _, record, other in dead(worker.fold(log.records).outputs)] == [(key, value)]


def test_every_malformed_message_is_a_dead_letter_and_the_stream_goes_on(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = Log()
    bad = [record for _, record in malformed("join")]
    for message in [*bad, *sent("R1 C0")]:
        log.send(message)
    work = worker.fold(log.records)
    assert [(key, value) for _, key, value in dead(work.outputs)] == [(record.key, record.value) for record in bad]
    assert topics_of(work.outputs)[len(bad) :] == [topics.SLOT, topics.READY, topics.COMPLETED]


def test_an_oversized_message_is_a_dead_letter_with_all_its_bytes(make_worker: MakeWorker) -> None:
    worker = make_worker(max_message_bytes=2048)
    log = Log()
    large = oversized("join", 3000)
    log.send(large)
    assert dead(worker.fold(log.records).outputs) == [("oversized", large.key, large.value)]


def test_a_conflict_is_a_dead_letter_of_the_input_that_came_second(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = log_of("R2 C0 F0 R2'")
    work = worker.fold(log.records)
    inputs = sent("R2 C0 F0 R2'")
    assert dead(work.outputs) == [
        ("upload_conflict", inputs[2].key, inputs[2].value),
        ("registration_conflict", inputs[3].key, inputs[3].value),
    ]


def test_a_foreign_record_is_a_dead_letter_where_it_stands(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = log_of("R1")
    log.append(b"what", [], key=b"who")
    log.append(None, [("x", b"y")])
    log.send(sent("R1 C0")[1])
    work = worker.fold(log.records)
    assert dead(work.outputs) == [("foreign_record", b"who", b"what"), ("foreign_record", None, None)]
    assert topics_of(work.outputs)[2:] == [topics.SLOT, topics.READY, topics.COMPLETED]
    headers = dict(work.outputs[0][3])
    assert (headers["rollcall.source.topic"], headers["rollcall.source.offset"]) == (b"rollcall-log", b"1")


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"short",
        None,
        source_header(1, 0, 0) + b"longer",
        source_header(len(names.INPUTS), 0, 0),
        source_header(255, 9, 9),
    ],
)
def test_a_record_whose_source_makes_no_sense_is_foreign(make_worker: MakeWorker, header: bytes | None) -> None:
    worker = make_worker()
    log = Log()
    log.append(b"what", [("s", header)], key=b"who")
    assert dead(worker.fold(log.records).outputs) == [("foreign_record", b"who", b"what")]
