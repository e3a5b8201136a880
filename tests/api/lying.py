"""Members of the group that lie, and a worker beside one: what listens at the address of a member may be anything."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.api.cluster.membership import Members
from app.engine.kafka.partitioner import partition_for
from tests.api.serving import Served, connect, filled, get, own, serving

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(handle: Handle) -> AsyncIterator[str]:
    """Something that listens where a worker should."""
    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    finally:
        await runner.cleanup()


def says(text: str | bytes, status: int = 200, *, encoding: str = "", location: str = "") -> Handle:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding, "Location": location}

    async def handle(_: web.Request) -> web.StreamResponse:
        body = text.encode() if isinstance(text, str) else text
        return web.Response(body=body, status=status, headers={name: value for name, value in headers.items() if value})

    return handle


async def never(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(0.05)


async def floods(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"[" * 1_000_000)


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


HUGE = "9" * 400
STANDING = {"partition": 1, "counts": {"unregistered": 1, "open": 1, "complete": 1, "discarded": 1}, "stuck": 0}
OVERVIEW = {"ready": True, "partitions": [], "inputs": [], "standings": []}
PAGE = {"partitions": [1], "items": [], "reached": None}
ANSWERS: dict[str, Handle] = {
    "nothing": says(""),
    "no JSON": says("<html>"),
    "another shape": says('{"a": 1}'),
    "a list": says("[]"),
    "null": says("null"),
    "bytes": says(b"\xff\x00"),
    "nested": says("[" * 100_000),
    "a surrogate": says('{"batch_id": "\\ud800", "rows": [], "first": null}'),
    "huge numbers": says(
        json.dumps(OVERVIEW | {"standings": [STANDING | {"pending_uploads": 1, "oldest_pending": 0}]}).replace(
            '"oldest_pending": 0', f'"oldest_pending": {HUGE}'
        )
    ),
    "a partition that there is not": says(json.dumps(PAGE | {"partitions": [-1, 10**6]})),
    "a place that does not follow": says(json.dumps(PAGE | {"reached": [-5, ""]})),
    "rows that are not Base64": says(json.dumps({"batch_id": "x", "rows": ["%"], "first": 0})),
    "rows that are none": says(
        json.dumps({"batch_id": "x", "rows": [base64.b64encode(row).decode() for row in (b"", b"\1x")], "first": 0})
    ),
    "rows of a newer release": says(
        json.dumps({"batch_id": "x", "rows": [base64.b64encode(b"\x63\x90").decode()], "first": 0})
    ),
    "not gzip": says("x", encoding="gzip"),
    "a redirect": says("", 302, location="http://127.0.0.1:1/"),
    "an error of its own": says('{"error": "x", "message": "y"}', 500),
    "401": says('{"error": "unauthorized", "message": "y"}', 401),
    "404": says('{"error": "not_found", "message": "y"}', 404),
    "a status that there is not": says("", 999),
    "never": never,
    "dripping": drips,
    "without end": floods,
    "a hang-up": hangs_up,
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.cluster.peers.LARGEST_ANSWER", 3_000_000)


ELSEWHERE = next(name for name in map(str, range(100)) if partition_for(name.encode(), 2) == 1)
HERE = next(name for name in map(str, range(100)) if partition_for(name.encode(), 2) == 0)


@asynccontextmanager
async def beside(url: str, home: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> AsyncIterator[Served]:
    """A worker that owns partition 0, beside a member at ``url`` that is said to own partition 1."""

    async def members(_: Any) -> Members:
        return Members(stable=True, owned={url: (1,)})

    monkeypatch.setattr("app.api.cluster.membership.Membership._ask", members)
    monkeypatch.setattr("app.api.cluster.peers.PATIENCE", 0.5)
    monkeypatch.setattr("app.api.cluster.peers.PATIENCE_WITH_ROWS", 1.0)
    async with serving(partitions=2, **settings) as served:
        own(served, home, (HERE, filled(2, 1)))
        yield served


async def answer(served: Served, path: str, *lines: str) -> tuple[int, Any]:
    client = await connect(served, get(path, *lines))
    status, _, body = await client.answer()
    client.close()
    return status, json.loads(body)


async def listed(served: Served) -> list[str]:
    """The ids of all pages of the list."""
    found, cursor = [], ""
    for _ in range(5):
        _, page = await answer(served, f"/api/batches?limit=10{cursor}")
        found += [batch["batch_id"] for batch in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"
    pytest.fail("the list has no end")
