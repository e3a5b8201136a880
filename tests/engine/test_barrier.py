"""The barrier (traps 2 and 4), without a broker: a real task, a real RocksDB, and acknowledgements that come late.

Nothing is offered for commit and nothing is written locally before every record that a chunk caused was acknowledged.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError, ProducerFenced

from agents import steps
from agents.poison import PoisonError
from app.core.fold import take
from app.core.names import CONTENT, DEAD_LETTER, OUTPUTS
from app.engine import task as task_module
from app.engine.deadline import Deadline
from app.engine.publish import PublishError
from app.engine.state import folded
from app.engine.task_manager import TaskManager
from app.engine.topics.ensure import log_topic
from app.settings import Settings
from app.topology import topology
from tests.engine.harness import flat
from tests.engine.rig import GUARANTEES, Guarantee, of_log, running
from tests.support.events import Message

LATE = 0.3  # seconds, three times the tenth of a second after which Faust's own flush gives up


async def test_at_least_once_says_everything_then_keeps_it_then_writes_it_and_only_then_offers_the_offset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path, "at_least_once", holds=lambda _: True) as rig:
        records = rig.feed("R2 C0 C1 C2")
        await rig.until(lambda: len(rig.sent) == 4)  # slots, ready, completed, excess
        await asyncio.sleep(LATE)
        assert rig.sent <= set(OUTPUTS), "the changelog waits for the outputs"
        assert rig.untouched
        rig.producer.acknowledge()
        await rig.until(lambda: rig.changelog in rig.sent)
        await asyncio.sleep(LATE)
        assert rig.untouched
        rig.producer.acknowledge()
        await rig.until(lambda: rig.task.acknowledged is not None)
        assert rig.task.acknowledged == records[-1].offset + 1
        rows = [record for batch in rig.producer.batches[rig.changelog, 0] for record in batch]
        assert rig.task.store.offset == len(rows)
        assert dict(rig.task.store.scan(b"b")).items() <= {row.key: row.value for row in rows}.items()


async def test_one_output_that_is_not_acknowledged_holds_everything_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ready = "huleedu.els.batch.essays.ready.v1"
    async with running(monkeypatch, tmp_path, "at_least_once", holds=lambda topic: topic == ready) as rig:
        rig.feed("R1 C0")
        await rig.until(lambda: rig.producer.held)
        await asyncio.sleep(LATE)
        assert rig.changelog not in rig.sent
        assert rig.untouched
        rig.producer.acknowledge()
        await rig.until(lambda: rig.task.acknowledged == 2)


async def test_exactly_once_commits_the_transaction_with_everything_in_it_before_the_local_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path, "exactly_once", holds=lambda _: True) as rig:
        committed, gate = [], asyncio.Event()

        async def commit() -> None:
            assert not rig.producer.held
            committed.append(rig.untouched)
            await gate.wait()

        monkeypatch.setattr(rig.producer, "commit_transaction", commit)
        records = rig.feed("R2 C0 C1")
        await rig.until(lambda: rig.changelog in rig.sent)
        await asyncio.sleep(LATE)
        assert rig.untouched
        assert not committed, "the commit waits for every acknowledgement"
        assert rig.producer.steps[:2] == ["start", "begin"]
        rig.producer.acknowledge()
        await rig.until(lambda: committed)
        await asyncio.sleep(LATE)
        assert rig.untouched, "the local write waits for the commit"
        gate.set()
        await rig.until(lambda: rig.task.acknowledged == records[-1].offset + 1)
        assert committed == [True]
        last = rig.producer.batches[rig.changelog, 0][-1][-1]
        assert (last.key, last.value) == (folded.KEY, folded.value(len(records))), "the offset is in it, as a row"


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("topic", ["output", "changelog"])
async def test_a_record_that_is_refused_leaves_nothing_committed_and_nothing_written(
    guarantee: Guarantee, topic: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path, guarantee) as rig:
        refused = rig.changelog if topic == "changelog" else "huleedu.els.essay.slot.assigned.v1"
        rig.producer.fails[refused, 0, 0] = KafkaTimeoutError("no acknowledgement")
        monkeypatch.setattr(task_module, "_REVOKE_PATIENCE", 0.1)
        rig.feed("R1 C0")
        await rig.until(lambda: rig.failures or rig.fenced)
        (error,) = rig.fenced if guarantee == "exactly_once" else rig.failures
        assert isinstance(error, PublishError)
        assert refused in str(error)
        assert rig.untouched
        assert "commit" not in rig.producer.steps


async def test_a_fenced_task_stands_still_until_its_partition_is_taken_away_and_says_so_if_it_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fenced = {(log_topic(Settings()).replace("-log", "-tables-changelog"), 0, 0): ProducerFenced()}
    async with running(monkeypatch, tmp_path / "taken", "exactly_once", fails=dict(fenced)) as rig:
        rig.feed("R1 C0")
        await asyncio.sleep(LATE)
        await rig.task.close(Deadline(1))
        assert not rig.failures
        assert not rig.fenced
        assert rig.task.acknowledged is None
    monkeypatch.setattr(task_module, "_REVOKE_PATIENCE", 0.1)
    async with running(monkeypatch, tmp_path / "left", "exactly_once", fails=dict(fenced)) as rig:
        rig.feed("R1 C0")
        await rig.until(lambda: rig.fenced)
        assert not rig.failures
        assert rig.untouched


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_a_chunk_that_is_given_up_at_a_revocation_is_not_acknowledged(
    guarantee: Guarantee, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path, guarantee, holds=lambda _: True) as rig:
        rig.feed("R1 C0")
        await rig.until(lambda: rig.producer.held)
        await rig.task.close(Deadline(0.1))
        assert rig.task.acknowledged is None
        rig.task.store.open()
        assert rig.untouched


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_an_exception_in_the_fold_sends_nothing_of_its_chunk_and_stops_the_task(
    guarantee: Guarantee, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        message = "a bug"
        raise ZeroDivisionError(message)

    async with running(monkeypatch, tmp_path, guarantee) as rig:
        monkeypatch.setattr(steps, "take", broken)
        rig.feed("R1 C0")
        await rig.until(lambda: rig.failures)
        assert isinstance(rig.failures[0], PoisonError)
        assert not rig.sent
        assert rig.untouched


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_a_copy_that_the_hop_made_of_a_skipped_record_does_not_stop_the_task_again(
    guarantee: Guarantee, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker that stops has not committed its inputs, so the log gets the poisoned one again after the restart."""
    async with running(monkeypatch, tmp_path, guarantee, skip=f"{CONTENT}:0:2") as rig:
        real = take

        def broken(batch: Any, event: Any, *rest: Any) -> Any:
            if getattr(event, "text_id", "") == "one.text-0001":
                raise ZeroDivisionError
            return real(batch, event, *rest)

        monkeypatch.setattr(steps, "take", broken)
        first = of_log(rig.settings, flat("R2 C0 C1", "one"))
        again = [record._replace(offset=record.offset + 3, timestamp=record.timestamp + 3) for record in first]
        rig.task.queue.offer([*first, *again])
        await rig.until(lambda: rig.failures or rig.task.acknowledged == 6)
        assert not rig.failures
        letters = [record for batch in rig.producer.batches[DEAD_LETTER, 0] for record in batch]
        assert [letter.value for letter in letters] == [first[2].value], "once, and not once a copy"


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_what_is_offered_for_commit_is_what_was_acknowledged(
    guarantee: Guarantee, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With transactions too: the group's offset of the log follows them."""
    async with running(monkeypatch, tmp_path, guarantee, holds=lambda _: True) as rig:
        engine = TaskManager(rig.settings, topology(rig.settings), rig.failures.append)
        engine.tasks[0] = rig.task
        rig.feed("R1 C0")
        await rig.until(lambda: rig.producer.held)
        assert engine.committable() == {}
        while rig.task.acknowledged is None:
            rig.producer.acknowledge()
            await asyncio.sleep(0.01)
        log = TopicPartition(log_topic(rig.settings), 0)
        assert engine.committable() == {log: 2}
        engine.committed({log: 2})
        assert engine.committable() == {}


@pytest.mark.parametrize("depth", [50, 960, 980, 985, 990])
async def test_a_value_nested_as_deeply_as_python_bears_is_served_or_a_dead_letter(
    depth: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What can be decoded can be encoded again: the stream goes on."""
    registration, content = flat("R1 C0", "deep")
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    value = registration.value or b""
    start = value.index(b'"student_prompt_ref":') + len(b'"student_prompt_ref":')
    end = value.index(b',"essay_instructions"')
    nested = Message(registration.topic, registration.key, value[:start] + deep + value[end:])
    async with running(monkeypatch, tmp_path, "at_least_once") as rig:
        rig.task.queue.offer(of_log(rig.settings, [nested, content]))
        await rig.until(lambda: rig.failures or rig.task.acknowledged == 2)
        assert not rig.failures
