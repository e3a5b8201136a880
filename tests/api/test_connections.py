"""Connections: bounded in number and in time; and nothing of what can't be read is logged or sent back."""

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from app.engine.faust import connections
from app.engine.faust.connection import Limits
from tests.api.conftest import READ_TOKEN, TOKEN
from tests.api.serving import Raw, connect, get, live, serving, until
from tests.support.patience import PATIENCE

#: Short, so that no test waits; each test needs one of them only.
SOON, LATER = 0.2, 60.0
CANARY = "canary-" + "c" * 20

#: Each has the canary in it, where a token would be.
MALFORMED = {
    "a stray carriage return": f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CANARY}\r\r\n\r\n",
    "a header that is none": f"GET / HTTP/1.1\r\nHost: localhost\r\n{CANARY}\r\n\r\n",
    "a header's name with a space": f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization {CANARY}: x\r\n\r\n",
    "a NUL in a header": f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CANARY}\0\r\n\r\n",
    "a control character in a header": f"GET / HTTP/1.1\r\nHost: localhost\r\nX: \x01{CANARY}\r\n\r\n",
    "a folded header": f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer\r\n {CANARY}\r\n\r\n",
    "a method that is none": f"{CANARY}! / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an unknown version": f"GET /{CANARY} HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "no HTTP": f"{CANARY}\r\n\r\n",
    "TLS": f"\x16\x03\x01\x02\x00\x01{CANARY}\r\n\r\n",
    "a line without end": f"GET /{CANARY}{'x' * 40_000} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header without end": (
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CANARY}{'x' * 40_000}\r\n\r\n"
    ),
    "too many headers": f"GET / HTTP/1.1\r\nHost: localhost\r\n{f'X: {CANARY}' + chr(13) + chr(10)}" * 300 + "\r\n\r\n",
    "two lengths": f"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4{CANARY}\r\n\r\nabc",
    "a length that is none": f"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: {CANARY}\r\n\r\n",
    "a length and chunks": (
        f"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}"
    ),
    "a coding that is none": f"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {CANARY}\r\n\r\n",
    "a chunk that is none": (
        f"POST /api/batch/acts?id=b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n{CANARY}\r\n"
    ),
    "an expectation that is none": (
        f"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: {CANARY}\r\nConnection: close\r\n\r\n"
    ),
    "an address that is none": f"GET http://[{CANARY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a host that is none": f"GET /api/overview HTTP/1.1\r\nHost: [{CANARY}\r\nConnection: close\r\n\r\n",
    "a path that is none": f"GET /{CANARY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "another method": f"DELETE /api/overview?{CANARY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a body that is not gzip": (
        "POST /api/batch/acts?id=b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(CANARY)}\r\nConnection: close\r\n\r\n{CANARY}"
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize(
    "settings", [{}, {"http_token": TOKEN, "http_read_token": READ_TOKEN}], ids=["no tokens", "tokens"]
)
async def test_nothing_of_a_request_that_can_not_be_read_is_logged_or_sent_back(
    name: str, settings: dict[str, Any], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(**settings) as served:
        client = await connect(served, MALFORMED[name].encode("latin-1"))
        said = await client.rest()
        assert await live(served)
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1."), said
    assert 400 <= int(head.split()[1]) < 500, said
    assert json.loads(body)["error"]
    assert b"\r\nServer: Rollcall\r\n" in head + b"\r\n"
    told = capfd.readouterr()
    for text in (said.decode("latin-1"), told.out, told.err, caplog.text):
        assert CANARY not in text
        assert "Traceback" not in text


@pytest.mark.parametrize("path", ["/", "/health/live", "/metrics", "/api/openapi.json", "/no/such/path", "/api/events"])
async def test_no_answer_names_a_version_of_what_serves_it(path: str) -> None:
    async with serving() as served:
        client = await connect(served, get(path))
        head = await client.reader.readuntil(b"\r\n\r\n")
        client.close()
    assert b"Server: Rollcall\r\n" in head
    assert b"aiohttp" not in head
    assert b"Python" not in head


async def test_an_idle_connection_is_closed() -> None:
    async with serving(Limits(idle_seconds=SOON)) as served:
        fresh = await connect(served)
        used = await connect(served, get("/health/live"))
        assert (await used.answer())[0] == 200
        assert await fresh.rest() == b""
        assert await used.rest() == b""


async def test_a_request_whose_head_never_ends_is_answered_and_closed_however_it_drips() -> None:
    async with serving(Limits(head_seconds=SOON)) as served:
        client = await connect(served, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n")
        async with dripping(client):
            assert b" 408 " in (await client.rest()).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("limits", "sent", "status"),
    [
        (Limits(head_seconds=SOON), b"GET /health/live HTTP/1.1\r\n", 408),
        (Limits(connections=0), b"", 503),
        (Limits(), b"\xff no HTTP \r\n\r\n", 400),
    ],
)
async def test_what_a_client_still_sends_takes_nothing_of_why_it_was_refused(
    limits: Limits, sent: bytes, status: int
) -> None:
    """Closed at once, its next byte would be answered by a reset, which throws away what it has not read."""
    async with serving(limits) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            client.settimeout(0)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, sent)
            await refused(client)
            for _ in range(3):
                await loop.sock_sendall(client, b"X: y\r\n")
                await asyncio.sleep(SOON / 4)
            assert (await loop.sock_recv(client, 4096)).split()[1] == str(status).encode()


async def refused(client: socket.socket) -> None:
    """Wait until there is an answer, and read nothing of it."""
    loop, there = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(client.fileno(), there.set)
    try:
        async with asyncio.timeout(PATIENCE):
            await there.wait()
    finally:
        loop.remove_reader(client.fileno())


async def test_of_those_that_were_refused_only_so_many_have_time_to_read_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_LINGERING", 3)
    async with serving(Limits(connections=0)) as served:
        clients = [await connect(served) for _ in range(10)]
        for client in clients:
            assert (await client.answer())[0] == 503
        assert served.open <= 4


async def test_a_client_that_was_refused_and_does_not_hang_up_is_closed_all_the_same() -> None:
    async with serving(Limits(head_seconds=SOON)) as served:
        client = await connect(served, b"GET /health/live HTTP/1.1\r\n")
        async with dripping(client):
            await client.rest()
            await until(lambda: not served.open)


@asynccontextmanager
async def dripping(client: Raw) -> AsyncIterator[None]:
    """A client whose request's head drips, whatever it is told."""

    async def drip() -> None:
        # To the socket itself: a write that comes after the end would have the client forget what it has not read.
        number = os.dup(client.writer.get_extra_info("socket").fileno())
        try:
            while True:
                with suppress(OSError):
                    os.write(number, b"X: y\r\n")
                await asyncio.sleep(SOON / 10)
        finally:
            os.close(number)

    drips = asyncio.create_task(drip())
    try:
        yield
    finally:
        drips.cancel()


@pytest.mark.parametrize("path", ["/api/batch/acts?id=b", "/api/batches/b/acts"])
async def test_a_body_that_never_ends_is_answered_and_closed(path: str) -> None:
    async with serving(Limits(body_seconds=SOON)) as served:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        )
        client = await connect(served, head.encode() + b"{")
        assert (await client.answer())[0] == 408


async def test_a_client_that_does_not_take_its_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    large = b"x" * 50_000_000
    monkeypatch.setattr("app.engine.http.exposition.choose_encoder", lambda _: (lambda _: large, "text/plain"))
    async with serving(Limits(stalled_seconds=SOON)) as served:
        client = await connect(served, get("/metrics"))
        await until(lambda: served.open == 1)
        await until(lambda: served.open == 0)
        client.close()


async def test_beyond_the_bound_the_longest_idle_makes_room_and_health_answers() -> None:
    async with serving(Limits(connections=20)) as served:
        idle = [await connect(served) for _ in range(10)]
        half = [await connect(served, b"GET / HTTP/1.1\r\n") for _ in range(10)]
        more = []
        for _ in range(30):
            more.append(await connect(served))
            assert await live(served)
            assert served.open <= 20
        assert [await connection.rest() for connection in [*idle, *half]] == [b""] * 20
        for connection in more:
            connection.close()


async def test_where_all_are_being_answered_one_more_is_sent_away() -> None:
    async with serving(Limits(connections=3)) as served:
        streams = [await connect(served, get("/api/events")) for _ in range(3)]
        for stream in streams:
            assert b" 200 " in await stream.reader.readuntil(b"\r\n\r\n")
        refused = await connect(served)
        status, headers, body = await refused.answer()
        assert (status, headers["retry-after"], json.loads(body)["error"]) == (503, "1", "busy")
        for _ in range(3):  # nor is one that is sent away in the place of another one that was
            assert (await (await connect(served)).answer())[0] == 503
        streams[0].close()
        await until(lambda: served.open < 3)
        assert await live(served)
        for stream in streams:
            stream.close()


async def test_a_stream_lives_beyond_every_limit_of_time() -> None:
    short = Limits(idle_seconds=SOON, head_seconds=SOON, body_seconds=SOON, stalled_seconds=SOON)
    async with serving(short) as served:
        client = await connect(served, get("/api/events"))
        await client.reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(10 * SOON)
        assert served.open == 1
        client.close()


async def test_a_kept_connection_serves_one_request_after_another() -> None:
    async with serving() as served:
        client = await connect(served)
        for path in ("/health/live", "/api/openapi.json", "/no/such/path", "/health/live"):
            client.writer.write(get(path))
            assert (await client.answer())[0] in {200, 404}
        client.close()
        await until(lambda: served.open == 0)
