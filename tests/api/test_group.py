"""Three workers: every question is answered by each, for every partition, and alike; what one that is down costs."""

import asyncio
import json
from typing import Any

import pytest

from app.api.cluster.membership import Lags, Membership, group_lags
from app.engine.kafka.partitioner import partition_for
from app.settings import Settings
from tests.api.conftest import COMPLETE, OPEN, PARTITIONS, TOKEN, WAITING, ask, path_of, spread, wait
from tests.oracle.topics import REGISTERED
from tests.support.events import Message, content, message
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

#: What differs between two answers by nature.
PASSING = {"time", "age_seconds", "oldest_pending_seconds", "oldest_closed_seconds", "this"}


def lasting(value: Any) -> Any:
    """An answer without what passes."""
    if isinstance(value, dict):
        return {name: lasting(member) for name, member in value.items() if name not in PASSING}
    return [lasting(member) for member in value] if isinstance(value, list) else value


def partition_of(batch: str) -> int:
    return partition_for(batch.encode(), len(PARTITIONS))


def test_every_partition_has_batches_of_every_state() -> None:
    for names in (OPEN, WAITING, COMPLETE):
        assert {partition_of(name) for name in names} == set(PARTITIONS)


@pytest.mark.parametrize(
    "path",
    [
        "/api/overview",
        "/api/batches?limit=500",
        "/api/batches?state=open",
        "/api/batches?state=complete",
        "/api/batches?search=complete",
        "/api/pending",
        "/api/dead-letters",
    ],
)
def test_each_worker_answers_a_question_about_all_alike(workers: list[Worker], path: str) -> None:
    answers = [ask(worker, path) for worker in workers]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert lasting(answers[0].body) == lasting(answers[1].body) == lasting(answers[2].body)
    assert answers[0].body.get("missing", []) == []


@pytest.mark.parametrize("rest", ["", "/explain", "/timeline"])
def test_each_worker_answers_a_question_about_a_batch_of_any_partition_alike(workers: list[Worker], rest: str) -> None:
    for batch in (*OPEN[:4], *WAITING[:3], *COMPLETE[-3:]) if not rest else (OPEN[0], WAITING[0], COMPLETE[0]):
        answers = [ask(worker, path_of(batch, rest)) for worker in workers]
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert lasting(answers[0].body) == lasting(answers[1].body) == lasting(answers[2].body)
        assert answers[0].body["batch_id"] == batch


def test_a_list_can_be_paged_through_on_any_worker(workers: list[Worker]) -> None:
    for path, names in (
        ("/api/batches?limit=4", {*OPEN, *WAITING}),
        ("/api/batches?limit=4&state=complete", set(COMPLETE)),
        ("/api/batches?limit=5&search=open", set(OPEN)),
        ("/api/pending?limit=4", set(WAITING)),
    ):
        found: list[str] = []
        cursor = None
        for page in range(20):
            said = ask(workers[page % 3], path + (f"&cursor={cursor}" if cursor else "")).body
            assert len(said["items"]) <= 5
            found += [batch["batch_id"] for batch in said["items"]]
            cursor = said["next"]
            if cursor is None:
                break
        assert sorted(found) == sorted(names)


def test_those_that_wait_come_longest_wait_first(workers: list[Worker]) -> None:
    items = ask(workers[0], "/api/batches?limit=500").body["items"]
    assert [batch["since"] for batch in items] == sorted(batch["since"] for batch in items)
    assert len(items) == len(OPEN) + len(WAITING)


def test_a_batch_that_nobody_knows_is_not_found_by_its_owners_word(workers: list[Worker]) -> None:
    for number in range(6):
        for worker in workers:
            answer = ask(worker, path_of(f"nobody-{number}"))
            assert (answer.status, answer.body["error"]) == (404, "unknown_batch")
            said = ask(worker, path_of(f"nobody-{number}", "/explain"))
            assert (said.status, said.body["state"]) == (200, "unknown")


def test_what_a_batch_waits_for_is_named(workers: list[Worker]) -> None:
    said = ask(workers[0], path_of(OPEN[0], "/explain")).body
    assert said["missing_slots"] == [f"{OPEN[0]}.essay-0001"]
    assert f"waits for 1 of 3 slots: {OPEN[0]}.essay-0001" in said["sentence"]
    assert said["dead_letters"] == []
    waiting = ask(workers[0], path_of(WAITING[0])).body
    assert (waiting["pending"], waiting["reason"]) == (2, "2 uploads wait for the registration")


def test_workers_ask_others_for_their_own_part_only(workers: list[Worker]) -> None:
    for worker in workers:
        own = ask(worker, "/api/local/overview").body
        mine = [info["partition"] for info in own["partitions"]]
        assert len(mine) == 1
        for batch in OPEN[:6]:
            answer = ask(worker, f"/api/local/batches/{batch}")
            assert answer.status == (200 if partition_of(batch) in mine else 503)


@pytest.mark.parametrize("answering", [0, 1, 2])
def test_an_act_is_taken_whoever_is_asked(workers: list[Worker], answering: int) -> None:
    batch = OPEN[3 + answering]
    said = {"act": "extend", "who": "Åsa", "why": "the school was closed", "seconds": 60}
    done = ask(workers[answering], path_of(batch, "/acts"), token=TOKEN, body=said)
    assert (done.status, done.body["applied"], done.body["refused"]) == (202, True, None)
    again = ask(workers[0], path_of(batch, "/acts"), token=TOKEN, body=said | {"act_id": done.body["act_id"]})
    assert (again.status, again.body) == (202, done.body)
    other = said | {"act_id": done.body["act_id"], "seconds": 61}
    assert ask(workers[0], path_of(batch, "/acts"), token=TOKEN, body=other).body["error"] == "act_id_taken"
    acts = ask(workers[0], path_of(batch)).body["acts"]
    assert [(act["act"], act["who"], act["why"], act["at"]) for act in acts] == [
        ("extend", "Åsa", "the school was closed", done.body["offset"])
    ]


def test_an_act_that_makes_no_sense_is_refused_before_it_is_written(workers: list[Worker]) -> None:
    said = {"act": "force_complete", "who": "Åsa", "why": "no reason"}
    for batch, status, code in ((COMPLETE[0], 409, "refused"), ("nobody", 404, "unknown_batch")):
        answer = ask(workers[1], path_of(batch, "/acts"), token=TOKEN, body=said)
        assert (answer.status, answer.body["error"]) == (status, code)
    assert ask(workers[0], path_of(COMPLETE[0])).body["acts"] == []


def test_a_dead_letter_is_shown_and_put_back_by_any_worker(workers: list[Worker], stage: Stage) -> None:
    batch = OPEN[1]
    wrong = json.dumps({"event_type": REGISTERED, "data": {"batch_id": batch, "essay_ids": "none"}}).encode()
    sent = stage.io.produce([Message(REGISTERED, b"a key", wrong)])[0]
    source = {"topic": REGISTERED, "partition": sent.partition, "offset": sent.offset}
    letters = wait(lambda: ask(workers[0], f"/api/dead-letters?batch_id={batch}").body["items"], what="the dead letter")
    assert [(letter["source"], letter["key"], letter["batch_id"]) for letter in letters] == [(source, "a key", batch)]
    place = f"/api/dead-letters/{letters[0]['partition']}/{letters[0]['offset']}"
    assert ask(workers[1], place).body["value_text"].encode() == wrong
    assert ask(workers[1], "/api/dead-letters/0/999999").status == 404
    assert ask(workers[1], "/api/dead-letters/x/0").status == 400
    said = ask(workers[2], path_of(batch, "/explain")).body
    assert "1 dead letter names it" in said["sentence"]
    again = ask(workers[2], f"{place}/replay", token=TOKEN, body={"who": "Åsa", "why": "the producer was mended"})
    assert (again.status, again.body["topic"], again.body["offset"] > sent.offset) == (202, REGISTERED, True)
    path = f"/api/dead-letters?batch_id={batch}"
    wait(lambda: len(ask(workers[0], path).body["items"]) == 2, what="it came back as it was: a dead letter again")


def test_the_group_and_its_lag_can_be_asked_without_a_worker(workers: list[Worker], stage: Stage) -> None:
    settings = Settings(_env_file=None, broker=stage.kafka.bootstrap)  # type: ignore[call-arg]

    async def both() -> tuple[Lags, dict[str, tuple[int, ...]]]:
        membership = Membership(settings)
        try:
            return await group_lags(settings), dict(await membership.owned())
        finally:
            await membership.close()

    stage.wait_taken()
    lags, owned = asyncio.run(both())
    assert set(owned) == {f"http://127.0.0.1:{worker.port}" for worker in workers}
    assert sorted(partition for mine in owned.values() for partition in mine) == PARTITIONS
    assert set(lags.log) == set(PARTITIONS)
    assert len(lags.inputs) == 9
    assert set(lags.inputs.values()) == {0}


def test_z_while_a_worker_is_down_its_partition_is_missing_and_never_not_found(
    workers: list[Worker], stage: Stage
) -> None:
    """The last of the module: it leaves two workers."""
    victim, *left = workers
    lost = ask(victim, "/api/local/overview").body["partitions"][0]["partition"]
    batch = next(name for name in OPEN if partition_of(name) == lost)
    victim.kill()
    for worker in left:
        overview = ask(worker, "/api/overview").body
        assert overview["missing"] == [lost]
        assert [info["reachable"] for info in overview["workers"]].count(False) == 1
        assert overview["counts"]["open"] == sum(partition_of(name) != lost for name in OPEN)
        assert ask(worker, "/api/batches").body["missing"] == [lost]
        for name in (batch, f"nobody-{next(n for n in range(99) if partition_of(f'nobody-{n}') == lost)}"):
            answer = ask(worker, path_of(name))
            assert (answer.status, answer.body["error"]) == (503, "partition_unavailable")
            assert str(lost) in answer.body["message"]
    # The session ends, the group moves on; in between there is no moment at which a batch is not found.
    seen = set()

    def back() -> bool:
        answers = [ask(worker, path_of(batch)).status for worker in left]
        seen.update(answers)
        return answers == [200, 200]

    wait(back, what="the partition has a new owner")
    assert seen <= {200, 503}
    wait(lambda: not any(ask(worker, "/api/overview").body["missing"] for worker in left), what="nothing is missing")
    for worker in left:
        overview = ask(worker, "/api/overview").body
        assert overview["counts"]["open"] == len(OPEN)
    wait(lambda: len(ask(left[0], "/api/overview").body["workers"]) == 2, what="the group has forgotten it")
    stage.io.produce([message(content(batch, "after-u", "after-t"))])
    wait(lambda: ask(left[0], path_of(batch)).body["filled"] == 2, what="it goes on")


def test_zz_the_worker_comes_back(workers: list[Worker]) -> None:
    workers[0].start()
    wait(lambda: spread(workers), what="a partition for each worker")
