"""Retention on real workers: batches go after seconds, receipts stay, and what comes late is answered from them."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.history.verify.audit import audit
from app.history.verify.replay import replay
from app.settings import Settings
from tests.contract.notation import messages, parse
from tests.oracle import topics
from tests.support.events import Message, redelivered_message
from tests.support.kafka_io import Reader
from tests.support.patience import PATIENCE
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

GUARANTEES = ("exactly_once", "at_least_once")
SETTINGS = {
    "ROLLCALL_BATCH_RETENTION_SECONDS": "2",
    "ROLLCALL_RECEIPT_RETENTION_SECONDS": "0",
    "ROLLCALL_READINESS_TIMEOUT_SECONDS": "0",
    # None is given up: on a busy machine a content may be pending for seconds before its registration is read.
    "ROLLCALL_PENDING_TTL_SECONDS": "0",
    "ROLLCALL_TICK_SECONDS": "0.1",
}


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("retention"), settings=SETTINGS) as made:
        yield made


def flat(notation: str, batch: str) -> list[Message]:
    return [message for step in messages(parse(notation), batch) for message in step]


def until(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def asked(worker: Worker, path: str) -> Any:
    status, body = worker.get(path)
    return json.loads(body) if status == 200 else {"status": status}


def retired(worker: Worker) -> int:
    overview = asked(worker, "/api/overview")
    return overview.get("retired") or 0 if not overview.get("missing") else 0


def of(read: Reader, batch: str) -> Counter[str]:
    """How many different outputs there are about a batch, by topic."""
    found = {
        (record.topic, record.key, dict(record.headers).get("event_id"), dict(record.headers).get("rollcall.reason"))
        for record in read.records
        if batch.encode() in (record.value or b"")
    }
    return Counter(topic for topic, *_ in found)


def same(stage: Stage, app_id: str, **settings: Any) -> None:
    """The audit and the replay find no difference."""
    given = {name.removeprefix("ROLLCALL_").lower(): value for name, value in SETTINGS.items()}
    chosen = Settings(broker=stage.kafka.bootstrap, app_id=app_id, **given | settings)
    audited = stage.io.call(audit(chosen))
    assert audited.same, audited.differences
    replayed = stage.io.call(replay(chosen))
    assert replayed.same, replayed.differences


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_closed_batch_is_retired_and_what_comes_late_is_answered_from_its_receipt(
    stage: Stage, guarantee: str
) -> None:
    app_id, batch = f"late-{guarantee.replace('_', '-')}", f"late-{guarantee}"
    settings = {"ROLLCALL_PROCESSING_GUARANTEE": guarantee, "ROLLCALL_PENDING_TTL_SECONDS": "1"}
    worker = stage.worker(app_id=app_id, settings=settings)
    worker.start()
    read = stage.reader(read_committed=guarantee == "exactly_once")
    content, registration, failure = flat("C0 R2 F1", batch)
    # First, or what is pending may be given up after the second that the settings give it.
    stage.io.produce([registration])
    until(lambda: asked(worker, f"/api/batches/{batch}").get("state") == "open", "the batch is registered")
    never, still_open = flat("C0", f"never-{guarantee}"), flat("R2 C0", f"open-{guarantee}")
    stage.io.produce([content, failure, *never, *still_open])
    until(lambda: asked(worker, f"/api/batches/{batch}").get("state") == "retired", "the batch is retired")
    shown = asked(worker, f"/api/batches/{batch}")
    assert (shown["filled"], shown["failed"], shown["slots"], shown["slot_list"]) == (1, 1, 2, [])
    ready = next(record for record in read.records + _poll(read) if record.topic == topics.READY)
    assert shown["receipt"]["ready_event_id"] == dict(ready.headers)["event_id"].decode()
    assert "retired" in asked(worker, f"/api/batches/{batch}/explain")["sentence"]
    assert [item["batch_id"] for item in asked(worker, "/api/batches?state=retired")["items"]] == [batch]
    assert asked(worker, f"/api/batches?search={batch}")["items"]
    until(lambda: asked(worker, f"/api/batches/never-{guarantee}") == {"status": 404}, "nothing is left")
    assert asked(worker, f"/api/batches/open-{guarantee}")["state"] == "open"

    stage.io.produce(map(redelivered_message, flat("C0 R2 F1", batch)))
    stage.io.produce([*flat("R2 C7 F8", batch)[1:], *flat("R3", batch)])
    stage.wait_folded(app_id)
    read.quiet()
    reasons = Counter(dict(record.headers)["rollcall.reason"] for record in read.records if record.topic == topics.DEAD)
    assert reasons == {b"batch_retired": 4, b"registration_conflict": 1}
    assert (of(read, batch)[topics.READY], of(read, batch)[topics.SLOT]) == (1, 1)
    until(lambda: retired(worker) == 1, "one receipt")
    worker.stop()
    same(stage, app_id, processing_guarantee=guarantee, pending_ttl_seconds="1")


def _poll(read: Reader) -> list[Any]:
    read.require(lambda found: any(record.topic == topics.READY for record in found), "a ready event")
    return []


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_kill_9_while_batches_are_retired_loses_nothing_and_says_nothing_twice(stage: Stage, guarantee: str) -> None:
    """The directory is wiped twice; in the end the state is that of the log, and so are the outputs."""
    app_id = f"kill-{guarantee.replace('_', '-')}"
    worker = stage.worker(app_id=app_id, settings={"ROLLCALL_PROCESSING_GUARANTEE": guarantee})
    worker.start()
    read = stage.reader(read_committed=guarantee == "exactly_once")
    names = [f"{app_id}-{number}" for number in range(200)]
    for round_, part in enumerate((names[:100], names[100:])):
        stage.io.produce(message for batch in part for message in flat("R1 C0", batch))
        stage.wait_taken(app_id)
        for cut in range(2):
            until(lambda: retired(worker) > round_ * 100 + 10, "retiring has begun")  # noqa: B023 - called at once
            worker.kill()
            if cut == round_:
                worker.wipe()
            worker.start()
    until(lambda: retired(worker) == len(names), "all are retired")
    stage.wait_folded(app_id)
    read.quiet()
    ready = Counter(record.key for record in read.records if record.topic == topics.READY and record.key)
    of_this = {key: count for key, count in ready.items() if key.decode().startswith(app_id)}
    assert of_this.keys() == {name.encode() for name in names}
    if guarantee == "exactly_once":
        assert set(of_this.values()) == {1}
    ids = {
        (record.key, dict(record.headers)["event_id"])
        for record in read.records
        if record.topic == topics.READY and (record.key or b"").decode().startswith(app_id)
    }
    assert len(ids) == len(names)
    worker.stop()
    same(stage, app_id, processing_guarantee=guarantee)


def test_a_worker_that_stood_still_for_the_whole_retention_retires_after_its_start(stage: Stage) -> None:
    """Nothing but its own tick tells it the time."""
    worker = stage.worker(app_id="idle")
    worker.start()
    stage.io.produce(flat("R1 C0", "idle"))
    stage.wait_folded("idle")
    worker.stop()
    time.sleep(3)
    worker.start()
    until(lambda: asked(worker, "/api/batches/idle").get("state") == "retired", "it is retired")
    worker.stop()
