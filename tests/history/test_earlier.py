"""Of a batch that began before the log does, all is compared that the records have done to it that there still are."""

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.core.facts import Retired
from app.history.verify.comparison import Findings, Rows, compare
from app.history.verify.earlier import go_on
from app.history.verify.reference_model import ReferenceModel
from app.policy import policy_of
from tables import batches, pending, receipts
from tests.agents.log import Record
from tests.core.examples import examples
from tests.core.play import SECOND
from tests.history.log import BATCHES, STEPS, KeyedLog, Step, fold_all, log_of, refused, settings
from tests.support import events


def audited(log: KeyedLog, begin: int, change: Any = lambda rows: rows) -> Findings:
    """What the audit finds of a log of which the records before ``begin`` are gone, with the rows of all of it."""
    with capture_logs():
        folder, said = fold_all(log, settings())
    store = folder._slice.store
    rows: dict[str, Rows] = {}
    for batch_id in BATCHES:
        values = receipts.state_of(store, batch_id)
        if values:
            rows[batch_id] = values, set(map(pending.offset_of, store.keys(pending.prefix(batch_id))))
    rows = change(rows)
    policy = policy_of(settings())
    model = ReferenceModel(policy.readiness_timeout, policy.pending_ttl, *refused(said))
    go_on(model, {batch_id: values for batch_id, (values, _) in rows.items()}, begin)
    for record in log.records[begin:]:
        model.take(record.offset, record.timestamp, record.headers, record.value)
    found = Findings()
    found.begin, found.let_go = begin, model.let_go
    compare(0, len(log.records), rows, model.batches, found)
    return found


def source_of(record: Record) -> bytes | None:
    """Which input a record is of: one of which the first is gone is not taken for a repeat, and in seconds, as repeats
    come, no batch is forgotten.
    """
    return dict(record.headers).get("s")


@examples(400)
@given(STEPS, st.integers(0, 30))
def test_wherever_a_log_begins_what_its_records_do_is_what_the_state_says(steps: list[Step], begin: int) -> None:
    log = log_of(steps)
    begin = min(begin, len(log.records))
    assume(not set(map(source_of, log.records[:begin])) & set(map(source_of, log.records[begin:])) - {None})
    found = audited(log, begin)
    assert not found.total, found.differences


def story() -> KeyedLog:
    log = KeyedLog()
    log.send_event(events.registration("one", ["first", "second", "third"]))
    log.send_event(events.content("one", "u0", "t0"))
    log.send_event(events.content("two", "u0", "t0"))
    log.send_event(events.content("one", "u1", "t1"))
    log.send_event(events.failure("one", "u2"))
    log.send_event(events.content("one", "u3", "t3"))
    return log


def without(rows: dict[str, Rows], at: int) -> dict[str, Rows]:
    """The rows without the facts of a log offset."""
    return {
        batch_id: ([batches.row(batch_id, kept)[1] for value in values if (kept := _kept(value, at))], originals)
        for batch_id, (values, originals) in rows.items()
    }


def _kept(value: bytes, at: int) -> list[Any]:
    return [fact for fact in batches.facts_of(value) if fact.at != at]


@pytest.mark.parametrize("begin", [1, 2, 3])
@pytest.mark.parametrize("at", [3, 4, 5])
def test_a_fact_that_is_missing_of_a_batch_that_began_before_is_a_difference(begin: int, at: int) -> None:
    found = audited(story(), begin, lambda rows: without(rows, at))
    assert {difference.batch_id for difference in found.differences} == {"one"}
    assert found.partial >= 1


def test_a_batch_is_counted_as_partial_only_where_it_began_before() -> None:
    log = story()
    assert [audited(log, begin).partial for begin in (0, 1, 3)] == [0, 1, 2]


def test_a_deadline_from_before_is_kept() -> None:
    log = story()
    log.tick(log.time + 7 * SECOND)
    assert not audited(log, 3).total
    found = audited(log, 3, lambda rows: without(rows, log.records[-1].offset))
    fields = {(difference.batch_id, difference.field) for difference in found.differences}
    assert fields == {("two", "pending"), ("two", "originals")}


def test_of_a_batch_that_was_retired_since_the_receipt_counts_at_least_the_uploads_that_the_log_has() -> None:
    log = story()
    log.retire("~")
    log.send_event(events.content("one", "u9", "t9"))  # a dead letter
    assert not audited(log, 3).total

    def fewer(rows: dict[str, Rows]) -> dict[str, Rows]:
        (value,), _ = rows["one"]
        (receipt,) = batches.facts_of(value)
        assert isinstance(receipt, Retired)
        less = batches.receipt(msgspec.structs.replace(receipt, filled=0, excess=0))
        return rows | {"one": ([less], set())}

    found = audited(log, 3, fewer)
    assert [(difference.batch_id, difference.field) for difference in found.differences] == [("one", "uploads")]


@pytest.mark.parametrize("again", [[("u0", "t0")], [("u0", None), ("u1", "t0")]], ids=["a failure", "a text"])
def test_an_upload_that_the_receipt_counts_by_a_record_that_is_gone_may_be_met_as_another(again: list[Any]) -> None:
    """Its first record is a failure, and a text follows; or a text, and its failure and the same text follow."""
    log = KeyedLog()
    first = events.failure("one", "u0") if len(again) == 1 else events.content("one", "u0", "t0")
    log.send_event(first)
    log.send_event(events.registration("one", ["first"]))
    for upload, text in again:
        log.send_event(events.failure("one", upload) if text is None else events.content("one", upload, text))
    log.retire("~")
    found = audited(log, 2)
    assert not found.total, found.differences


def test_a_batch_without_rows_that_no_tick_has_forgotten_is_a_difference() -> None:
    log = story()
    found = audited(log, 3, lambda rows: {"two": rows["two"]})
    assert {difference.batch_id for difference in found.differences} == {"one"}
    log.retire("~")
    log.forget("~")
    assert not audited(log, 3).total


def forgotten_once(log: KeyedLog) -> None:
    """A batch whose only upload has expired: without its first record, the conflict is an upload that waits."""
    log.send_event(events.content("one", "u0", "t0"))
    log.tick(log.time + 4 * SECOND)
    log.send_event(events.failure("one", "u0"))
    log.tick(log.time + 3 * SECOND)
    log.retire("~")


def test_a_batch_that_was_forgotten_and_began_again_is_compared_from_there_on() -> None:
    log = KeyedLog()
    forgotten_once(log)
    log.send_event(events.content("one", "u1", "t1"))
    found = audited(log, 1)
    assert (found.total, found.partial) == (0, 1), found.differences
    lost = audited(log, 1, lambda rows: without(rows, log.records[-1].offset))
    assert lost.total or lost.partial


def test_what_a_forgotten_batch_had_is_not_asked_of_the_receipt_of_the_next_one_with_its_id() -> None:
    log = KeyedLog()
    log.send_event(events.content("one", "u0", "t0"))
    log.send_event(events.content("one", "u1", "t1"))
    log.send_event(events.registration("one", ["first", "second", "third"]))
    log.send_event(events.content("one", "u2", "t2"))
    log.retire("~")
    log.forget("~")
    log.send_event(events.registration("one", ["another"]))
    log.send_event(events.content("one", "u3", "t3"))
    log.retire("~")
    found = audited(log, 2)
    assert (found.total, found.partial) == (0, 1), found.differences


def test_a_batch_whose_first_row_is_missing_is_a_difference_though_older_ones_were_retired_meanwhile() -> None:
    log = KeyedLog()
    log.send_event(events.registration("one", ["first"]))
    log.send_event(events.content("one", "u1", "t1"))
    first = log.send_event(events.content("two", "u2", "t2"))
    log.retire("~", 1)
    log.send_event(events.content("two", "u3", "t3"))
    found = audited(log, 1, lambda rows: rows | without({"two": rows["two"]}, first.offset))
    assert {difference.batch_id for difference in found.differences} == {"two"}


def test_a_row_without_facts_is_a_difference_and_no_error() -> None:
    found = audited(story(), 3, lambda rows: rows | {"one": ([b"\x01\x90"], set())})  # a format, and an empty array
    assert {difference.batch_id for difference in found.differences} == {"one"}
