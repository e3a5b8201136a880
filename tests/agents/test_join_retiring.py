"""Batches are retired by ticks of the log: the same ones at the same records, however the log is cut or read again."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.batch_state import State
from app.core.facts import Retired
from tables import batches, closed, keys, pending, receipt_order, receipts
from tests.agents.log import Log, MakeWorker, Worker, dead, topics_of
from tests.agents.retirements import IDS, carried_out, left, log_of
from tests.core.acting import discard, extend, reopen
from tests.core.examples import examples
from tests.core.play import SECOND, START, sent
from tests.oracle import topics
from tests.support.events import Message

DAY = 86_400


def test_all_rows_go_and_two_stay(make_worker: MakeWorker) -> None:
    worker = make_worker().run(log_of("C0 F1 R3", "C2 C3 F4 R3'", "retire").records)
    (order, receipt) = sorted(left(worker).items())
    assert receipt[0] == receipts.key("b")
    assert order[0] == receipt_order.key(7)
    batch = worker.tables.batch("b")
    assert batch.state is State.RETIRED
    assert batches.batch_of("b", [receipt[1]]).receipt == batch.receipt
    assert len(order[0]) + len(order[1]) == 17 + 2 + len("b")


def test_a_receipt_takes_200_bytes_at_most_with_an_id_of_73(make_worker: MakeWorker) -> None:
    most = 2**31
    largest = Retired(
        2**62, 2**62, 2**62, "forced", most, most, most, most, most, b"d" * 16, b"r" * 16, b"e" * 16, most
    )
    assert len(receipts.key("i" * 73)) + len(batches.receipt(largest)) == 200
    worker = make_worker().run(log_of("R1 C0", "retire").records)
    assert sum(len(key) + len(value) for key, value in left(worker).items()) < 120 - 2 * len("b") + 2 * 36


def test_what_was_never_registered_and_has_expired_goes_without_a_receipt(make_worker: MakeWorker) -> None:
    log = log_of("C0 F1 C1@7", "tick")
    worker = make_worker().run(log.records)
    assert [key[:1] for key in left(worker)] == [keys.BATCHES, keys.CLOSED]
    worker.run([log.retire()])
    assert left(worker) == {}
    assert worker.tables.batch("b").last == -1


def test_what_waits_stays_and_so_does_what_has_changed_since(make_worker: MakeWorker) -> None:
    log = log_of("R2 C0", ("bb", "C0"), ("c", "R1 C0"))
    at = log.records[-1].offset
    log.send(sent("C7", "c")[0])
    log.retire("c", at)
    worker = make_worker().run(log.records)
    assert [worker.tables.batch(one).state for one in IDS] == [State.OPEN, State.UNREGISTERED, State.COMPLETE]


def test_late_inputs_are_dead_letters_once_with_their_bytes(make_worker: MakeWorker) -> None:
    log = log_of("R1 C0", "retire")
    late = [log.send(message) for message in sent("C0 C5 F6 R1 R2")]
    worker = make_worker().run(log.records)
    assert dead(worker.outputs) == [
        *(("batch_retired", record.headers[-1][1], record.value) for record in late[:3]),
        ("registration_conflict", late[4].headers[-1][1], late[4].value),
    ]
    assert topics_of(worker.outputs).count(topics.READY) == 1
    assert worker.tables.batch("b").state is State.RETIRED
    # The repartitioner repeats itself: the log has had these.
    worker.run([log.again(record) for record in late])
    assert len(dead(worker.outputs)) == 4


def test_an_act_on_a_retired_batch_is_refused_and_told(make_worker: MakeWorker) -> None:
    log = log_of("R1 C0", "retire")
    worker = make_worker().run(log.records)
    work = worker.fold([log.act("b", reopen("more"))])
    (note,) = work.notes
    assert (note.fields["act"], note.fields["batch_id"]) == ("reopen", "b")
    assert "retired" in str(note.fields["refused"])
    assert worker.tables.batch("b").state is State.RETIRED


def test_a_receipt_goes_in_its_turn_and_the_batch_is_then_new(make_worker: MakeWorker) -> None:
    worker = make_worker().run(log_of("R1 C0", "retire", "forget", "C0").records)
    assert worker.tables.batch("b").pending
    assert {key[:1] for key in left(worker)} == {keys.BATCHES, keys.PENDING, keys.WAITING}


def test_a_batch_that_was_opened_again_is_not_retired(make_worker: MakeWorker) -> None:
    log = log_of("R1 C0")
    log.act("b", reopen("more"))
    log.retire("~")
    worker = make_worker().run(log.records)
    assert worker.tables.batch("b").state is State.OPEN
    assert not list(worker.tables.resting())


# Cuts, crashes, repeats

STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(IDS), st.sampled_from(["R1", "R2", "C0", "C1", "F2", "C0@3", "R1 C0", "C0 R1"])),
        st.sampled_from(["retire", "retire", "forget", "tick"]),
    ),
    min_size=4,
    max_size=16,
)


def _told(worker: Worker) -> list[str]:
    """What was said; of what a tick says of several batches the order is none."""
    return sorted(str(output[:3]) for output in worker.outputs)


@examples(40)
@given(STEPS, st.sets(st.integers(1, 30), max_size=4))
def test_however_the_log_is_cut_the_same_batches_go(
    make_worker: MakeWorker, steps: list[str | tuple[str, str]], cuts: set[int]
) -> None:
    records = log_of(*steps).records
    whole, by_one, cut, parted = make_worker(), make_worker(), make_worker(), make_worker()
    whole.run(records)
    by_one.run(records, range(len(records)))
    cut.run(records, sorted(cuts))
    list(carried_out(parted, records))
    for other in (by_one, cut, parted):
        assert _told(other) == _told(whole)
        assert other.rows() == whole.rows()
        assert other.states(IDS) == whole.states(IDS) == other.live(IDS)


@examples(40)
@given(STEPS, st.integers(0, 40), st.integers(0, 40), st.integers(0, 12))
def test_state_that_is_ahead_of_the_offset_or_torn_comes_out_the_same(
    make_worker: MakeWorker, steps: list[str | tuple[str, str]], crash: int, back: int, rows_written: int
) -> None:
    """At least once: only a beginning of the rows of some changes is there, and records are read again."""
    records = log_of(*steps).records
    whole = make_worker().run(records)
    torn = make_worker()
    committed = 0
    for number, work in enumerate(torn.join.changes(records)):
        torn.outputs += work.outputs
        rows = list(work.rows.items())
        if number == crash % 6:
            torn.tables.write(dict(rows[:rows_written]), torn.store.offset, ())
            break
        torn.tables.write(work.rows, torn.store.offset, work.touched)
        committed = work.end if back % 3 else committed
    torn.start()
    list(carried_out(torn, records[committed:]))
    assert set(_told(torn)) == set(_told(whole))
    assert torn.states(IDS) == whole.states(IDS)
    log = Log()
    log.records = list(records)
    list(carried_out(torn, [log.tick(log.time + 9 * DAY * SECOND), log.retire("~"), log.forget("~")]))
    whole.run(log.records[-3:])
    assert torn.rows() == whole.rows()


def test_a_paused_worker_that_writes_rows_of_a_retired_batch_back_changes_nothing(make_worker: MakeWorker) -> None:
    log = log_of("C0 R2 C1", ("c", "R1 C0"))
    before = make_worker().run(log.records)
    late = left(before)
    worker = make_worker().run([*log.records, log.retire("~")])
    worker.tables.write(late, worker.store.offset, ())
    worker.start()
    assert worker.tables.batch("b").state is State.RETIRED
    worker.run([log.send(sent("C9")[0]), log.retire("~")])
    assert dead(worker.outputs)[-1][0] == "batch_retired"
    assert not [key for key in left(worker) if key[:1] in {keys.BATCHES, keys.PENDING, keys.CLOSED}]
    worker.tables.write(late, worker.store.offset, ())
    worker.start()
    worker.run([log.forget("~")])
    assert not [key for key in left(worker) if key[:1] in {keys.BATCHES, keys.PENDING, keys.RECEIPTS}]


def test_extended_and_dismissed_uploads_leave_nothing(make_worker: MakeWorker) -> None:
    log = log_of("C0 C1")
    log.act("b", extend(60))
    log.act("b", discard())
    log.retire("~")
    worker = make_worker().run(log.records)
    assert left(worker) == {}
    assert not list(worker.store.scan(pending.prefix("b")))
    assert closed.key_for(worker.tables.batch("b")) is None


def test_records_from_before_a_tick_that_has_forgotten_their_batch_are_done_with(make_worker: MakeWorker) -> None:
    """At least once: state is ahead of the offset, and what was a repeat would now be the first of a new batch."""
    log = log_of("C0", "tick")
    log.again(log.records[0])
    log.retire("~")
    worker = make_worker().run(log.records, range(5))
    said = len(worker.outputs)
    worker.start()
    list(carried_out(worker, log.records[2:]))
    assert left(worker) == {}
    assert len(worker.outputs) == said


def test_inputs_of_40_days_that_come_again_after_30_days_of_retention_give_no_slot_and_no_ready_again(
    make_worker: MakeWorker,
) -> None:
    """As messages sent again, and as the same messages read again."""
    log = Log()
    for day in range(40):
        for message in sent("C0 R2 C1 C2", f"day-{day}"):
            log.append(*_as_input(log, message), time=START + day * DAY * SECOND)
    inputs = list(log.records)
    worker = make_worker(batch_retention_seconds=30 * DAY).run(log.records)
    worker.join.retiring.complete = True
    now = START + 40 * DAY * SECOND
    worker.run([log.tick(now, *worker.join.retiring.headers(now))])
    assert [worker.tables.batch(f"day-{day}").state for day in (0, 9, 10, 11, 39)] == [
        State.RETIRED,
        State.RETIRED,
        State.RETIRED,
        State.COMPLETE,
        State.COMPLETE,
    ]
    first = [output for output in worker.outputs if output[0] in {topics.SLOT, topics.READY}]
    ids = {dict(headers)["event_id"] for *_, headers in first}
    worker.run([log.again(record) for record in inputs])
    sent_again = [log.send(message) for day in range(40) for message in sent("C0 R2 C1 C2", f"day-{day}")]
    worker.run(sent_again)
    again = [output for output in worker.outputs[len(first) :] if output[0] in {topics.SLOT, topics.READY}]
    assert {dict(headers)["event_id"] for *_, headers in again} <= ids
    assert topics_of(worker.outputs).count(topics.READY) == 40
    assert [reason for reason, *_ in dead(worker.outputs)] == ["batch_retired"] * 3 * 11


def _as_input(log: Log, message: Message) -> tuple[bytes | None, list[tuple[str, bytes | None]]]:
    record = log.send(message)
    log.records.pop()
    return record.value, record.headers
