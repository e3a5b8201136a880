"""Whatever is asked is answered, never by 500 and never with a traceback: every parameter of every route, fuzzed.

The routes and their parameters are those of the OpenAPI document, so a new one is fuzzed from the day it is served.
"""

import base64
import gzip
import json
import logging
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.http import routes
from app.api.http.openapi import document
from tests.api.serving import Raw, Served, connect, filled, get, live, own, serving
from tests.core.examples import examples

BATCHES = ["b", ".", "..", "a/b", "%", "å"]


def cursor(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


#: What has broken something somewhere, as the bytes of a part of a URL, percent-encoded.
NASTY = [
    "",
    "0",
    "-1",
    "1" * 5000,
    "9" * 19,
    "18446744073709551616",
    "1e999",
    "1_0",
    quote("١٢"),  # digits, and not ASCII
    quote("²"),
    "NaN",
    "Infinity",
    "true",
    "null",
    ".",
    "..",
    "%2E",
    "%2F",
    "%2e%2e%2f",
    "%00",
    "%FF",
    "%C3",
    "%ED%A0%80",
    "%F4%90%80%80",
    "%",
    "%zz",
    "%25zz",
    "+",
    "a%0D%0AX:%20y",
    "%E2%80%AE",
    "'%22%3Cscript%3E",
    "x" * 4000,
    quote("😀" * 1000),
    cursor('[1e999,"a"]'),
    cursor('[NaN,"a"]'),
    cursor('[-1e999,"a"]'),
    cursor('["1","a"]'),
    cursor("[1,2]"),
    cursor("[true,null]"),
    cursor('[1,"\\ud800"]'),
    cursor('[1,"a","b"]'),
    cursor('{"1":"a"}'),
    cursor('"ab"'),
    cursor(f'[{"9" * 4299},"a"]'),
    cursor(f'[{"9" * 5000},"a"]'),
    cursor("[" * 5000),
    cursor("[" * 5000 + "]" * 5000),
    cursor('[5,"b"]'),
    "0-1",
    f"0-{'9' * 5000}",
    "0-1.0-2.x",
    "open",
    "complete",
]
ACT = {"act": "discard", "who": "Åsa", "why": "a test"}
NASTY_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"act":"discard","who":"a\\ud800","why":"x"}',
    b'{"act":"discard","who":"a\\u0000","why":"\\u0000"}',
    b'{"act":"extend","who":"a","why":"x","seconds":1e999}',
    b'{"act":"extend","who":"a","why":"x","seconds":NaN}',
    b'{"act":"extend","who":"a","why":"x","seconds":' + b"9" * 5000 + b"}",
    b'{"act":"reopen","who":"a","why":"x","essay_ids":[' + b",".join([b'"e"'] * 10_000) + b"]}",
    b'{"act":"discard","who":"a","why":"x","act_id":"' + b"x" * 100_000 + b'"}',
    b'{"' + b"k" * 100_000 + b'":1}',
    json.dumps(ACT).encode(),
    b"x" * 2_000_000,
]
NASTY_HEADERS = [
    "Content-Encoding: gzip",
    "Content-Encoding: deflate",
    "Content-Encoding: br",
    "Content-Encoding: zstd",
    "Content-Encoding: gzip, gzip",
    "Content-Type: application/json; charset=no-such",
    "Content-Type: application/json; charset=utf-16",
    "Content-Type: ;;;",
    "Content-Type: text/html",
    "Accept: \xff",
    "Accept-Encoding: *;q=x",
    "Authorization: Bearer \xff",
    "Cookie: =;=",
    'If-None-Match: "',
    "If-Modified-Since: never",
    "Range: bytes=9-1",
    "Expect: 100-continue",
    "Upgrade: websocket",
    "Connection: upgrade",
    "Origin: http://[",
    "Origin: null",
    "Sec-Fetch-Site: \xe5",
    "X-Forwarded-For: ::",
    "Transfer-Encoding: gzip",
    "Host: [",
    "Host: localhost:99999",
]

PATHS: list[tuple[str, str, list[str]]] = [
    (
        method.upper(),
        path,
        [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"],
    )
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
] + [("GET", path, ["id", "cursor", "limit", "state", "search", "stuck"]) for path, _ in routes.LOCAL]


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """A worker with batches, whose broker refuses at once."""

    async def nobody(*_args: Any, **_options: Any) -> Any:
        raise ConnectionError

    for name in ("dead_letters", "dead_letter", "replay_dead_letter", "timeline"):
        monkeypatch.setattr(f"app.api.http.handlers.{name}", nobody)
    monkeypatch.setattr("app.api.present.explain.dead_letters", nobody)
    monkeypatch.setattr("app.engine.task_manager.TaskManager.write", nobody)
    async with serving(partitions=1) as made:
        monkeypatch.setattr("app.api.cluster.membership.Membership._ask", nobody)
        own(made, tmp_path, *((name, filled(3, number % 3, 10 * number)) for number, name in enumerate(BATCHES)))
        yield made


@cache
def bomb() -> bytes:
    """Blanks, a thousand times what they are on the way."""
    return gzip.compress(b" " * 50_000_000)


async def ask(served: Served, request: bytes) -> int:
    """The status of an answer, whose body is checked."""
    client: Raw = await connect(served, request)
    head = await client.reader.readuntil(b"\r\n\r\n")
    status = int(head.split()[1])
    if b"text/event-stream" not in head and b"application/json" in head and b"Content-Length" in head:
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        json.loads(await client.reader.readexactly(length))
    client.close()
    return status


def fill(path: str, part: str) -> str:
    """A path with this part in the place of each of its own."""
    for name in ("batch_id", "partition", "offset"):
        path = path.replace(f"{{{name}}}", part)
    return path


def request_of(method: str, target: str, headers: list[str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    if method == "POST":
        if not any(header.lower().startswith("content-type") for header in headers):
            lines.append("Content-Type: application/json")
        lines.append(f"Content-Length: {len(body)}")
    else:
        body = b""
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


@pytest.fixture(autouse=True)
def no_traceback(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO)
    yield
    told = capfd.readouterr()
    text = told.out + told.err + caplog.text
    assert "Traceback" not in text, text[-3000:]
    assert "a request failed" not in text


@pytest.mark.parametrize(("method", "path", "parameters"), PATHS)
async def test_no_parameter_is_answered_by_500(served: Served, method: str, path: str, parameters: list[str]) -> None:
    body = json.dumps(ACT).encode()
    for value in NASTY:
        targets = [fill(path, value)] if "{" in path else []
        targets += [f"{fill(path, 'b')}?{name}={value}" for name in parameters]
        targets += [f"{fill(path, 'b')}?{name}={value}&{name}={value}&&=&{value}" for name in parameters[:1]]
        for target in targets:
            status = await ask(served, request_of(method, target, [], body))
            assert status in {200, 202, 400, 404, 409, 503}, (status, target[:200])
    assert await live(served)


@pytest.mark.parametrize("path", ["/api/batches/b/acts", "/api/batch/acts?id=b", "/api/dead-letters/0/0/replay"])
async def test_no_body_is_answered_by_500(served: Served, path: str) -> None:
    for body in NASTY_BODIES:
        for headers in ([], ["Content-Encoding: gzip"], ["Content-Encoding: deflate"]):
            status = await ask(served, request_of("POST", path, headers, body))
            assert status in {400, 404, 409, 413, 503}, (status, body[:100], headers)
    assert await ask(served, request_of("POST", path, ["Content-Encoding: gzip"], bomb())) == 413
    cut = gzip.compress(json.dumps(ACT).encode())[:-20]
    assert await ask(served, request_of("POST", path, ["Content-Encoding: gzip"], cut)) == 400


@pytest.mark.parametrize("header", NASTY_HEADERS)
async def test_no_header_is_answered_by_500(served: Served, header: str) -> None:
    for method, path in (("GET", "/api/batches"), ("GET", "/"), ("GET", "/metrics"), ("POST", "/api/batch/acts?id=b")):
        status = await ask(served, request_of(method, path, [header], json.dumps(ACT).encode()))
        assert status in {100, 200, 304, 400, 403, 404, 409, 413, 415, 417, 503}, (status, method, path)


@given(
    which=st.sampled_from(PATHS),
    part=st.binary(min_size=1, max_size=40),
    values=st.lists(
        st.one_of(st.binary(max_size=60), st.text(max_size=30).map(lambda it: it.encode("utf-8", "replace")))
    ),
    headers=st.lists(st.sampled_from(NASTY_HEADERS), max_size=2),
    body=st.one_of(st.binary(max_size=200), st.sampled_from(NASTY_BODIES)),
)
@examples(60)
async def test_nothing_that_is_made_up_is_answered_by_500(
    served: Served, which: tuple[str, str, list[str]], part: bytes, values: list[bytes], headers: list[str], body: bytes
) -> None:
    method, path, names = which
    query = "&".join(f"{name}={quote_from_bytes(value, safe='')}" for name, value in zip(names, values, strict=False))
    target = f"{fill(path, quote_from_bytes(part, safe=''))}?{query}"
    status = await ask(served, request_of(method, target, headers, body))
    assert status != 500, target


async def test_a_cursor_that_was_given_is_taken(served: Served) -> None:
    client = await connect(served, get("/api/batches?limit=2"))
    _, _, first = await client.answer()
    client.writer.write(get(f"/api/batches?limit=500&cursor={json.loads(first)['next']}"))
    _, _, rest = await client.answer()
    ids = [batch["batch_id"] for page in (first, rest) for batch in json.loads(page)["items"]]
    assert sorted(ids) == sorted(BATCHES)
