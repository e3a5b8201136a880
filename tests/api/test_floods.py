"""Very many requests at once, on a group of which a member lies or is silent: health answers, and all of them end."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.api.lying import ANSWERS, ELSEWHERE, HERE, answer, beside, listening, soon
from tests.api.serving import connect, get, live
from tests.support.patience import PATIENCE

__all__ = ["soon"]  # a fixture: answers are bounded at 3 MB here

EACH = 40
PATHS = ("/api/overview", "/api/batches", f"/api/batches/{ELSEWHERE}", "/api/pending", f"/api/batches/{HERE}")


@pytest.mark.parametrize("name", ["never", "dripping", "without end", "a hang-up", "nested", "another shape"])
async def test_a_flood_on_a_group_with_a_member_that_lies_ends_and_health_answers_meanwhile(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with listening(ANSWERS[name]) as url, beside(url, tmp_path, monkeypatch) as served:
        clients = [await connect(served, get(path)) for path in PATHS for _ in range(EACH)]
        answers = [asyncio.create_task(client.answer()) for client in clients]
        lived = 0
        async with asyncio.timeout(PATIENCE):
            while not all(task.done() for task in answers):
                assert await live(served)
                lived += 1
                await asyncio.sleep(0.05)
        assert lived > 0
        statuses = {task.result()[0] for task in answers}
        assert statuses <= {200, 503}
        assert all(json.loads(task.result()[2]) for task in answers)
        for client in clients:
            client.close()
        # And nothing of it is left: the next one who asks has what this worker knows.
        status, overview = await answer(served, "/api/overview")
        assert (status, overview["missing"]) == (200, [1])
        assert (await answer(served, f"/api/batches/{HERE}"))[0] == 200
    told = capfd.readouterr()
    assert "Traceback" not in told.err + told.out
