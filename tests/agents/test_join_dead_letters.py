"""The join and what can not be used: dead letters with the original, its key, its place and the reason."""

import pytest

from app.core.fold import Outcome
from app.wire.record import source_header
from tests.agents.log import Log, MakeWorker, dead, topics_of
from tests.agents.test_join_inputs import log_of
from tests.core.play import sent
from tests.oracle import topics
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


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
@pytest.mark.parametrize("value", [None, b"", b"x"])
def test_null_and_empty_stay_what_they_are(make_worker: MakeWorker, key: bytes | None, value: bytes | None) -> None:
    worker = make_worker()
    log = Log()
    log.send(Message(topics.CONTENT, key, value))
    assert [(one, other) for _, one, other in dead(worker.fold(log.records).outputs)] == [(key, value)]


def test_every_malformed_message_is_a_dead_letter_and_the_stream_goes_on(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = Log()
    bad = [one for _, one in malformed("join")]
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
    [b"", b"short", None, source_header(1, 0, 0) + b"longer", source_header(3, 0, 0), source_header(255, 9, 9)],
)
def test_a_record_whose_source_makes_no_sense_is_foreign(make_worker: MakeWorker, header: bytes | None) -> None:
    worker = make_worker()
    log = Log()
    log.append(b"what", [("s", header)], key=b"who")
    assert dead(worker.fold(log.records).outputs) == [("foreign_record", b"who", b"what")]
