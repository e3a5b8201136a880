"""What operators do, on a real worker: written into the log, done once, and the same after kill -9 and a replay."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from app.core.acts import Act
from app.engine.kafka.partitioner import partition_for
from app.engine.state.memory_store import MemoryStore
from app.engine.state.store import Store
from app.wire.acts import encode
from app.wire.record import ACT_HEADER
from tables.partition_state import PartitionState
from tests.agents.log import Worker as Replay
from tests.contract.notation import messages, parse
from tests.core.acting import discard_upload, extend, force, identity, reopen
from tests.core.play import state
from tests.oracle import topics
from tests.oracle.records import Json, OutputRecord
from tests.support.events import Message, redelivered_message
from tests.support.stage import Stage

pytestmark = pytest.mark.kafka

PARTITIONS = 3
GUARANTEES = ("exactly_once", "at_least_once")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("acts")) as made:
        yield made


class Scene:
    """A worker of one guarantee, the outputs, and an operator's way into the log."""

    def __init__(self, stage: Stage, guarantee: str, **settings: str) -> None:
        self.stage = stage
        self.app_id = settings.get("ROLLCALL_APP_ID", f"acts-{guarantee.replace('_', '-')}")
        self.worker = stage.worker(app_id=self.app_id, settings={"ROLLCALL_PROCESSING_GUARANTEE": guarantee} | settings)
        self.worker.start()
        self.reader = stage.reader(read_committed=guarantee == "exactly_once")

    def send(self, notation: str, batch: str) -> list[Message]:
        """Send inputs one after the other."""
        sent = [message for step in messages(parse(notation), batch) for message in step]
        for message in sent:
            self.stage.io.produce([message])
            self.stage.wait_taken(self.app_id)
        return sent

    def write(self, batch: str, key: bytes, value: bytes) -> None:
        """Write a record of an act into the log."""
        self.stage.io.call(
            self.stage.io._producer.send_and_wait(
                f"{self.app_id}-log",
                partition=partition_for(batch.encode(), PARTITIONS),
                key=key,
                value=value,
                headers=[(ACT_HEADER, b"1")],
            )
        )

    def act(self, batch: str, act: Act) -> None:
        key, value, _ = encode(batch, act)
        self.write(batch, key, value)

    def events(self, topic: str, batch: str) -> list[Json]:
        """Return the envelopes of a batch's events on a topic."""
        found = [json.loads(record.value or b"") for record in self.reader.records if record.topic == topic]
        return [message for message in found if message["data"]["batch_id"] == batch]

    def require(self, topic: str, batch: str, count: int = 1) -> list[Json]:
        self.reader.require(lambda _: len(self.events(topic, batch)) >= count, f"{count} of {topic}")
        return self.events(topic, batch)

    def stored(self, batch: str) -> Mapping[str, Any]:
        """Return the state of a batch in the database of the worker, which must be stopped."""
        partition = partition_for(batch.encode(), PARTITIONS)
        store = Store(self.worker.datadir / self.app_id / f"partition-{partition}")
        store.open()
        found = copy.deepcopy(state(PartitionState(store, 1000).batch(batch)))
        store.close()
        return found

    def replayed(self, batch: str) -> Mapping[str, Any]:
        """Return the state of a batch by reading its partition of the log from the beginning."""
        log, partition = f"{self.app_id}-log", partition_for(batch.encode(), PARTITIONS)
        reader = self.stage.io.reader([log], read_committed=True)
        replay, quiet = Replay(MemoryStore()), 0
        while quiet < 3:
            found = self.stage.io.call(reader.consumer.getmany(timeout_ms=300))
            quiet = 0 if found else quiet + 1
            for place, records in found.items():
                if place.partition == partition:
                    replay.fold(records)
        return state(replay.tables.batch(batch))


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_a_batch_that_is_one_short_is_forced_survives_a_kill_and_is_opened_again(own: Stage, guarantee: str) -> None:
    scene, batch = Scene(own, guarantee), f"short-{guarantee}"
    first, *_ = scene.send("C0 R3 F1", batch)
    assert scene.events(topics.READY, batch) == []
    act = force()
    scene.act(batch, act)
    (ready,) = scene.require(topics.READY, batch)
    shown = ready["data"]
    assert (shown["expected_count"], shown["failed_count"], len(shown["ready_essays"])) == (3, 1, 1)
    scene.require(topics.COMPLETED, batch)
    scene.require(topics.ERRORS, batch)

    scene.worker.kill()
    scene.worker.wipe()
    scene.worker.start()
    scene.act(batch, act)  # the operator's client was not sure
    scene.send("C2", batch)
    own.io.produce([redelivered_message(first, 1)])
    scene.require(topics.EXCESS, batch)
    slots = scene.require(topics.SLOT, batch, 2)
    assert len({slot["event_id"] for slot in slots}) == 1
    assert {event["event_id"] for event in scene.events(topics.READY, batch)} == {ready["event_id"]}

    scene.act(batch, reopen("one-more"))
    scene.send("C3", batch)
    scene.reader.require(
        lambda _: len({event["event_id"] for event in scene.events(topics.READY, batch)}) == 2, "ready again"
    )
    again = scene.events(topics.READY, batch)[-1]["data"]
    essays = [
        (essay["essay_id"].removeprefix(f"{batch}."), essay["text_storage_id"][-1]) for essay in again["ready_essays"]
    ]
    assert essays == [("essay-0000", "0"), ("essay-0001", "2"), ("one-more", "3")]

    scene.worker.stop()
    stored = scene.stored(batch)
    assert [fact.refused for fact in stored["acts"].values()] == [None, None]
    assert stored == scene.replayed(batch)


def test_refusals_extensions_and_what_can_not_be_used(own: Stage) -> None:
    scene, batch = Scene(own, "exactly_once", ROLLCALL_APP_ID="acts-waits", ROLLCALL_PENDING_TTL_SECONDS="3"), "waits"
    sent = scene.send("C0 C1", batch)
    scene.act(batch, extend(3600))
    scene.act(batch, force())
    act_id, who, _ = identity()
    broken = json.dumps({"act": "force_complete", "act_id": act_id, "batch_id": batch, "who": who}).encode()
    scene.write(batch, batch.encode(), broken)
    scene.write(batch, b"another", encode(batch, force())[1])
    scene.act(batch, _upload(batch, 1))
    (gone,) = scene.require(topics.EXPIRED, batch)
    assert gone["data"]["reason"] == "DISCARDED_BY_OPERATOR"
    assert gone["data"]["original"] == json.loads(sent[1].value or b"")
    scene.reader.quiet(4)
    assert len(scene.events(topics.EXPIRED, batch)) == 1  # the other one waits on, beyond its three seconds
    dead = [
        record
        for record in scene.reader.records
        if record.topic == topics.DEAD and _log(record) == f"{scene.app_id}-log"
    ]
    assert [message.header("rollcall.reason") for message in dead] == ["missing_field", "invalid_field"]
    assert dead[0].value == broken
    scene.worker.stop()
    stored = scene.stored(batch)
    assert [fact.refused is None for fact in stored["acts"].values()] == [True, False, True]
    assert stored["extension"] == 3_600_000
    assert stored == scene.replayed(batch)


def _upload(batch: str, number: int) -> Act:
    act = discard_upload(number)
    return type(act)(act.act_id, act.who, act.why, f"{batch}.upload-{number:04d}")


def _log(message: OutputRecord) -> str | None:
    return message.header("rollcall.source.topic")
