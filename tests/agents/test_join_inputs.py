"""The join, record by record: what an input does, and what a repeat of the repartitioner does not."""

import json
from typing import Any

from app.core.fold import Outcome
from tables import keys
from tests.agents.log import Log, MakeWorker, Worker, topics_of
from tests.core.play import sent
from tests.oracle import topics
from tests.support.events import Message, content, encode, essay_ids, message, registration


def log_of(notation: str, batch: str = "b") -> Log:
    log = Log()
    for one in sent(notation, batch):
        log.send(one)
    return log


def test_a_batch_completes_and_its_rows_and_outputs_are_one_chunks_work(make_worker: MakeWorker) -> None:
    worker = make_worker()
    work = worker.fold(log_of("C0 R2 C1").records)
    assert topics_of(work.outputs) == [topics.SLOT, topics.SLOT, topics.READY, topics.COMPLETED]
    assert work.outcomes == {
        (topics.CONTENT, Outcome.HELD): 1,
        (topics.REGISTERED, Outcome.REGISTERED): 1,
        (topics.CONTENT, Outcome.ASSIGNED): 1,
    }
    assert work.said == {topics.SLOT: 2, topics.READY: 1, topics.COMPLETED: 1}
    assert worker.states(["b"]) == worker.live(["b"])
    assert worker.waiting() == []


def test_outputs_are_under_the_keys_and_headers_of_the_contract(make_worker: MakeWorker) -> None:
    worker = make_worker()
    work = worker.fold(log_of("R2 C0 C1").records)
    keys = [key for _, key, _, _ in work.outputs]
    assert keys == [b"b.essay-0000", b"b.essay-0001", b"b", b"b"]
    for topic, _, value, headers in work.outputs:
        envelope = json.loads(value or b"")
        assert [(name, (header or b"").decode()) for name, header in headers] == [
            ("event_id", envelope["event_id"]),
            ("event_type", topic),
            ("correlation_id", envelope["correlation_id"]),
        ]
        assert envelope["event_timestamp"] == "2026-03-02T09:00:00Z"
        assert envelope["source_service"] == "essay-lifecycle-service"


def test_an_input_that_the_hop_repeats_is_skipped_in_silence(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = log_of("R2 C0 C1@0 C2 C3")
    bad = log.send(Message(topics.CONTENT, b"k", b"no json"))
    first = list(log.records)
    worker.fold(first)
    before = worker.states(["b"])
    said = list(worker.outputs)
    repeats = [log.again(record) for record in [*first, bad]]
    for together in (True, False):
        worker.start()
        work = worker.run(repeats, () if together else range(len(repeats))).works[-1]
        assert {outcome for _, outcome in work.outcomes} == {Outcome.SKIPPED}
    assert worker.outputs == said
    assert worker.states(["b"]) == before


def test_a_repeat_of_the_hop_within_one_chunk_is_skipped_too(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = log_of("R2 C0 F0")
    for record in list(log.records):
        log.again(record)
    bad = log.send(Message(topics.CONTENT, b"k", b"no json"))
    log.again(bad)
    work = worker.fold(log.records)
    assert topics_of(work.outputs) == [topics.SLOT, topics.DEAD, topics.DEAD]
    assert work.outcomes[topics.CONTENT, Outcome.SKIPPED] == 2
    assert work.outcomes[topics.FAILED, Outcome.SKIPPED] == 1


def test_a_repeat_of_the_hop_that_is_not_known_is_folded(make_worker: MakeWorker) -> None:
    """The input topic was made anew, say: its offsets begin again, and what is new must not be lost."""
    worker = make_worker()
    worker.fold(log_of("R2 C0 C1").records)
    anew = Log()
    anew.records = [*log_of("R2 C0 C1").records]
    anew._ends.clear()
    for one in sent("C0 R1", "another"):
        anew.send(one)
    work = worker.fold(anew.records[3:])
    assert topics_of(work.outputs) == [topics.SLOT, topics.READY, topics.COMPLETED]


def test_a_redelivery_by_the_relay_is_answered(make_worker: MakeWorker) -> None:
    worker = make_worker()
    work = worker.fold(log_of("R2 C0 C0").records)
    assert topics_of(work.outputs) == [topics.SLOT, topics.SLOT]
    first, second = work.outputs
    assert (first[1], first[2], first[3]) == (second[1], second[2], second[3])


def test_inputs_of_other_partitions_have_watermarks_of_their_own(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = Log()
    for number, one in enumerate(sent("R3 C0 C1 C2")):
        log.send(one, partition=number)
    work = worker.fold(log.records)
    assert work.said[topics.SLOT] == 3
    assert worker.tables.watermarks() == {(0, 0): 0, (1, 1): 0, (1, 2): 0, (1, 3): 0}
    worker.start()
    assert worker.fold([log.again(record) for record in log.records[:4]]).outputs == []


def test_a_watermark_never_falls(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = log_of("R3 C0 C1 C2")
    worker.fold(log.records)
    worker.fold([log.again(log.records[1])])
    assert worker.tables.watermarks() == {(0, 0): 0, (1, 0): 2}


def test_pending_originals_are_kept_while_they_wait_and_no_longer(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = log_of("C0 F1 C0 C2 R2")
    worker.fold(log.records[:4])
    originals = [worker.tables.original("b", at) for at in range(4)]
    assert [None if original is None else original.value for original in originals] == [
        log.records[0].value,
        log.records[1].value,
        None,  # a repeat is one pending item
        log.records[3].value,
    ]
    assert worker.waiting() == [("HOLDING", log.records[0].timestamp, "b")]
    worker.fold(log.records[4:])
    assert [worker.tables.original("b", at) for at in range(4)] == [None] * 4
    assert worker.waiting() == []
    assert {key[:1] for key in worker.rows()} == {keys.SOURCES, keys.CLOSED}


def test_an_expected_count_that_differs_is_logged_and_the_ids_stand(make_worker: MakeWorker) -> None:
    worker = make_worker()
    log = Log()
    for _ in range(2):  # the repeat is not remarked upon again
        log.send(message(registration("b", essay_ids("b", 1), expected_essay_count=9)))
    log.send(sent("C0")[0])
    work = worker.fold(log.records)
    assert topics.READY in work.said
    assert work.mismatches == 1
    assert [note.event for note in work.notes] == ["registration contradicts itself"]


def test_records_of_many_batches_do_not_mix(make_worker: MakeWorker) -> None:
    worker = make_worker(capacity=1)  # nothing stays cached between chunks
    names = ["b", "b\x01", "b-1", "å"]
    log = Log()
    for step in range(3):
        for name in names:
            log.send(sent("C0 R2 C1", name)[step])
    worker.run(log.records, range(len(log.records)))
    counts: dict[Any, int] = {}
    for topic, _, value, _ in worker.outputs:
        batch = json.loads(value or b"")["data"]["batch_id"]
        counts[batch, topic] = counts.get((batch, topic), 0) + 1
    assert counts == {
        (name, topic): 2 if topic == topics.SLOT else 1
        for name in names
        for topic in (topics.SLOT, topics.READY, topics.COMPLETED)
    }


def test_provisioning_completed_is_a_setting(make_worker: MakeWorker) -> None:
    worker = make_worker(provisioning_completed=False, source_service="another")
    work = worker.fold(log_of("R1 C0").records)
    assert topics_of(work.outputs) == [topics.SLOT, topics.READY]
    assert json.loads(work.outputs[0][2] or b"")["source_service"] == "another"


def test_white_space_around_an_original_is_kept(make_worker: MakeWorker) -> None:
    worker: Worker = make_worker()
    value = b"\n " + encode(content("b", "u", "t")) + b" \n"
    log = Log()
    log.send(Message(topics.CONTENT, b"u", value))
    worker.fold(log.records)
    original = worker.tables.original("b", 0)
    assert original is not None
    assert original.value == value
