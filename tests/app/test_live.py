"""`/health/live` tells the truth: 200 while the worker works or waits, 503 with the reason once it can't go on."""

from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.engine.http import health


async def live(trouble: str | None) -> tuple[int, Any]:
    application = web.Application()
    app: Any = SimpleNamespace(web=SimpleNamespace(web_app=application), trouble=trouble)
    health.add_routes(app)
    async with TestClient(TestServer(application)) as client, client.get("/health/live") as answer:
        return answer.status, await answer.json()


async def test_a_worker_without_trouble_is_live() -> None:
    assert await live(None) == (200, {"status": "live"})


async def test_a_worker_that_cant_go_on_is_not_live_and_says_why() -> None:
    said = "the loop of the consumer's thread has not turned for 15 s"
    assert await live(said) == (503, {"status": "not live", "reason": said})
