"""Who may ask and act: every row of the table of app.engine.http.access, on the own web server without a worker."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from app.engine.http.access import Gate
from app.main import create_app
from app.settings import Settings
from tests.api.conftest import READ_TOKEN, TOKEN
from tests.api.serving import settings_of

if TYPE_CHECKING:
    from faust.web.drivers.aiohttp import Web as AiohttpWeb

Client = TestClient[Any, Any]
Open = Callable[..., Any]

STATIC = ["/", "/board/board.js", "/board/board.css"]
READS = ["/metrics", "/api/openapi.json", "/api/local/overview", "/no/such/path"]
ACTS = ["/api/batches/b/acts", "/api/dead-letters/0/0/replay"]
ACT = {"act": "discard", "who": "Åsa", "why": "a test"}


@pytest.fixture
async def serve() -> AsyncIterator[Open]:
    """Serves what a worker serves, with given settings; nothing of Kafka is started, or reached."""
    clients: list[Client] = []

    async def one(**settings: Any) -> Client:
        app = create_app(settings_of(**settings))
        client: Client = TestClient(TestServer(cast("AiohttpWeb", app.web).web_app))
        await client.start_server()
        clients.append(client)
        return client

    yield one
    for client in clients:
        await client.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("headers", "access"),
    [
        ({}, None),
        (bearer("wrong"), None),
        (bearer(TOKEN[:-1]), None),
        (bearer(TOKEN + "x"), None),
        (bearer(""), None),
        ({"Authorization": TOKEN}, None),
        ({"Authorization": f"Basic {TOKEN}"}, None),
        ({"Authorization": "Bearer å" * 3}, None),
        (bearer(READ_TOKEN), "read"),
        (bearer(TOKEN), "full"),
        ({"Authorization": f"bearer  {TOKEN} "}, "full"),
    ],
)
async def test_with_tokens_a_read_needs_one(
    serve: Open, path: str, headers: dict[str, str], access: str | None
) -> None:
    client = await serve(http_token=TOKEN, http_read_token=READ_TOKEN)
    answer = await client.get(path, headers=headers)
    if access is None:
        assert answer.status == 401
        assert (await answer.json())["error"] == "unauthorized"
        assert "Bearer" in answer.headers["WWW-Authenticate"]
        assert "Rollcall-Access" not in answer.headers
    else:
        assert answer.status == (404 if "no/such" in path else 200)
        assert answer.headers["Rollcall-Access"] == access


async def test_without_a_read_token_only_the_full_one_is_taken(serve: Open) -> None:
    client = await serve(http_token=TOKEN)
    assert (await client.get("/metrics", headers=bearer(TOKEN))).status == 200
    for wrong in ("", "None", READ_TOKEN):
        assert (await client.get("/metrics", headers=bearer(wrong))).status == 401


@pytest.mark.parametrize("path", ACTS)
@pytest.mark.parametrize(("token", "status"), [(None, 401), (READ_TOKEN, 403), (TOKEN, None)])
async def test_an_act_needs_the_full_token(serve: Open, path: str, token: str | None, status: int | None) -> None:
    client = await serve(http_token=TOKEN, http_read_token=READ_TOKEN)
    answer = await client.post(path, json=ACT if "acts" in path else {}, headers=bearer(token) if token else {})
    assert answer.status == status if status else answer.status in {400, 503}  # admitted; there is no broker
    if status == 403:
        assert (await answer.json())["error"] == "read_only"


@pytest.mark.parametrize("settings", [{}, {"http_token": TOKEN, "http_host": "127.0.0.2"}])
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_health_never_needs_a_token(serve: Open, settings: dict[str, Any], path: str) -> None:
    client = await serve(**settings)
    answer = await client.get(path, headers={"Host": "rollcall.example"})
    assert answer.status == (200 if "live" in path else 503)
    assert "status" in await answer.json()


@pytest.mark.parametrize("path", STATIC)
async def test_the_boards_files_need_no_token_and_permit_nothing_foreign(serve: Open, path: str) -> None:
    client = await serve(http_token=TOKEN)
    answer = await client.get(path)
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    again = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize(
    "path",
    ["/board/..%2Fsettings.py", "/board/../settings.py", "/board/%2e%2e/settings.py", "/board/none.js", "/board/"],
)
async def test_nothing_but_the_boards_files_is_served(serve: Open, path: str) -> None:
    client = await serve()
    answer = await client.get(path)
    assert answer.status == 404


LOOPBACK = ["127.0.0.1", "127.0.0.1:6066", "localhost:6066", "LOCALHOST", "[::1]:6066", "127.9.9.9"]
FOREIGN = [
    "rollcall.example",
    "rollcall.example:6066",
    "192.168.1.7",
    "127.0.0.1.example",
    "localhost.example",
    "",
    "[",
    "0",
]


@pytest.mark.parametrize("path", [*READS, *STATIC])
@pytest.mark.parametrize("host", [*LOOPBACK, *FOREIGN])
async def test_without_tokens_a_foreign_name_is_refused(serve: Open, path: str, host: str) -> None:
    """A web page can give a name of its own the address 127.0.0.1, and would then be of the same origin."""
    client = await serve()
    answer = await client.get(path, headers={"Host": host})
    if host in FOREIGN:
        assert answer.status == 403
        assert (await answer.json())["error"] == "foreign_host"
    else:
        assert answer.status == (404 if "no/such" in path else 200)
        assert answer.headers.get("Rollcall-Access") == (None if path in STATIC else "full")


@pytest.mark.parametrize("path", ACTS)
@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"Content-Type": "text/plain"}, (415, "not_json")),
        ({"Content-Type": "application/x-www-form-urlencoded"}, (415, "not_json")),
        ({"Content-Type": "multipart/form-data; boundary=x"}, (415, "not_json")),
        ({"Content-Type": "application/json", "Origin": "https://evil.example"}, (403, "cross_origin")),
        ({"Content-Type": "application/json", "Origin": "null"}, (403, "cross_origin")),
        ({"Content-Type": "application/json", "Origin": "http://127.0.0.1:1"}, (403, "cross_origin")),
        ({"Content-Type": "application/json", "Origin": "http://localhost:6066"}, None),
        ({"Content-Type": "application/json"}, None),
        ({"Content-Type": "application/json; charset=utf-8"}, None),
    ],
)
async def test_without_tokens_a_page_from_elsewhere_can_not_act(
    serve: Open, path: str, headers: dict[str, str], refused: tuple[int, str] | None
) -> None:
    client = await serve()
    answer = await client.post(path, data=b"{}", headers=headers | {"Host": "localhost:6066"})
    told = answer.status, (await answer.json())["error"]
    assert told == (refused or (400, "bad_request"))  # admitted: the empty body is what is wrong


ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Sec-Fetch-Site": "same-site"},  # another port of this machine
    {"Sec-Fetch-Site": "CROSS-SITE"},
    {"Sec-Fetch-Site": "å"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:6067"},
    {"Origin": "null"},
    {"Origin": "http://["},
]
OWN: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    {"Origin": "http://localhost:6066", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("path", [*READS, "/api/events"])
@pytest.mark.parametrize("headers", [*ELSEWHERE, *OWN])
async def test_without_tokens_a_page_from_elsewhere_can_not_even_keep_the_worker_busy(
    serve: Open, path: str, headers: dict[str, str]
) -> None:
    client = await serve()
    async with client.get(path, headers=headers | {"Host": "localhost:6066"}) as answer:
        if headers in ELSEWHERE:
            assert answer.status == 403
            assert (await answer.json())["error"] == "cross_origin"
        else:
            assert answer.status == (404 if "no/such" in path else 200)


@pytest.mark.parametrize("path", [*STATIC, "/health/live"])
async def test_a_link_from_elsewhere_leads_to_the_board(serve: Open, path: str) -> None:
    client = await serve()
    for headers in ELSEWHERE:
        assert (await client.get(path, headers=headers)).status == 200


async def test_no_page_from_elsewhere_is_permitted_to_read(serve: Open) -> None:
    client = await serve()
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = await client.request(method, "/api/local/overview", headers=headers)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


async def test_other_methods_are_refused(serve: Open) -> None:
    client = await serve()
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await client.request(method, "/api/overview", json={})
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]


async def test_errors_tell_no_token(serve: Open, capsys: pytest.CaptureFixture[str]) -> None:
    client = await serve(http_token=TOKEN, http_read_token=READ_TOKEN)
    for path in [*READS, *STATIC, *ACTS, "/api/overview", "/api/batches?limit=x", "/api/batches?cursor=x"]:
        for token in (TOKEN, READ_TOKEN, TOKEN + "x"):
            for answer in (
                await client.get(path, headers=bearer(token)),
                await client.post(path, json={}, headers=bearer(token)),
            ):
                said = (await answer.read()).decode() + str(answer.headers)
                assert TOKEN not in said
                assert READ_TOKEN not in said
    told = capsys.readouterr()
    assert TOKEN not in told.out + told.err
    assert READ_TOKEN not in told.out + told.err


def test_no_repr_tells_a_token() -> None:
    settings = Settings(_env_file=None, http_token=SecretStr(TOKEN), http_read_token=SecretStr(READ_TOKEN))  # type: ignore[call-arg]
    for served in (settings, Gate(settings), settings.model_dump(), settings.model_dump_json()):
        assert TOKEN not in f"{served!r} {served}"
        assert READ_TOKEN not in f"{served!r} {served}"
