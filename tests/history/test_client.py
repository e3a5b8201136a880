"""Whom a command asks, what it shows of itself, and what it makes of the answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

import app
from app.commands import client
from app.commands.base import CommandError
from app.commands.client import NobodyError, ask, path
from tests.history.log import settings

NOWHERE = "http://127.0.0.1:9"
FULL, READ = "a-token-of-sixteen-or-more", "another-one-to-read-only"

Serve = Callable[..., Awaitable[str]]


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(http_token=FULL, http_read_token=READ)
    monkeypatch.setitem(vars(app), "app", SimpleNamespace(settings=chosen))


@pytest.fixture
def asked() -> list[web.Request]:
    """The requests that came."""
    return []


@pytest.fixture
async def serve(asked: list[web.Request]) -> AsyncIterator[Serve]:
    """Starts a worker that always answers the same; its URL."""
    servers: list[TestServer] = []

    async def start(status: int, body: Any, **headers: str) -> str:
        async def answer(request: web.Request) -> web.Response:
            asked.append(request)
            return web.json_response(body, status=status, headers=headers)

        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", answer)
        server = TestServer(application, host="127.0.0.1")
        await server.start_server()
        servers.append(server)
        return str(server.make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


async def test_the_next_worker_is_asked_where_one_does_not_answer_or_can_not_say(
    serve: Serve, asked: list[web.Request]
) -> None:
    unable = await serve(503, {"error": "partition_unavailable", "message": "nobody has partition 1"})
    able = await serve(200, {"state": "open"})
    assert await ask([NOWHERE, unable, able], path("batches", "a/b é")) == {"state": "open"}
    assert [request.raw_path for request in asked] == ["/api/batches/a%2Fb%20%C3%A9"] * 2
    assert {request.headers["Authorization"] for request in asked} == {f"Bearer {READ}"}


async def test_where_nobody_can_answer_the_last_reason_is_told(serve: Serve) -> None:
    unable = await serve(503, {"error": "partition_unavailable", "message": "nobody has partition 1"})
    with pytest.raises(NobodyError, match="nobody has partition 1"):
        await ask([unable, NOWHERE], path("overview"))
    with pytest.raises(NobodyError, match=NOWHERE):
        await ask([NOWHERE], path("overview"))


@pytest.mark.parametrize(("status", "ends"), [(400, 2), (401, 1), (403, 1), (404, 3), (409, 1), (422, 2), (500, 1)])
async def test_a_refusal_is_an_exit_status_and_its_own_message(serve: Serve, status: int, ends: int) -> None:
    url = await serve(status, {"error": "word", "message": "because"})
    with pytest.raises(CommandError, match="because") as raised:
        await ask([url], path("overview"))
    assert (raised.value.status, raised.value.code) == (ends, "word")


async def test_an_act_is_sent_once_and_with_the_full_token(serve: Serve, asked: list[web.Request]) -> None:
    first, second = await serve(202, {"refused": None}), await serve(202, {"refused": None})
    await ask([first, second], path("batches", "b", "acts"), body={"act": "discard"})
    assert [request.method for request in asked] == ["POST"]
    assert asked[0].headers["Authorization"] == f"Bearer {FULL}"


async def test_an_act_whose_answer_is_lost_is_not_sent_to_another_worker(
    asked: list[web.Request], serve: Serve
) -> None:
    async def lost(request: web.Request) -> web.Response:
        asked.append(request)
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", lost)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    other = await serve(202, {"refused": None})
    try:
        with pytest.raises(NobodyError, match="may have been done"):
            await ask([str(server.make_url("")), other], path("batches", "b", "acts"), body={"act": "discard"})
    finally:
        await server.close()
    assert len(asked) == 1


async def test_a_redirect_is_not_followed_with_the_token(serve: Serve, asked: list[web.Request]) -> None:
    elsewhere = await serve(200, {})
    url = await serve(302, {}, Location=elsewhere)
    with pytest.raises(CommandError, match="302"):
        await ask([url], path("overview"))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("full", "read", "to_read", "to_act"),
    [(None, None, None, None), (FULL, None, FULL, FULL), (None, READ, READ, None), (FULL, READ, READ, FULL)],
)
def test_to_read_the_read_token_is_shown_and_the_full_one_only_where_no_other_is_set(
    full: str | None, read: str | None, to_read: str | None, to_act: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def secret(token: str | None) -> SecretStr | None:
        return None if token is None else SecretStr(token)

    chosen = SimpleNamespace(http_token=secret(full), http_read_token=secret(read))
    monkeypatch.setitem(vars(app), "app", SimpleNamespace(settings=chosen))
    for shown, expected in ((client._credentials(full=False), to_read), (client._credentials(full=True), to_act)):
        assert shown == ({} if expected is None else {"Authorization": f"Bearer {expected}"})
