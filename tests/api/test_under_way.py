"""Acts whose clients have hung up: what becomes of them is said, and none goes on when its worker has stopped."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.api.http import under_way
from tests.api.serving import Served, connect, filled, own, serving, until
from tests.support.patience import PATIENCE

BODY = json.dumps({"act": "discard", "who": "Åsa", "why": "x"}).encode()
HEAD = "POST /api/batches/b/acts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


class Slow:
    """The write of an act: it waits until it may go on, and says what became of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.outcome = ""

        async def write(*_args: Any) -> int:
            self.begun.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.outcome = "ended"
                raise
            self.outcome = "done"
            if error is not None:
                raise error
            return 7

        monkeypatch.setattr("app.engine.task_manager.TaskManager.write", write)
        monkeypatch.setattr("app.api.cluster.acting.PATIENCE", 0)


async def hang_up(served: Served, slow: Slow) -> None:
    """Ask for an act, and hang up once it is under way."""
    client = await connect(served, f"{HEAD}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
    await asyncio.wait_for(slow.begun.wait(), PATIENCE)
    client.close()
    await until(lambda: served.open == 0)


async def test_an_act_is_done_to_its_end_though_its_client_hangs_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    async with serving(partitions=1) as served:
        own(served, tmp_path, ("b", filled(3, 1)))
        await hang_up(served, slow)
        slow.go.set()
        await until(lambda: slow.outcome == "done")


async def test_an_act_that_is_left_when_its_worker_stops_is_ended_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(under_way, "SHUTDOWN_SECONDS", 0.05)
    slow = Slow(monkeypatch)
    async with serving(partitions=1) as served:
        own(served, tmp_path, ("b", filled(3, 1)))
        await hang_up(served, slow)
    assert slow.outcome == "ended"
    assert "it may not have been done" in caplog.text


async def test_an_act_has_time_to_come_to_its_end_when_its_worker_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(under_way, "SHUTDOWN_SECONDS", PATIENCE)
    slow = Slow(monkeypatch)
    async with serving(partitions=1) as served:
        own(served, tmp_path, ("b", filled(3, 1)))
        await hang_up(served, slow)
        asyncio.get_running_loop().call_later(0.2, slow.go.set)
    assert slow.outcome == "done"
    assert "hung up" not in caplog.text


async def test_an_act_that_fails_when_nobody_waits_for_its_answer_any_more_is_told_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Slow(monkeypatch, OSError("no route to the broker"))
    async with serving(partitions=1) as served:
        own(served, tmp_path, ("b", filled(3, 1)))
        await hang_up(served, slow)
        slow.go.set()
        await until(lambda: "an act whose client had hung up failed" in caplog.text)
    assert "no route to the broker" in caplog.text
