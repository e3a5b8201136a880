"""The demo's services as programs of their own."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from demo import alive, serve
from demo.alive import ALIVE, HEALTHY, healthy
from demo.events import CONTENT, FAILURE, REGISTERED
from demo.outbox import ServiceDatabase
from demo.plan import PlannedBatch, PlannedUpload
from demo.rounds import CATCH_UP_SECONDS, SCHEMA, Rounds
from demo.serve import Name, Service, main, story
from demo.topics import create_topics
from tests.demo.test_relay import FakeProducer
from tests.support.patience import PATIENCE

NAMES: tuple[Name, ...] = ("orchestrator", "file-service")
EVERY = 30.0


def service(name: Name, home: Path) -> Service:
    return Service(name, home, "127.0.0.1:1")


def rounds(directory: Path, name: str = "a") -> Rounds:
    database = ServiceDatabase(directory / f"{name}.sqlite", "")
    database.create(SCHEMA)
    return Rounds(database, directory, EVERY)


async def nothing(*_: object) -> None:
    """The topics are there."""


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
    where = [name, "--directory", str(tmp_path)]
    assert (main([*where, "--check"]), alive.main(where)) == (1, 1)
    (tmp_path / name).mkdir()
    (tmp_path / name / ALIVE).touch()
    assert (main([*where, "--check"]), alive.main(where)) == (0, 0)


def test_the_check_which_is_asked_often_imports_no_kafka_client() -> None:
    code = "import sys, demo.alive; sys.exit(bool({'aiokafka', 'asyncio', 'sqlite3'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_after_a_restart_a_service_goes_on_with_the_round_that_it_has_not_finished(tmp_path: Path) -> None:
    begun = 1000 * EVERY
    first = rounds(tmp_path).first(begun)
    assert first == 999, "the one before the present too: the other service may have begun it"
    rounds(tmp_path).finish(first, begun)
    assert rounds(tmp_path).first(begun + 10 * EVERY) == 1000, "ten rounds later nothing is left out"


def test_after_long_away_a_service_catches_up_no_more_than_an_hour(tmp_path: Path) -> None:
    rounds(tmp_path).first(0.0)
    day = 86_400.0
    assert rounds(tmp_path).first(day) == (day - CATCH_UP_SECONDS) / EVERY


def test_two_services_of_one_directory_begin_with_the_same_round_whenever_they_start(tmp_path: Path) -> None:
    assert rounds(tmp_path, "a").first(100 * EVERY - 1) == rounds(tmp_path, "b").first(100 * EVERY + 1) == 98


async def acted(name: Name, home: Path, monkeypatch: pytest.MonkeyPatch, until: int) -> list[str]:
    """What the relay has published of a service that is ended as soon as it has published so many events."""
    producer = FakeProducer()
    monkeypatch.setattr(serve, "kafka_producer", lambda _: producer.factory)
    monkeypatch.setattr(serve, "create_topics", nothing)
    monkeypatch.setattr(serve, "REGISTRATION_RELAY_DELAY", 0)
    monkeypatch.setattr(serve, "UPLOAD_RELAY_DELAY", 0)
    running = asyncio.ensure_future(service(name, home).run(3, 2, every=3600.0))
    async with asyncio.timeout(PATIENCE):
        while len(producer.sent) < until:
            assert not running.done()
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    return [key for key, _ in producer.sent]


@pytest.mark.parametrize("name", NAMES)
async def test_a_service_that_is_restarted_within_a_round_loses_none_of_it_and_does_nothing_twice(
    name: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Rounds(service(name, tmp_path).database, tmp_path, 3600.0).first(time.time())
    whole = [
        act.batch_id if isinstance(act, PlannedBatch) else act.file_upload_id
        for _, act in service(name, tmp_path).acts(begun, 3, 2)
    ]
    # The story is cut in the middle of the round: a part of it is in the database and published, the rest not done.
    half = service(name, tmp_path)
    for _, act in half.acts(begun, 3, 2)[: len(whole) // 2]:
        half._do(act)
    half.database.close()
    assert (await acted(name, tmp_path, monkeypatch, len(whole)))[: len(whole)] == whole


async def test_while_the_broker_is_away_a_service_works_on_and_says_so_once_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "AWAY_SECONDS", 0.05)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    tries = 0

    async def counted(bootstrap: str, topics: Iterable[str]) -> None:
        nonlocal tries
        tries += 1
        await create_topics(bootstrap, topics)

    monkeypatch.setattr(serve, "create_topics", counted)
    away = service("orchestrator", tmp_path)
    running = asyncio.ensure_future(away.run(3, 2, every=3600.0))
    async with asyncio.timeout(PATIENCE):
        while tries < 3 or not away.database.unpublished():
            assert not running.done()
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("orchestrator: can't publish to 127.0.0.1:1 (KafkaConnectionError:")
    assert line.endswith("events wait, trying on")


def test_sigterm_is_answered_before_what_takes_time_is_imported() -> None:
    """As process 1 of a container, a program without a handler does not hear it at all."""
    code = (
        "import os, runpy, signal, sys\n"
        "class Halt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'asyncio': os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Halt())\n"
        "sys.argv = ['serve', 'orchestrator']\n"
        "runpy.run_module('demo.serve', run_name='__main__')\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=PATIENCE).returncode == 0


@pytest.mark.parametrize(("name", "topics"), [("orchestrator", {REGISTERED}), ("file-service", {CONTENT, FAILURE})])
async def test_a_service_relays_what_it_does_and_says_that_it_is_alive(
    name: Name, topics: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = FakeProducer()
    monkeypatch.setattr(serve, "kafka_producer", lambda _: producer.factory)
    monkeypatch.setattr(serve, "create_topics", nothing)
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
