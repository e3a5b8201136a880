"""The traps of Faust and its client that an application like this one falls into, each closed, on a real broker.

Which trap is tested where:

1.  an exception in a handler loses the event, or is committed at shut-down: test_poison.py
2.  Faust's flush before a commit is no barrier: test_barrier.py, and test_frozen.py with a broker that stands still
3.  Faust's exactly-once does not hold for output topics: it is not used; what is: test_barrier.py, test_stop.py
4.  the local store may run ahead of the changelog: test_barrier.py, test_restore.py
5.  tables can't be written from timers, `concurrency` commits what is under way: no Faust table, stream or agent exists
6.  keys of a Faust table are JSON-quoted: no Faust table either; bytes keys go out as they are: test_publish.py
7.  records of an aborted transaction are read: here
8.  state is served without a password, standby replicas and eight partitions by default: here, test_defaults.py
9.  RocksDB's default block cache is 2 GiB a partition: test_defaults.py
10. one undecodable message kills the agent, and good messages with it: here
11. under load offsets are not committed: here
12. `web_enabled=False` is ignored, HTTP listens everywhere, a large value crash-loops: here
13. partitions of a killed worker stand still for long: here
14. rebalances and recoveries that hang: here (13), test_topics.py (two at once), test_restore.py, test_stop.py
and a send to a topic that is not declared waits for ever: here, and test_publish.py
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.engine.kafka.clients import new_producer
from app.engine.kafka.partitioner import partition_for
from app.settings import Settings
from tests.engine.harness import LOOPBACK, acquired, dead, envelopes, flat, listening
from tests.oracle import judge, topics
from tests.oracle.records import InputRecord
from tests.support.events import Message, content, encode, essay_ids, message, registration
from tests.support.kafka_io import Reader
from tests.support.malformed import malformed
from tests.support.patience import PATIENCE, slowness
from tests.support.play import await_outputs
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

LARGE = 3_000_000  # bytes: three times what an input topic takes by default
SERVED_AGAIN_WITHIN = 10.0  # seconds after a kill -9, with a session time-out of 6 s, where the machine has the time
NAMES = (f"traps-{number}" for number in count())


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("traps")) as made:
        made.io.call(
            made.io._admin.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, topics.CONTENT, {"max.message.bytes": str(2 * LARGE)})]
            )
        )
        yield made


@pytest.fixture(scope="module")
def backlog(stage: Stage) -> list[InputRecord]:
    """Inputs that are there before any worker, and before any topic but their own."""
    assert not set(stage.io.topics()) & set(topics.OUTPUTS)
    return stage.io.produce(record for number in range(20) for record in flat("R2 C0 C1", f"backlog-{number}"))


@pytest.fixture(scope="module")
def worker(stage: Stage, backlog: list[InputRecord]) -> Worker:
    assert backlog
    record = stage.worker()
    record.start()
    return record


@pytest.fixture(scope="module")
def read(stage: Stage, worker: Worker) -> Reader:
    assert worker.alive
    return stage.reader()


def serve(stage: Stage, partitions: int = 3) -> dict[int, str]:
    """Send a batch to every partition of the log; the batches by partition."""
    found: dict[int, str] = {}
    while len(found) < partitions:
        name = next(NAMES)
        found.setdefault(partition_for(name.encode(), partitions), name)
    stage.io.produce(record for name in found.values() for record in flat("R1 C0", name))
    return found


def ready(read: Reader, batch: str) -> bool:
    """Whether a batch is ready."""
    return bool(envelopes(read.records, topics.READY, batch))


def test_what_waits_before_the_first_worker_is_served_on_topics_that_it_declares_first(
    read: Reader, backlog: list[InputRecord]
) -> None:
    assert await_outputs(read, backlog, quiet=0.5)
    verdict = judge(backlog, read.records)
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)


def test_what_a_transactional_producer_aborted_is_never_processed_and_what_it_committed_is(
    stage: Stage, worker: Worker, read: Reader
) -> None:
    assert worker.alive
    slots = essay_ids("aborted", 2)

    async def upstream() -> None:
        producer = new_producer(Settings(broker=stage.kafka.bootstrap), "upstream")
        await producer.start()
        try:
            for text, commit in (
                ("never-said", False),
                ("said-0", True),
                ("never-said-either", False),
                ("said-1", True),
            ):
                await producer.begin_transaction()
                event = encode(content("aborted", f"upload-{text}", text))
                await producer.send_and_wait(topics.CONTENT, key=b"one partition", value=event)
                await producer.send_and_wait(topics.FAILED, key=b"x", value=b"aborted garbage" if not commit else b"?")
                await (producer.commit_transaction() if commit else producer.abort_transaction())
        finally:
            await producer.stop()

    stage.io.produce([message(registration("aborted", slots))])
    stage.io.call(upstream())
    read.require(lambda _: ready(read, "aborted"), "ready with what was committed")
    read.quiet(1)
    (event,) = envelopes(read.records, topics.READY, "aborted")
    assert [essay["text_storage_id"] for essay in event["ready_essays"]] == ["said-0", "said-1"]
    assert not [record for record in read.records if b"never-said" in (record.value or b"")]
    assert [record.value for record in read.records if record.value in (b"?", b"aborted garbage")] == [b"?", b"?"]


@pytest.mark.parametrize(
    "path",
    ["/table/", "/table/batches/", "/table/batches/x/", "/router/", "/router/batches/", "/graph/", "/production/"],
)
def test_state_is_not_served(path: str, worker: Worker) -> None:
    assert worker.get(path)[0] == 404
    assert worker.get("/health/live")[0] == 200


def test_faust_makes_no_topics_of_its_own(stage: Stage, worker: Worker) -> None:
    assert worker.alive
    own = {"rollcall-log", "rollcall-tables-changelog"}
    assert {name for name in stage.io.topics() if not name.startswith("__")} == {*topics.INPUTS, *topics.OUTPUTS, *own}


def test_garbage_becomes_dead_letters_and_every_good_message_around_it_is_served(
    stage: Stage, worker: Worker, read: Reader
) -> None:
    assert worker.alive
    read.quiet(0.3)
    before = len(read.records)
    bad = [record for _, record in malformed("traps")]
    good = flat("R60 C0-59", "among-bad")
    inputs = stage.io.produce(
        [record for pair in zip(bad, good, strict=False) for record in pair] + bad[len(good) :] + good[len(bad) :]
    )
    stage.wait_folded()
    await_outputs(read, inputs, quiet=0.5)
    verdict = judge(inputs, read.records[before:])
    assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)
    letters = [record for record in read.records[before:] if record.topic == topics.DEAD]
    assert sorted(repr((letter.key, letter.value)) for letter in letters) == sorted(
        repr((record.key, record.value)) for record in bad
    )


def test_offsets_move_at_least_every_two_seconds_under_a_steady_load(stage: Stage, worker: Worker) -> None:
    """Faust's own commit waits for a buffer that is never empty under load: 9 to 10 s were measured."""
    assert worker.alive
    moved = {"rollcall-log": [time.monotonic()], topics.CONTENT: [time.monotonic()]}
    seen = dict.fromkeys(moved, -1)
    begun = time.monotonic()
    number = 0
    while time.monotonic() < begun + 5 or number <= 100:  # 5 s, or until there was load
        number += 20
        stage.io.produce(
            record for batch in range(number - 20, number) for record in flat("R2 C0 C1", f"steady-{batch}")
        )
        committed = stage.io.committed("rollcall")
        for topic, times in moved.items():
            total = sum(offset for (name, _), offset in committed.items() if name == topic)
            if total != seen[topic]:
                seen[topic] = total
                times.append(time.monotonic())
    most, end = 2 * slowness(), time.monotonic()
    for topic, times in moved.items():
        assert max(after - before for before, after in zip(times, [*times[1:], end], strict=True)) < most, topic


def test_http_listens_on_loopback_only_and_nothing_else_listens(worker: Worker) -> None:
    assert listening(worker) == {worker.port: LOOPBACK}


def test_a_message_three_times_the_limit_is_a_dead_letter_byte_for_byte_and_the_worker_goes_on(
    stage: Stage, worker: Worker, read: Reader
) -> None:
    event = content("too-large", "upload", "text")
    event["data"]["filler"] = "x" * LARGE
    sent = Message(topics.CONTENT, b"its key", encode(event))
    stage.io.produce([sent])
    read.require(lambda found: bool(dead(found, "oversized")), "a dead letter")
    (letter,) = dead(read.records, "oversized")
    assert (letter.key, letter.value) == (sent.key, sent.value)
    batches = serve(stage)
    read.require(lambda _: all(ready(read, batch) for batch in batches.values()), "the worker goes on")
    assert worker.alive


def test_a_registration_of_a_million_bytes_is_served(stage: Stage, worker: Worker, read: Reader) -> None:
    """Its batch completes too, and so the instructions go out again, whole."""
    assert worker.alive
    instructions = "å" * 499_400  # two bytes each
    event = registration("large", essay_ids("large", 1), essay_instructions=instructions)
    assert 999_000 < len(encode(event)) < 1_000_000
    stage.io.produce([message(event), *flat("C0", "large")])
    read.require(lambda _: ready(read, "large"), "ready")
    (found,) = envelopes(read.records, topics.READY, "large")
    assert found["essay_instructions"] == instructions


def test_without_a_port_nothing_listens_and_the_partitions_of_a_killed_worker_are_served_again_within_ten_seconds(
    stage: Stage,
    worker: Worker,
    read: Reader,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    doomed = stage.worker(settings={"ROLLCALL_HTTP_PORT": "0"})
    doomed.launch()
    acquired(doomed)
    assert listening(doomed) == {}
    worker.wait_ready()
    owned = set(json.loads(worker.get("/health/ready")[1])["partitions"])
    taken = {0, 1, 2} - owned
    assert owned
    assert taken, "the killed worker owns something"
    doomed.kill()
    began = time.monotonic()
    batches = serve(stage)
    times: dict[int, float] = {}
    while len(times) < len(batches):
        read.poll(0.1)
        for partition, batch in batches.items():
            if partition not in times and ready(read, batch):
                times[partition] = time.monotonic() - began
        assert time.monotonic() - began < PATIENCE, f"served so far (partition: seconds): {times}"
    assert max(times.values()) < SERVED_AGAIN_WITHIN * slowness(), times
    record_property("seconds until served again", max(times.values()))
    with capsys.disabled():
        sys.stdout.write(f" [served again after a kill -9: {max(times.values()):.1f} s] ")
    assert max(times[partition] for partition in taken) > 1, "it was dead, not just slow: the group had to notice"
