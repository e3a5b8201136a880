"""What other members of the group say, and what listens at their addresses, is never an exception: it is missing."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from app.addresses import is_address
from app.api.cluster.membership import members_of
from app.api.cluster.peers import Peers
from app.engine.http.access import Gate
from app.settings import Settings
from tests.api.conftest import READ_TOKEN, TOKEN
from tests.api.lying import ANSWERS, ELSEWHERE, HERE, answer, beside, listed, listening, soon
from tests.api.serving import connect, get
from tests.support.patience import PATIENCE

__all__ = ["soon"]  # a fixture: answers are bounded at 3 MB here

LOG = "rollcall-log"

#: What a member may give for its address.
ADDRESSES = {
    "http://[::1": False,
    "http://[::1]:6066": True,
    "http://[:::::]:6066": False,
    "http://[::1%25lo]:6066": False,
    "http://127.0.0.1:6066": True,
    "http://127.0.0.1:0": True,  # a worker without HTTP says so
    "http://127.0.0.1:65535/": True,
    "https://rollcall-1.example:6066": True,
    "http://127.0.0.1:65536": False,
    "http://127.0.0.1:99999": False,
    "http://127.0.0.1:-1": False,
    "http://127.0.0.1:x": False,
    "http://": False,
    "http:///path": False,
    "http://user:secret@127.0.0.1:1": False,
    "http://127.0.0.1:1/path": False,
    "http://127.0.0.1:1?x": False,
    "http://127.0.0.1:1#x": False,
    "http://a b:1": False,
    "http://a\r\nX: y:1": False,
    "http://127.0.0.1:1\n": False,
    "http://å:1": False,
    "http://..:1": False,
    f"http://{'a' * 64}:1": False,
    f"http://{'a.' * 200}a:1": False,
    "ftp://127.0.0.1:1": False,
    "file:///etc/passwd": False,
    "unix:///run/x": False,
    "127.0.0.1:1": False,
    "": False,
    "\0": False,
}


@pytest.mark.parametrize(("url", "taken"), ADDRESSES.items())
def test_an_address_is_one_or_its_member_is_missing(url: str, taken: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_address(url) is taken
    assert dict(members_of(group(member(json.dumps({"url": url}).encode(), [0])), LOG).owned) == (
        {url: (0,)} if taken else {}
    )


def test_a_worker_does_not_start_with_an_address_that_nobody_could_ask() -> None:
    for url, taken in ADDRESSES.items():
        if not taken and url:
            with pytest.raises(ValueError, match="http_url"):
                Settings(_env_file=None, http_url=url)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b'"x"', b'{"url": 1}', b'{"url": null}', b'{"url": ["a"]}', b"\xff", b"[" * 10_000],
)
def test_what_a_member_says_of_itself_may_be_anything(data: bytes) -> None:
    found = members_of(group(member(data, [0]), member(b'{"url": "http://b:1"}', [1])), LOG)
    assert found.owned == {"http://b:1": (1,)}
    assert len(found.refused) == 1


@pytest.mark.parametrize("which", [3, 4])
@pytest.mark.parametrize("data", [b"\xff", b"\x00" * 5, b"x" * 100, b"\x7f" * 100])
def test_a_member_of_another_kind_is_missing_and_no_other(which: int, data: bytes) -> None:
    broken = list(member(b'{"url": "http://a:1"}', [0]))
    broken[which] = data
    found = members_of(group(tuple(broken), member(b'{"url": "http://b:1"}', [1])), LOG)
    assert found.owned.get("http://b:1") == (1,)


def member(data: bytes, partitions: list[int]) -> tuple[Any, ...]:
    subscription = ConsumerProtocolMemberMetadata(4, [LOG], data).encode()
    return "id", "", "", subscription, ConsumerProtocolMemberAssignment(4, [(LOG, partitions)], b"").encode()


def group(*members: tuple[Any, ...]) -> tuple[Any, ...]:
    return 0, "rollcall", "Stable", "consumer", "faust", list(members)


@pytest.mark.parametrize("name", ANSWERS)
async def test_whatever_a_member_answers_its_partitions_are_missing_and_the_others_are_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with listening(ANSWERS[name]) as url, beside(url, tmp_path, monkeypatch) as served:
        status, overview = await answer(served, "/api/overview")
        assert status == 200
        assert overview["missing"] == [1] or name == "huge numbers"
        for path in ("/api/batches", "/api/batches?state=open", "/api/pending"):
            status, page = await answer(served, path)
            assert status == 200
            assert page["missing"] == [1] or name.startswith("a p")
        assert await listed(served) == [HERE]
        status, refused = await answer(served, f"/api/batches/{ELSEWHERE}")
        assert (status, refused["error"]) == (503, "partition_unavailable")
        assert (await answer(served, f"/api/batches/{HERE}"))[0] == 200
        stream = await connect(served, get("/api/events"))
        assert b" 200 " in await stream.reader.readuntil(b"\r\n\r\n")
        assert b"event: overview" in await asyncio.wait_for(stream.reader.readuntil(b"data:"), PATIENCE)
        stream.close()
    told = capfd.readouterr()
    assert "Traceback" not in told.err + told.out


async def test_a_peer_is_asked_with_the_read_token_and_a_redirect_takes_no_token_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        shown.append(request.headers.get("Authorization"))
        return web.Response()

    asked: list[str | None] = []
    async with listening(elsewhere) as trap:

        async def redirects(request: web.Request) -> web.StreamResponse:
            asked.append(request.headers.get("Authorization"))
            return web.Response(status=307, headers={"Location": f"{trap}/api/local/overview"})

        async with (
            listening(redirects) as url,
            beside(url, tmp_path, monkeypatch, http_token=TOKEN, http_read_token=READ_TOKEN) as served,
        ):
            for path in (
                "/api/overview",
                "/api/batches",
                "/api/pending",
                f"/api/batches/{ELSEWHERE}",
                "/api/batch?id=..",
                f"/api/batches/{ELSEWHERE}/explain",
            ):
                await answer(served, path, f"Authorization: Bearer {TOKEN}")
    assert set(asked) == {f"Bearer {READ_TOKEN}"}
    assert shown == []


def test_the_full_token_is_shown_to_peers_only_where_there_is_no_other() -> None:
    def shown(**tokens: str) -> dict[str, str]:
        return Gate(Settings(_env_file=None, **tokens)).credentials  # type: ignore[call-arg, arg-type]

    assert shown(http_token=TOKEN, http_read_token=READ_TOKEN) == {"Authorization": f"Bearer {READ_TOKEN}"}
    assert shown(http_token=TOKEN) == {"Authorization": f"Bearer {TOKEN}"}
    assert shown() == {}


async def test_a_worker_that_can_not_be_asked_is_told_of_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    peers = Peers(Gate(Settings(_env_file=None)))  # type: ignore[call-arg]
    for _ in range(5):
        peers.missing("http://a:1", "it is gone")
    assert len([record for record in caplog.records if "can't be asked" in record.getMessage()]) == 1
