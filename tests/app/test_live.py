"""`/health/live` tells the truth: 200 while the worker works or waits, 503 with the reason once it can't go on."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app import http


async def live(trouble: str | None, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Any]:
    monkeypatch.setattr("app.http.server.add", lambda _: None)  # the API needs a whole application
    application = web.Application()
    app: Any = SimpleNamespace(web=SimpleNamespace(web_app=application), trouble=trouble)
    http.add_routes(app)
    async with TestClient(TestServer(application)) as client, client.get("/health/live") as answer:
        return answer.status, await answer.json()


async def test_a_worker_without_trouble_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await live(None, monkeypatch) == (200, {"status": "live"})


async def test_a_worker_that_cant_go_on_is_not_live_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "the loop of the consumer's thread has not turned for 15 s"
    assert await live(said, monkeypatch) == (503, {"status": "not live", "reason": said})
