"""A worker that is paused in the middle of its work, loses its partitions, and wakes: what it still writes."""

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.engine.state import folded
from tests.faults.audit import audit
from tests.faults.faults import READY_SECONDS, WORKERS, Cast
from tests.faults.matrix import APP, drain
from tests.faults.results import Result
from tests.faults.stage import FaultStage, Plan
from tests.faults.state import ask
from tests.faults.traffic import Client, Traffic
from tests.faults.workload import LOG_PARTITIONS, Workload
from tests.oracle import topics
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

CHANGELOG = f"{APP}-tables-changelog"
WRITTEN = (*topics.OUTPUTS, CHANGELOG)
TRIES = 60
AFTERWARDS = 5  # seconds that a woken worker is watched

Record = tuple[str, int, int, bytes | None, bytes | None]


class Topics:
    """Looks at topics as they are, with an eye for what is committed."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def records(self, names: tuple[str, ...], *, read_committed: bool = True) -> list[Record]:
        """All records from the beginning to the present end, by place."""
        return sorted(
            self._client.call(self._records(names, read_committed=read_committed)), key=lambda record: record[:3]
        )

    def in_the_open(self, partition: int) -> int:
        """How many offsets of the changelog's partition are behind a transaction that is not yet decided."""
        return self._client.call(self._undecided(TopicPartition(CHANGELOG, partition)))

    async def _undecided(self, place: TopicPartition) -> int:
        ends = []
        for level in ("read_uncommitted", "read_committed"):
            async with AIOKafkaConsumer(bootstrap_servers=self._client.bootstrap, isolation_level=level) as consumer:
                ends.append((await consumer.end_offsets([place]))[place])
        return int(ends[0] - ends[1])

    async def _records(self, names: tuple[str, ...], *, read_committed: bool) -> list[Record]:
        level = "read_committed" if read_committed else "read_uncommitted"
        found: list[Record] = []
        async with AIOKafkaConsumer(
            bootstrap_servers=self._client.bootstrap, isolation_level=level, auto_offset_reset="earliest"
        ) as consumer:
            places = [TopicPartition(name, number) for name in names for number in await self._client.partitions(name)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            left = set(places)
            while left:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [
                        (record.topic, record.partition, record.offset, record.key, record.value) for record in records
                    ]
                # The position passes the markers of transactions, which are never delivered.
                left = {place for place in left if await consumer.position(place) < ends[place]}
        return found


def pause_amid_work(cast: Cast, traffic: Traffic, look: Topics, *, transactions: bool) -> tuple[Worker, list[int]]:
    """Pause a worker that owes answers and, with transactions, has one open. Returns it and its partitions."""
    for _ in range(TRIES):
        victim, held = cast.chance.choice(list(cast.holdings().items()))
        traffic.flood()
        time.sleep(0.1 + cast.chance.random() * 0.2)
        victim.pause()
        time.sleep(0.1)  # what was on its way to the broker has arrived
        if traffic.ledger.owed(held) and (not transactions or any(look.in_the_open(number) for number in held)):
            return victim, held
        victim.resume()
    pytest.fail(f"no worker was met in the middle of its work in {TRIES} tries")


def wait_for_takeover(cast: Cast, victim: Worker) -> None:
    """Wait until the other workers have all partitions."""
    deadline = time.monotonic() + READY_SECONDS
    others = [worker for worker in cast.workers if worker is not victim]
    while True:
        held = [number for other in others for number in one_holds(other)]
        if sorted(held) == list(range(LOG_PARTITIONS)):
            return
        assert time.monotonic() < deadline, f"the others have {held} only"
        time.sleep(0.1)


def one_holds(worker: Worker) -> list[int]:
    """The partitions that a worker has and serves."""
    status, body = worker.get("/health/ready")
    return list(json.loads(body)["partitions"]) if status == 200 else []


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_a_worker_that_wakes_after_its_partitions_were_taken_over_changes_nothing(
    guarantee: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    plan = Plan(guarantee, ["pause"], tmp_path, events_per_round=1500, drip=2)
    workload, result = Workload(plan.seed), Result(guarantee, plan.seed, plan.session_seconds, ["pause"])
    with FaultStage(plan) as stage, Traffic(stage.io, workload, plan.events_per_round, plan.drip) as traffic:
        cast = Cast(stage, random.Random(plan.seed), plan.session_seconds)  # noqa: S311 - a schedule, not a secret
        for _ in range(WORKERS):
            cast.add()
        cast.ready()
        traffic.start()
        look = Topics(stage.io)
        victim, held = pause_amid_work(cast, traffic, look, transactions=guarantee == "exactly_once")
        wait_for_takeover(cast, victim)
        traffic.finish()
        drain(stage, traffic)
        before, raw = look.records(WRITTEN), len(look.records(WRITTEN, read_committed=False))

        cast.paused.append(victim)
        victim.resume()
        deadline = time.monotonic() + AFTERWARDS
        while time.monotonic() < deadline and victim.alive:
            time.sleep(0.1)
        fate = "goes on as a member" if victim.alive else f"has ended with status {victim.exit_code}"
        cast.ready()
        after, raw_after = look.records(WRITTEN), len(look.records(WRITTEN, read_committed=False))

        # How far the log is folded is written of every chunk, of one too in which the hop of the woken worker repeats
        # itself.
        late = sorted(record for record in set(after) - set(before) if record[3] != folded.KEY)
        record_property("fate", fate)
        record_property("late records", len(late))
        sys.stdout.write(
            f"{guarantee}: partitions {held}; the woken worker {fate}; it wrote {raw_after - raw} records, "
            f"{len(late)} of them committed\n"
        )
        assert set(before) <= set(after)
        if guarantee == "exactly_once":
            assert late == []
        # At least once lets it say again what it knew. Its chunks may have other bounds than its successor's, so keys
        # may be new; but no key of a batch's facts gets a second meaning. (An original or a waiting row that it puts
        # back is only a row too many, and a watermark a hint.) That the whole is right is for the state check to say.
        stated = {(record[1], record[3]): record[4] for record in before if record[0] == CHANGELOG}
        facts = [record for record in late if record[0] == CHANGELOG and (record[3] or b"").startswith(b"b")]
        changed = [fact for fact in facts if stated.get((fact[1], fact[3]), fact[4]) != fact[4]]
        assert changed == []
        traffic.quiet(1)
        audit(workload, traffic.inputs, traffic.seen, result)
        ask(cast, workload, traffic, result, drain)
        assert result.right, "\n".join([*result.problems, *result.details[:40]])
        assert cast.problems == []
