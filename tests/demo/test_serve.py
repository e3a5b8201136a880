"""The demo's services as programs of their own."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from demo import serve
from demo.events import CONTENT, FAILURE, REGISTERED
from demo.plan import PlannedBatch, PlannedUpload
from demo.serve import ALIVE, HEALTHY, NAMES, Name, Service, healthy, main, story
from tests.demo.test_relay import FakeProducer
from tests.support.patience import PATIENCE


def service(name: Name, home: Path) -> Service:
    return Service(name, home / name, "127.0.0.1:1")


def test_both_services_act_out_the_same_story_without_a_word_to_each_other(tmp_path: Path) -> None:
    registered = [act for _, act in service("orchestrator", tmp_path).acts(41, 12, 4)]
    uploaded = [act for _, act in service("file-service", tmp_path).acts(41, 12, 4)]
    batches = {act.batch_id: act for act in registered if isinstance(act, PlannedBatch)}
    uploads = [act for act in uploaded if isinstance(act, PlannedUpload)]
    assert (len(batches), len(registered)) == (12, 12)
    assert len(uploads) == len(uploaded)
    assert {upload.batch_id for upload in uploads} == set(batches)
    assert {upload.file_upload_id for upload in uploads} == {
        upload.file_upload_id for batch in batches.values() for upload in batch.uploads
    }


def test_acts_come_in_order_of_time(tmp_path: Path) -> None:
    for name in NAMES:
        times = [at for at, _ in service(name, tmp_path).acts(7, 30, 3)]
        assert times == sorted(times)


def test_no_round_speaks_of_a_batch_of_another_round() -> None:
    rounds = [{batch.batch_id for batch in story(number, 12, 2)} for number in range(200)]
    assert sum(map(len, rounds)) == len(set().union(*rounds)) == 200 * 12


def test_every_upload_of_a_story_names_its_batch() -> None:
    for batch in story(3, 12, 5):
        assert {upload.batch_id for upload in batch.uploads} == {batch.batch_id}


def test_a_service_is_healthy_while_it_touches_its_file(tmp_path: Path) -> None:
    assert not healthy(tmp_path)
    (tmp_path / ALIVE).touch()
    assert healthy(tmp_path)
    long_ago = time.time() - HEALTHY - 1
    os.utime(tmp_path / ALIVE, (long_ago, long_ago))
    assert not healthy(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_the_check_is_an_exit_status(name: Name, tmp_path: Path) -> None:
    arguments = [name, "--check", "--directory", str(tmp_path)]
    assert main(arguments) == 1
    (tmp_path / ALIVE).touch()
    assert main(arguments) == 0


@pytest.mark.parametrize(("name", "topics"), [("orchestrator", {REGISTERED}), ("file-service", {CONTENT, FAILURE})])
async def test_a_service_relays_what_it_does_and_says_that_it_is_alive(
    name: Name, topics: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = FakeProducer()
    monkeypatch.setattr(serve, "kafka_producer", lambda _: producer.factory)
    monkeypatch.setattr(serve, "REGISTRATION_RELAY_DELAY", 0)
    monkeypatch.setattr(serve, "UPLOAD_RELAY_DELAY", 0)
    running = asyncio.ensure_future(service(name, tmp_path).run(60, 1, every=0.5))
    try:
        async with asyncio.timeout(PATIENCE):
            while len(producer.sent) < 5:
                assert not running.done()
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.wait({running})
    assert running.cancelled()
    assert {body["event_type"] for _, body in producer.sent} <= topics
    assert {body["data"]["entity_id"].partition("-")[0] for _, body in producer.sent} < {
        f"r{int(time.time() / 0.5) + number}" for number in range(-25, 2)
    }
    assert healthy(tmp_path / name)
