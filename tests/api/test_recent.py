"""The last hour: sampled by each worker in bounded memory, added up by whoever is asked."""

import asyncio
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pydantic import ValidationError

from app.api.cluster import recent as module
from app.api.cluster.local_state import LocalState
from app.api.cluster.peer_models import LocalOverview, LocalRecent, LocalSample
from app.api.cluster.recent import KEPT, STEP, RecentHour, recent_of
from app.api.present.summing import overview_of
from app.core import names
from app.metrics.counted import OUTPUTS
from tests.api.serving import NOON, own, serving

NUMBER = NOON // (STEP * 1000)


def sample(number: int, **values: int) -> LocalSample:
    return LocalSample(number=number, **{"ready": 0, "stuck": 0, "pending_uploads": 0, "lag": 0} | values)


class Engine:
    """What is asked of an engine; its time is set by the test."""

    def __init__(self) -> None:
        self.time, self.behind = NOON, 7
        self.clock = self
        self.tasks: dict[int, Any] = {}
        self.known = True
        self.settings = self
        self.stuck_after_seconds = 300

    def now(self) -> int:
        return self.time

    def lags(self) -> dict[Any, int]:
        return {"a": self.behind, "b": 3}


def test_an_hour_is_kept_and_no_more_whatever_happens() -> None:
    engine = Engine()
    hour = RecentHour(engine)  # type: ignore[arg-type]
    tracemalloc.start()
    for _ in range(2 * KEPT):
        hour.take()
        engine.time += STEP * 1000
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    told = hour.told().samples
    assert KEPT * STEP == 3600
    assert [one.number for one in told] == list(range(NUMBER + KEPT, NUMBER + 2 * KEPT))
    assert size < 500_000, "240 KB by the arithmetic"
    assert sys.getsizeof(told) < 4096


def test_a_sample_says_what_became_ready_since_the_one_before_and_a_step_has_one() -> None:
    engine = Engine()
    hour = RecentHour(engine)  # type: ignore[arg-type]
    OUTPUTS.labels(names.READY).inc(5)
    hour.take()
    hour.take()
    engine.time += STEP * 1000
    OUTPUTS.labels(names.READY).inc(2)
    engine.behind = 0
    hour.take()
    assert [(one.number, one.ready, one.lag) for one in hour.told().samples] == [(NUMBER, 5, 10), (NUMBER + 1, 2, 3)]


def test_the_samples_of_all_workers_are_added_up_by_step() -> None:
    first = LocalRecent(samples=[sample(NUMBER - 1, ready=1, stuck=2), sample(NUMBER, ready=3, stuck=4, lag=5)])
    second = LocalRecent(samples=[sample(NUMBER, ready=10, stuck=20, pending_uploads=30, lag=40)])
    found = recent_of([first, second], {"http://b", "http://a"}, NOON)
    assert [(one.ready, one.stuck, one.pending_uploads, one.lag) for one in found.samples] == [
        (1, 2, 0, 0),
        (13, 24, 30, 45),
    ]
    assert found.missing == ["http://a", "http://b"]
    assert found.samples[-1].time <= found.time


def test_what_a_worker_says_of_another_time_is_left_out_and_too_much_is_refused() -> None:
    said = LocalRecent(samples=[sample(number) for number in (0, NUMBER - KEPT, NUMBER - KEPT + 1, NUMBER, NUMBER + 1)])
    assert len(recent_of([said], (), NOON).samples) == 2
    with pytest.raises(ValidationError):
        LocalRecent(samples=[sample(number) for number in range(1001)])


async def test_a_worker_takes_samples_and_answers_with_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "STEP", 1)
    async with serving() as served:
        own(served, tmp_path)
        monkeypatch.setattr(served.app.engine, "lags", lambda: {"log": 3})

        def asked(path: str) -> Any:
            with urlopen(f"http://127.0.0.1:{served.port}{path}") as answer:
                return json.loads(answer.read())

        while not (await asyncio.to_thread(asked, "/api/local/recent"))["samples"]:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.1)
        (first, *_) = (await asyncio.to_thread(asked, "/api/local/recent"))["samples"]
        assert first["lag"] == 3


async def test_the_overview_says_what_a_worker_restores_and_which_copies_it_keeps(tmp_path: Path) -> None:
    async with serving() as served:
        own(served, tmp_path)
        served.app.engine.progress.total, served.app.engine.progress.done = 100, 30
        told = LocalState(served.app.engine).overview()
        assert (told.restore_left, told.standbys) == (70, [])
        owned = {told.partitions[0].owner or "": (0,), "http://older": ()}
        older = told.model_dump(exclude={"restore_left", "standbys"})
        parts = {told.partitions[0].owner or "": told, "http://older": LocalOverview.model_validate(older)}
        (this, other) = overview_of(served.app.settings, "", owned, parts).workers
        assert (this.restore_left, this.standbys) == (70, [])
        assert (other.restore_left, other.standbys) == (None, None), "a release before these fields does not say"
