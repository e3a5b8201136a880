"""However many ask, and hang up: so many are answered at a time, what is not waited for ends, and health answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.api.cluster.cluster import Cluster
from app.api.cluster.local_state import LocalState
from app.api.errors import ApiError
from app.api.http.budget import Lane
from app.api.offload import STEP, Turns
from app.core.batch import Batch
from tables import batches
from tables.glances import Glances, glance_of
from tests.api.serving import Served, connect, filled, get, live, own, serving, until
from tests.support.patience import PATIENCE

LISTS = ["/api/batches", "/api/batches?state=open", "/api/batches?search=b", "/api/pending", "/api/local/batches"]
ASKING = 200  # as many hung up in the report; 72 find a place or wait, the others are sent away


class Watched:
    """Counts how many pages are being made, were begun, and were cancelled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = self.begun = self.cancelled = 0
        self.held = asyncio.Event()
        page = LocalState.page

        async def watched(here: LocalState, *args: Any) -> Any:
            self.begun += 1
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await self.held.wait()
                return await page(here, *args)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            finally:
                self.now -= 1

        monkeypatch.setattr(LocalState, "page", watched)


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    async def nobody(*_args: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr("app.api.cluster.membership.Membership._ask", nobody)
    async with serving(partitions=1) as made:
        own(made, tmp_path, ("big", filled(3000, 2000)), ("b", filled(3, 1, at=10_000)))
        yield made


@pytest.mark.parametrize("path", LISTS)
async def test_lists_whose_clients_hang_up_end_and_health_answers_meanwhile(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    clients = [await connect(served, get(path)) for _ in range(ASKING)]
    await until(lambda: watched.now == 8)
    assert await live(served)
    assert watched.most == 8
    for asked in clients:
        asked.close()
    await until(lambda: watched.now == 0)
    # Each that had begun was cancelled; those that waited for their turn have never begun, or not for long.
    assert watched.cancelled == watched.begun < ASKING
    watched.held.set()
    client = await connect(served, get(path))
    assert (await client.answer())[0] == 200
    client.close()


async def test_beyond_the_budget_a_client_is_told_when_to_come_again_and_health_answers(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    clients = [await connect(served, get("/api/batches")) for _ in range(ASKING)]
    answers = [asyncio.create_task(client.answer()) for client in clients]
    await until(lambda: sum(answer.done() for answer in answers) == ASKING - 8 - 64)
    assert await live(served)
    for status, headers, body in (answer.result() for answer in answers if answer.done()):
        assert (status, headers["retry-after"], json.loads(body)["error"]) == (503, "1", "busy")
    # Other workers, and acts, have places of their own.
    other = await connect(served, get("/api/local/overview"))
    assert (await other.answer())[0] == 200
    watched.held.set()
    assert sorted({status for status, _, _ in await asyncio.gather(*answers)}) == [200, 503]
    assert watched.most == 8
    for asked in [*clients, other]:
        asked.close()


async def test_a_lane_lets_in_so_many_lets_so_many_wait_and_forgets_who_goes() -> None:
    lane = Lane("test", 2, 3)
    go = asyncio.Event()

    async def one() -> None:
        async with lane:
            await go.wait()

    tasks = [asyncio.create_task(one()) for _ in range(5)]
    await until(lambda: (lane.running, lane.waiting) == (2, 3))
    with pytest.raises(ApiError) as refused:
        await one()
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    tasks[0].cancel()
    tasks[4].cancel()
    await until(lambda: (lane.running, lane.waiting) == (2, 1))
    go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (lane.running, lane.waiting) == (0, 0)


async def test_all_requests_together_work_one_at_a_time_and_each_gets_its_turn() -> None:
    turns = Turns()
    working = 0
    steps = dict.fromkeys(range(10), 0)

    async def one(name: int) -> None:
        nonlocal working
        async with turns.pace() as pace:
            while steps[name] < 5:
                working += 1
                assert working == 1
                while not pace.due:
                    pass
                working -= 1
                steps[name] += 1
                assert max(steps.values()) - min(steps.values()) <= 2  # in the order in which they came
                await pace.step()

    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(one(name) for name in steps))
    # 50 steps of at least 4 ms, each with a rest of as long but the last.
    assert asyncio.get_running_loop().time() - began >= 99 * STEP * 0.9


async def test_a_turn_is_given_back_whatever_becomes_of_who_had_it() -> None:
    turns = Turns()

    async def fails() -> None:
        async with turns.pace() as pace:
            await pace.aside(asyncio.sleep(60))

    for _ in range(3):
        task = asyncio.create_task(fails())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
    async with asyncio.timeout(PATIENCE), turns.pace():
        pass


async def test_a_list_loads_a_large_batch_once_and_follows_it_from_then_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    whole = batches.batch_of

    def counted(batch_id: str, values: Any) -> Batch:
        loaded.append(batch_id)
        return whole(batch_id, values)

    monkeypatch.setattr("app.api.cluster.reading.batches.batch_of", counted)

    async def listed() -> dict[str, Any]:
        client = await connect(served, get("/api/batches"))
        status, _, body = await client.answer()
        client.close()
        assert status == 200
        return {batch["batch_id"]: batch for batch in json.loads(body)["items"]}

    first = (await asyncio.gather(*(listed() for _ in range(8))))[0]
    assert loaded.count("big") == 1
    assert first["big"]["filled"] == 2000
    assert first["big"]["reason"] == (
        "waits for 1000 of 3000 slots: essay-002000, essay-002001, essay-002002 and 997 more"
    )
    task = served.app.engine.tasks[0]
    after = whole("big", [batches.row("big", filled(3000, 2500))[1]])
    task.processor.counts.take([after], {})
    assert (await listed())["big"]["filled"] == 2500
    assert loaded.count("big") == 1


async def test_those_who_ask_for_the_overview_at_once_share_an_answer_though_one_hangs_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, go = 0, asyncio.Event()
    overview = Cluster._overview

    async def counted(whole: Cluster) -> Any:
        nonlocal made
        made += 1
        await go.wait()
        return await overview(whole)

    monkeypatch.setattr(Cluster, "_overview", counted)
    clients = [await connect(served, get("/api/overview")) for _ in range(8)]
    await until(lambda: made == 1)
    clients[0].close()
    await until(lambda: served.open == len(clients) - 1)
    assert made == 1
    go.set()
    assert [(await client.answer())[0] for client in clients[1:]] == [200] * 7
    assert made == 1
    for client in clients:
        client.close()


def test_a_glance_that_follows_a_batch_is_the_glance_at_it() -> None:
    glances = Glances()
    facts = filled(2500, 2500)
    batch = Batch("big")
    batch.apply(facts[0])
    glances.expect("big")
    glances.settle(glance_of(batch))
    for fact in facts[1:]:
        batch.apply(fact)
        glances.follow(batch)
        if fact.at % 97 == 0 or batch.complete:
            known = glances.get("big")
            assert known is not None
            assert known._replace(front=0) == glance_of(batch)._replace(front=0)


def test_what_changes_a_batch_while_it_is_loaded_is_not_missed() -> None:
    glances = Glances()
    old, new = Batch("big"), Batch("big")
    for fact in filled(10, 5):
        new.apply(fact)
    glances.expect("big")
    glances.follow(new)
    assert glances.settle(glance_of(old)) == glance_of(new)


async def test_a_batch_is_read_whole_though_it_takes_many_steps(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.offload.STEP", 0.0)
    client = await connect(served, get("/api/batches/big"))
    status, _, body = await client.answer()
    client.close()
    assert status == 200
    slots = json.loads(body)["slot_list"]
    assert [slot["state"] for slot in slots] == ["filled"] * 2000 + ["empty"] * 1000
