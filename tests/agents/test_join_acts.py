"""What operators do, through the join: records of the log with no input behind them."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.poison import PoisonError
from app.core import names
from app.core.batch_state import State
from app.core.fold import Outcome
from app.engine.state.memory_store import MemoryStore
from app.wire.acts import encode
from app.wire.record import ACT_HEADER
from tables import batches, keys, waiting
from tests.agents.log import Log, MakeWorker, Worker, dead, topics_of
from tests.core.acting import discard, discard_upload, extend, force, reopen
from tests.core.examples import examples
from tests.core.play import SECOND, START, sent
from tests.core.sequences import sequences
from tests.core.test_acts_always import ACTS

DAY = 86_400_000  # ms


def formats(worker: Worker) -> list[int]:
    """Return the format of each row of the batch."""
    return [value[0] for _, value in worker.store.scan(batches.prefix("b"))]


def one(worker: Worker, topic: str) -> Any:
    """Return the data of the only event on a topic."""
    (value,) = [value for found, _, value, _ in worker.outputs if found == topic]
    return json.loads(value or b"")["data"]


def test_a_batch_is_forced_and_what_was_said_stands_in_its_rows(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    for message in sent("R3 C0"):
        log.send(message)
    log.act("b", force())
    worker.run(log.records, cuts=[2])
    ready = one(worker, names.READY)
    assert (ready["expected_count"], ready["failed_count"], len(ready["ready_essays"])) == (3, 0, 1)
    assert worker.works[1].outcomes == {("rollcall-log", Outcome.ACTED): 1}
    assert worker.waiting() == []
    assert worker.live(["b"]) == worker.states(["b"])
    assert formats(worker) == [1, 2]
    assert [note.event for work in worker.works for note in work.notes] == ["operator act"]


def test_an_act_has_no_source_and_moves_no_watermark(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    log.send(sent("C0")[0])
    worker.run(log.records)
    before = worker.tables.watermarks()
    worker.fold([log.act("b", extend(5))])
    assert worker.tables.watermarks() == before


def test_what_an_operator_gives_up_carries_the_whole_original_whose_row_goes(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    messages = sent("C0 F1")
    for message in messages:
        log.send(message)
    worker.run(log.records)
    worker.fold([log.act("b", discard_upload(1))])
    gone = one(worker, names.EXPIRED)
    assert gone["reason"] == "DISCARDED_BY_OPERATOR"
    assert (gone["original_topic"], gone["original"]) == (names.FAILED, json.loads(messages[1].value or b""))
    assert gone["timestamp"] == "2026-03-02T09:00:02Z"
    assert [key[-8:] for key, _ in worker.store.scan(keys.PENDING)] == [(0).to_bytes(8, "big")]
    worker.outputs.clear()
    worker.fold([log.act("b", discard())])
    assert one(worker, names.EXPIRED)["original"] == json.loads(messages[0].value or b"")
    assert list(worker.store.scan(keys.PENDING)) == []
    assert worker.waiting() == []


def test_an_upload_is_given_up_in_the_chunk_that_brought_it(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    log.send(sent("C0")[0])
    log.act("b", discard())
    worker.run(log.records)
    assert topics_of(worker.outputs) == [names.EXPIRED]
    assert list(worker.store.scan(keys.PENDING)) == []


def test_an_original_that_a_crash_left_behind_goes_when_the_act_is_read_again(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    log.send(sent("C0")[0])
    worker.run(log.records)
    left = list(worker.store.scan(keys.PENDING))
    record = log.act("b", discard())
    worker.fold([record])
    worker.store.write(left, worker.store.offset)  # facts and outputs went out, the deletion behind them did not
    worker.start()
    assert worker.fold([record]).outputs == []
    assert list(worker.store.scan(keys.PENDING)) == []


def test_the_index_of_deadlines_follows_an_extension(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    log.send(sent("R2")[0])
    worker.run(log.records)
    worker.fold([log.act("b", extend(3600))])
    assert worker.waiting() == [("OPEN", START + 3_600_000, "b")]
    assert worker.join.deadline() == START + 3_600_000 + DAY
    assert topics_of(worker.fold([log.tick(START + DAY)]).outputs) == []
    late = worker.fold([log.tick(START + DAY + 3_600_000)])
    assert topics_of(late.outputs) == [names.TIMEOUT]
    assert one(worker, names.TIMEOUT)["timeout_duration_seconds"] == 90_000
    assert worker.waiting() == [("LATE", START + 3_600_000, "b")]


def test_what_is_pending_expires_later_by_an_extension(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    log.send(sent("C0")[0])
    worker.run([*log.records, log.act("b", extend(60))], cuts=[1])
    assert worker.waiting() == [("HOLDING", START + 60_000, "b")]
    assert topics_of(worker.fold([log.tick(START + DAY)]).outputs) == []
    assert topics_of(worker.fold([log.tick(START + DAY + 60_000)]).outputs) == [names.EXPIRED]
    assert one(worker, names.EXPIRED)["timestamp"] == "2026-03-03T09:01:00Z"
    assert worker.waiting() == []


def test_a_batch_that_is_opened_again_waits_again(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    for message in sent("R1 C0"):
        log.send(message)
    worker.run([*log.records, log.act("b", reopen("more"))], cuts=[2])
    assert worker.waiting() == [("OPEN", START + 2 * SECOND, "b")]


def test_an_act_that_comes_again_is_counted_as_a_repeat_and_says_nothing(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    for message in sent("R2 C0"):
        log.send(message)
    act = force()
    worker.run([*log.records, log.act("b", act)])
    work = worker.fold([log.act("b", act)])
    assert (work.outputs, work.outcomes) == ([], {("rollcall-log", Outcome.REPEATED): 1})
    assert not [key for key in work.rows if key.startswith(keys.BATCHES)]


def test_a_refused_act_is_in_the_rows_of_a_batch_that_nobody_knew(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    worker.fold([log.act("b", force())])
    (kept,) = worker.tables.batch("b").acts.values()
    assert kept.refused is not None
    assert worker.states(["b"])["b"]["acts"] == {kept.act.act_id: kept}
    assert worker.works[0].outcomes == {("rollcall-log", Outcome.REFUSED): 1}
    assert (worker.outputs, worker.waiting()) == ([], [])


ID = str(UUID(int=7))
GOOD = {"act": "force_complete", "act_id": ID, "batch_id": "b", "who": "ada", "why": "late"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null_value"),
        (b"", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "invalid_field"),
        (b"[]", "invalid_field"),
        (json.dumps(GOOD | {"act": "explode"}).encode(), "invalid_field"),
        (json.dumps(GOOD | {"more": 1}).encode(), "invalid_field"),
        (json.dumps({name: value for name, value in GOOD.items() if name != "why"}).encode(), "missing_field"),
        (json.dumps(GOOD | {"batch_id": "another"}).encode(), "invalid_field"),
        (json.dumps(GOOD | {"why": "x" * 2_000_000}).encode(), "oversized"),
    ],
)
def test_an_act_that_can_not_be_used_is_a_dead_letter_and_the_stream_goes_on(
    make_worker: MakeWorker, value: bytes | None, reason: str
) -> None:
    log, worker = Log(), make_worker()
    log.append(value, [(ACT_HEADER, b"1")], key=b"b")
    log.send(sent("C0")[0])
    worker.run(log.records)
    assert dead(worker.outputs) == [(reason, b"b", value)]
    headers = dict(worker.outputs[0][3])
    place = [headers[f"rollcall.source.{name}"] for name in ("topic", "partition", "offset")]
    assert place == [b"rollcall-log", b"0", b"0"]
    assert worker.works[0].outcomes["rollcall-log", Outcome.REJECTED] == 1
    assert len(worker.tables.batch("b").pending) == 1


def test_a_record_that_is_nothing_of_ours_stays_a_dead_letter(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    _, value, _ = encode("b", force())
    log.append(value, [("x", b"1")], key=b"b")
    worker.run(log.records)
    assert [reason for reason, *_ in dead(worker.outputs)] == ["foreign_record"]


def test_an_input_that_carries_the_header_of_an_act_is_an_input(make_worker: MakeWorker) -> None:
    log, worker = Log(), make_worker()
    record = log.send(sent("C0")[0])
    record.headers.append((ACT_HEADER, b"1"))
    worker.run([record])
    assert worker.tables.batch("b").state is State.UNREGISTERED
    assert len(worker.tables.batch("b").pending) == 1


def test_a_bug_in_an_act_names_its_place_in_the_log_and_can_be_skipped(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        message = "a bug"
        raise ValueError(message)

    log, worker = Log(), make_worker()
    log.act("b", force())
    monkeypatch.setattr("app.core.rules.decide_act", broken)
    with pytest.raises(PoisonError, match="ROLLCALL_SKIP_POISON=rollcall-log:0:0"):
        worker.run(log.records)
    again = make_worker(skip_poison="rollcall-log:0:0")
    again.run(log.records)
    assert [reason for reason, *_ in dead(again.outputs)] == ["poison"]


@examples(80)
@given(
    sequences(),
    st.lists(st.tuples(st.integers(0, 10), ACTS), max_size=5),
    st.sets(st.integers(1, 20), max_size=4),
    st.sets(st.integers(1, 20), max_size=2),
)
def test_chunks_and_restarts_change_nothing(
    sequence: str, acts: list[tuple[int, Any]], cuts: set[int], restarts: set[int]
) -> None:
    log = Log()
    inputs = sent(sequence)
    for number in range(len(inputs) + 1):
        for place, act in acts:
            if min(place, len(inputs)) == number:
                log.act("b", act)
        if number < len(inputs):
            log.send(inputs[number])
    log.tick(log.time + DAY + 60_000)
    whole, cut = Worker(MemoryStore()), Worker(MemoryStore())
    whole.run(log.records)
    start = 0
    for end in [*sorted(restart for restart in restarts if restart < len(log.records)), len(log.records)]:
        cut.run(log.records[max(0, start - 2) : end], sorted(cuts))  # the last two are read again, as after a crash
        cut.start()
        start = end
    assert cut.states(["b"]) == whole.states(["b"]) == whole.live(["b"])
    assert cut.rows() == whole.rows()
    once = {(topic, value) for topic, _, value, _ in whole.outputs}
    assert {(topic, value) for topic, _, value, _ in cut.outputs} == once
    expected = waiting.key_for(whole.tables.batch("b"))
    assert [key for key, _ in whole.store.scan(keys.WAITING)] == ([] if expected is None else [expected])
