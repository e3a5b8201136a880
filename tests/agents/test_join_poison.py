"""A bug in the fold stops the worker with all that is needed to go on; nothing of the chunk is published or written."""

from collections.abc import Sequence
from sys import maxsize

import pytest

import agents.contents
import agents.steps
from agents.poison import PoisonError
from app.core.batch import Batch
from app.core.events import Content, Event, Policy, Position
from app.core.fold import Taken, take, take_contents
from tests.agents.log import Log, MakeWorker, dead, topics_of
from tests.core.play import START, sent, state
from tests.oracle import topics


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fold fails on text 1."""

    def fold_with_a_bug(batch: Batch, event: Event, position: Position, policy: Policy, most: int) -> Taken:
        if isinstance(event, Content) and event.text_id.endswith("1"):
            message = "no such thing"
            raise KeyError(message)
        return take(batch, event, position, policy, most)

    def content_with_a_bug(batch: Batch, content: Content, position: Position, policy: Policy) -> Taken:
        return fold_with_a_bug(batch, content, position, policy, maxsize)

    def contents_with_a_bug(batch: Batch, contents: Sequence[Content], at: Sequence[int]) -> object:
        for content in contents:
            if content.text_id.endswith("1"):
                raise KeyError(at)
        return take_contents(batch, contents, at)

    monkeypatch.setattr(agents.steps, "take", fold_with_a_bug)
    monkeypatch.setattr(agents.contents, "take_contents", contents_with_a_bug)
    monkeypatch.setattr(agents.contents, "take_content", content_with_a_bug)


SKIP = f"ROLLCALL_SKIP_POISON={topics.CONTENT}:0:1,"  # the comma: what follows in the message


def log() -> Log:
    found = Log()
    for message in sent("R3 C0 C1 C2"):
        found.send(message)
    return found


@pytest.mark.usefixtures("broken")
def test_a_bug_in_the_fold_names_the_record_its_batch_the_cause_and_the_way_on(make_worker: MakeWorker) -> None:
    worker = make_worker()
    with pytest.raises(PoisonError) as caught:
        worker.join.fold(log().records)
    text = str(caught.value)
    for part in ("rollcall-log", "offset 2", "batch b", "KeyError", f"{topics.CONTENT} partition 0 offset 1", SKIP):
        assert part in text
    assert isinstance(caught.value.__cause__, KeyError)
    assert list(worker.store.scan(b"b")) == []


@pytest.mark.usefixtures("broken")
def test_a_record_that_is_skipped_goes_to_the_dead_letters_and_the_rest_is_folded(make_worker: MakeWorker) -> None:
    worker = make_worker(skip_poison=f"{topics.FAILED}:0:1, {topics.CONTENT}:0:1")
    records = log().records
    work = worker.fold(records)
    assert topics_of(work.outputs) == [topics.SLOT, topics.DEAD, topics.SLOT]
    original = sent("R3 C0 C1 C2")[2]
    assert dead(work.outputs) == [("poison", original.key, original.value)]
    headers = dict(work.outputs[1][3])
    assert (headers["rollcall.source.topic"], headers["rollcall.source.offset"]) == (topics.CONTENT.encode(), b"1")
    assert worker.tables.watermarks()[1, 0] == 2


def test_a_position_of_another_partition_skips_nothing(make_worker: MakeWorker) -> None:
    worker = make_worker(skip_poison=f"{topics.CONTENT}:1:1, {topics.REGISTERED}:0:1, rollcall-log:0:2")
    assert topics.DEAD not in topics_of(worker.fold(log().records).outputs)


def test_any_record_may_be_skipped(make_worker: MakeWorker) -> None:
    worker = make_worker(skip_poison=f"{topics.CONTENT}:0:0,rollcall-log:0:1,rollcall-log:0:2", pending_ttl_seconds=1)
    found = Log()
    found.send(sent("C0")[0])
    found.tick(START + 10**9)
    found.append(b"what", [], key=b"who")
    work = worker.fold(found.records)
    assert [reason for reason, _, _ in dead(work.outputs)] == ["poison"] * 3
    assert worker.states(["b"])["b"] == state(Batch("b"))


def test_a_bug_on_a_tick_is_named_too(make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = make_worker(pending_ttl_seconds=1)
    found = Log()
    found.send(sent("C0")[0])
    worker.fold(found.records)

    def fail(*_: object) -> Taken:
        raise ZeroDivisionError

    monkeypatch.setattr(agents.steps, "take", fail)
    with pytest.raises(PoisonError, match=r"offset 1\b.*batch b"):
        worker.join.fold([found.tick(START + 10**9)])


def test_an_original_that_is_missing_is_named(make_worker: MakeWorker) -> None:
    worker = make_worker(pending_ttl_seconds=1)
    found = Log()
    found.send(sent("C0")[0])
    work = worker.join.fold(found.records)
    worker.tables.write({key: value for key, value in work.rows.items() if not key.startswith(b"p")}, 1, [])
    worker.start()
    with pytest.raises(PoisonError, match=r"batch b.*log offset 0 is missing"):
        worker.join.fold([found.tick(START + 10**9)])


@pytest.mark.usefixtures("broken")
def test_a_copy_of_a_skipped_input_that_the_hop_made_is_skipped_and_no_second_dead_letter(
    make_worker: MakeWorker,
) -> None:
    worker = make_worker(skip_poison=f"{topics.CONTENT}:0:1")
    found = log()
    for record in list(found.records):
        found.again(record)
    work = worker.run(found.records, (5, 6)).outputs
    assert [reason for reason, _, _ in dead(work)] == ["poison"]
