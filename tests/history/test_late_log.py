"""History over a log of which the beginning is gone: it says where the log begins, and what it can't compare."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from app.engine.kafka.clients import admin_client
from app.history.copy import copy_log
from app.history.tell.at import state_at
from app.history.tell.timeline import timeline
from app.history.times import iso
from app.history.verify.audit import audit
from app.history.verify.replay import replay
from app.settings import Settings
from tests.contract.notation import messages, parse
from tests.engine.harness import until
from tests.support.events import Message
from tests.support.forks import run_all
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

GIVEN = {"partitions": 1, "readiness_timeout_seconds": 0, "batch_retention_seconds": 3, "tick_seconds": 0.1}


def flat(notation: str, batch: str) -> list[Message]:
    return [message for step in messages(parse(notation), batch) for message in step]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Settings, int]]:
    """A log whose first records are gone, the settings, and the offset at which it begins."""
    environment = {f"ROLLCALL_{name.upper()}": str(value) for name, value in GIVEN.items()}
    with Stage(tmp_path_factory.mktemp("late"), settings=environment) as stage:
        worker = stage.worker(app_id="late")
        worker.start()
        settings = Settings(broker=stage.kafka.bootstrap, app_id="late", **GIVEN)  # type: ignore[arg-type]
        stage.io.produce([*flat("R3 C0", "before"), *flat("C0", "pending"), *flat("R1 C0", "gone")])
        stage.wait_folded("late")
        log = TopicPartition(settings.log_topic, 0)
        (end,) = stage.io.ends([settings.log_topic]).values()

        async def cut() -> None:
            async with admin_client(settings) as admin:
                await admin.delete_records({log: RecordsToDelete(end)})

        stage.io.call(cut())
        stage.io.produce([*flat("R3 C0 C1 C2", "before")[2:], *flat("C0 R1 F1", "pending")[1:]])
        stage.io.produce(flat("C0 R2 F1", "within"))
        stage.wait_folded("late")
        yield stage, settings, end


def test_overview_metrics_and_status_say_where_the_log_begins_and_since_when(late: tuple[Stage, Settings, int]) -> None:
    stage, settings, begin = late
    (worker,) = stage.workers
    worker.stop()
    worker.start()
    until(lambda: overview(worker)["partitions"][0]["begins_time"] is not None, "the beginning is known")
    (partition,) = overview(worker)["partitions"]
    then = call(stage, state_at(settings, "within"))
    assert then.beginning is not None
    assert then.beginning.time is not None
    assert (partition["begins_at"], partition["begins_time"]) == (begin, iso(then.beginning.time))
    assert f'rollcall_log_begin_offset{{partition="0"}} {begin}.0' in worker.get("/metrics")[1]
    (answer,) = run_all([["status"]], worker.env)
    says = f"Log partition 0 begins at offset {begin} ({iso(then.beginning.time)}): what was before is gone."
    assert says in answer.stdout


def overview(worker: Worker) -> Any:
    return json.loads(worker.get("/api/overview")[1])


def call(stage: Stage, work: Any) -> Any:
    return stage.io.call(work)


def told(stage: Stage, begin: int, work: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """The first report that leaves out none: of a batch that was retired by a tick beyond what the group has committed,
    which a moment later it has, nothing is compared. None of the reports has a difference.
    """

    def complete() -> Any:
        found = call(stage, work())
        assert found.same, found.differences
        assert any(f"begins at offset {begin} (20" in note for note in found.notes), found.notes
        return found if enough(found) else None

    return until(complete, "the group has committed what retired batches")


def test_the_audit_compares_what_it_can_and_counts_the_others(late: tuple[Stage, Settings, int]) -> None:
    stage, settings, begin = late
    found = told(stage, begin, lambda: audit(settings), lambda found: found.batches >= 3)
    assert 1 <= found.partial <= 3


def test_the_replay_compares_what_it_can_and_counts_the_others(late: tuple[Stage, Settings, int]) -> None:
    stage, settings, begin = late
    found = told(stage, begin, lambda: replay(settings), lambda found: found.partial >= 2)
    assert found.partial <= 3
    assert call(stage, replay(settings, "within")).same
    one = call(stage, replay(settings, "before"))
    assert (one.same, one.partial >= 1) == (True, True)


def test_a_timeline_begins_with_the_facts_whose_records_are_gone(late: tuple[Stage, Settings, int]) -> None:
    stage, settings, begin = late
    found = call(stage, timeline(settings, "before"))
    assert not found.complete
    assert f"begins at offset {begin} (20" in (found.note or "")
    if found.entries[0].event == "facts":  # until it is retired
        assert "registered with 3 slots" in found.entries[0].facts
        assert [entry.event for entry in found.entries[1:3]] == ["content", "content"]
        assert "the batch is complete" in found.entries[2].effect
    whole = call(stage, timeline(settings, "within"))
    assert [entry.event for entry in whole.entries[:3]] == ["content", "registration", "failure"]


def test_a_state_at_a_point_goes_on_from_the_facts_and_says_where_the_log_begins(
    late: tuple[Stage, Settings, int],
) -> None:
    stage, settings, begin = late
    then = call(stage, state_at(settings, "within"))
    assert then.beginning is not None
    assert then.beginning.offset == begin
    assert (then.batch.filled, then.batch.failed) == (1, 1) or then.batch.receipt is not None


def test_a_copy_has_what_there_is_and_its_replay_says_what_it_lacks(late: tuple[Stage, Settings, int]) -> None:
    stage, settings, begin = late
    fresh, count = call(stage, copy_log(settings, "late-copy"))
    assert count > 0
    found = call(stage, replay(settings, log_of=fresh))
    assert found.same, found.differences
    assert any(f"begins at offset {begin} (20" in note for note in found.notes), found.notes
