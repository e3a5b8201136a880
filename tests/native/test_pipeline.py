"""The whole job over varied worlds: what is published and kept is the same with the native part and without."""

import asyncio
import random
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import app.engine.clock
from app import native
from app.core.acts import Act, Discard, Extend, Reopen
from app.engine import beside
from app.wire.acts import encode as encode_act
from bench import frames
from bench.offline import PARTITIONS, Pipeline
from tests.oracle import topics
from tests.support import events
from tests.support.events import Message
from tests.support.indexed import rows
from tests.support.malformed import malformed

EVENTS = 700
BATCHES = 40


def world(seed: int) -> list[Message]:
    """Registrations, contents and failures of some batches in any order, with repeats, conflicts and what is broken."""
    rng = random.Random(seed)  # noqa: S311 - test data
    broken = [message for _, message in malformed(f"world-{seed}")]
    sent: list[Message] = []
    for _ in range(EVENTS):
        batch = f"batch{rng.choice(['', chr(34), chr(233)])}-{rng.randrange(BATCHES)}"
        number = rng.randrange(9)
        kind = rng.random()
        if kind < 0.06:
            event = events.registration(batch, events.essay_ids(batch, rng.choice([3, 6, 6])))
        elif kind < 0.2:
            event = events.failure(batch, f"{batch}.u{number}", second=rng.randrange(50))
        else:
            event = events.content(batch, f"{batch}.u{number}", f"{batch}.t{rng.choice([number, number, 0])}")
            if rng.random() < 0.2:
                event["metadata"] = {"traceparent": f"00-{seed}-{number}"}
            if rng.random() < 0.1:
                event["data"]["original_file_name"] = 'a "name"\n\u2028\x00 of any kind 💥'
        message = events.message(event)
        sent.append(rng.choice(broken) if rng.random() < 0.1 else message)
        if rng.random() < 0.05:
            sent.append(events.redelivered_message(message))
        if rng.random() < 0.02:
            sent.append(Message(topics.CONTENT, None, rng.choice([None, b"", b"{", b"\xff", b"null"])))
    return sent


Sent = dict[tuple[str, int], list[tuple[object, ...]]]


def run(seed: int, directory: Path) -> tuple[Sent, list[dict[bytes, bytes]]]:
    """The world as one worker does it: all records that it sends, by partition, and the rows that it keeps."""
    sent: Sent = defaultdict(list)

    def note(topic: str, partition: int, data: bytes) -> None:
        for record in rows(data):
            # In the log the broker's clock stands.
            time = None if topic == pipeline.log else record.timestamp
            told = time, record.key, record.value, tuple(record.headers)
            sent[topic, partition].append(told)

    pipeline = Pipeline(directory, note, pending_ttl_seconds=60, readiness_timeout_seconds=90)
    asyncio.run(drive(pipeline, seed, directory))
    kept = [
        {key: value for table in b"bpwsg" for key, value in store.scan(bytes([table]))} for store in pipeline.stores
    ]
    for store in pipeline.stores:
        store.close()
    return sent, kept


async def drive(pipeline: Pipeline, seed: int, directory: Path) -> None:
    rng = random.Random(-seed)  # noqa: S311 - test data
    messages = world(seed)
    while messages:
        some = [messages.pop(0) for _ in range(min(len(messages), rng.randrange(1, 90)))]
        path = directory / "some"
        frames.write(path, (frames.Row(one.topic, rng.randrange(PARTITIONS), one.key, one.value) for one in some))
        for topic, partition, data in frames.read(path):
            pipeline.broker.append(topic, partition, data)
        for partition in range(PARTITIONS):
            for record in log_records(rng):
                pipeline.broker.append(pipeline.log, partition, record)
        await pipeline.round()


def log_records(rng: random.Random) -> Iterator[bytes]:
    """Batches of the log that no input has made: a tick, what an operator does, and what is nobody's."""
    from aiokafka.record.default_records import DefaultRecordBatchBuilder  # noqa: PLC0415

    batch = f"batch-{rng.randrange(BATCHES)}"
    who: dict[str, Any] = {"act_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "who": "Ada", "why": "a test"}
    acts: list[Act] = [Extend(**who, seconds=30), Discard(**who), Reopen(**who, essay_ids=(f"{batch}.more",))]
    records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = [
        (None, b"", [("t", b"")]),
        encode_act(batch, rng.choice(acts)),
        (b"who", b"what", []),
    ]
    if rng.random() < 0.6:
        key, value, headers = rng.choice(records)
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1_000_000)
        builder.append(0, 0, key, value, headers)
        yield bytes(builder.build())


@pytest.mark.parametrize(("seed", "many"), [(0, beside.MANY), (1, 1), (2, 20)])
def test_a_world_comes_out_the_same_with_the_native_part_and_without(
    seed: int, many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``many``: from so many records of a chunk on native work is done beside the loop."""
    monkeypatch.setattr(beside, "MANY", many)
    monkeypatch.setattr(app.engine.clock, "time", SimpleNamespace(monotonic=lambda: 1.0, time=lambda: 1.7e9))
    monkeypatch.setattr("app.engine.batches.time", SimpleNamespace(time=lambda: 1.7e9))
    (tmp_path / "native").mkdir()
    (tmp_path / "python").mkdir()
    found = run(seed, tmp_path / "native")
    monkeypatch.setattr(native, "AVAILABLE", False)
    assert differences(found, run(seed, tmp_path / "python")) == []
    published = {topic for topic, _ in found[0]}
    assert published >= {topics.SLOT, topics.READY, topics.DEAD, topics.EXCESS}


def differences(found: tuple[Sent, list[dict[bytes, bytes]]], twin: tuple[Sent, list[dict[bytes, bytes]]]) -> list[str]:
    """The first record of each partition that differs, and the rows that do."""
    said = []
    for place in sorted(found[0].keys() | twin[0].keys()):
        ours, theirs = found[0].get(place, []), twin[0].get(place, [])
        if ours != theirs:
            number = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), -1)
            said.append(f"{place} of {len(ours)} and {len(theirs)}: {ours[number]!r:.600}, not {theirs[number]!r:.600}")
    for number, (ours_kept, theirs_kept) in enumerate(zip(found[1], twin[1], strict=True)):
        said += [f"partition {number}, row {key!r}" for key, _ in ours_kept.items() ^ theirs_kept.items()]
    return said
