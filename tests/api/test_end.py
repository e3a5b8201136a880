"""The end of the web server: it waits for no task for ever, not for one that has lost its cancellation."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.api.cluster.recent import RecentHour
from app.api.http.stream import Broadcaster
from app.api.http.under_way import UnderWay
from app.engine import ending
from tests.api.serving import connect, get, serving
from tests.engine.test_ending import deaf
from tests.support.patience import PATIENCE


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_AGAIN", 0.05)


async def hour(_: pytest.MonkeyPatch) -> None:
    async with serving():
        await asyncio.sleep(0.01)


async def stream(_: pytest.MonkeyPatch) -> None:
    async with serving() as served:
        client = await connect(served, get("/api/events"))
        await client.reader.readuntil(b"\r\n\r\n")
        client.close()


async def act(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.http.under_way.SHUTDOWN_SECONDS", 0.01)
    acts = UnderWay()
    waiting = asyncio.create_task(acts.do(deaf(1)))  # type: ignore[arg-type]  # it never answers
    await asyncio.sleep(0.01)
    await acts.close()
    await asyncio.wait({waiting})


@pytest.mark.parametrize("use", [hour, stream, act])
async def test_a_web_server_that_stops_waits_for_none_for_ever(
    monkeypatch: pytest.MonkeyPatch, use: Callable[[pytest.MonkeyPatch], Awaitable[None]]
) -> None:
    monkeypatch.setattr(RecentHour, "run", lambda _: deaf(1))
    monkeypatch.setattr(Broadcaster, "_look", lambda _: deaf(1))
    await asyncio.wait_for(use(monkeypatch), PATIENCE)
