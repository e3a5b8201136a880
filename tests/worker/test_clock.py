"""A worker whose own clock is wrong, two hours ahead or ten minutes behind, does what one with a right clock does."""

import json
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.engine.harness import bug, until
from tests.oracle import topics
from tests.oracle.records import OutputRecord
from tests.support.stage import Stage
from tests.support.worker import Worker
from tests.worker.test_time import events, flat, seen

pytestmark = pytest.mark.kafka

# Shifts the clock that is set, and leaves alone the one that only runs. All is imported by then, so whoever took a
# function of it by name is given the shifted one; what else has the real one is written down.
SHIFT = """
import gc, sys, time
from pathlib import Path

def install():
    gc.unfreeze()  # what was there before the fork is not looked through otherwise
    left = shifted("time", SECONDS) + shifted("time_ns", SECONDS * 10**9)
    gc.freeze()
    Path(__file__).with_name("left").write_text("".join(left))

def shifted(name, shift):
    real = getattr(time, name)
    wrong = lambda: real() + shift
    exchange(real, wrong)
    return [repr(each) for each in gc.get_referrers(real) if not any(each is cell for cell in wrong.__closure__)]

def exchange(real, wrong):
    modules = {id(vars(module)) for module in sys.modules.values()}
    for holder in gc.get_referrers(real):
        if id(holder) in modules:
            holder.update({name: wrong for name, value in holder.items() if value is real})
        elif isinstance(holder, tuple):  # the defaults of a function's parameters
            for function in gc.get_referrers(holder):
                if getattr(function, "__defaults__", None) is holder:
                    function.__defaults__ = tuple(wrong if value is real else value for value in holder)
"""
AHEAD, BEHIND = 7200, -600
SETTINGS = {
    "ROLLCALL_READINESS_TIMEOUT_SECONDS": "10",
    "ROLLCALL_PENDING_TTL_SECONDS": "10",
    "ROLLCALL_STUCK_AFTER_SECONDS": "1",
    "ROLLCALL_TICK_SECONDS": "0.2",
}
NEAR = 120  # seconds by which times may differ from this machine's: both wrong clocks are far beyond, on any machine


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("clock"), settings=SETTINGS) as made:
        yield made


def shifted(stage: Stage, seconds: int, guarantee: str) -> Worker:
    """A worker with a wrong clock, and an app id of its own."""
    name = f"clock{seconds % 100_000}"
    home = stage.home / name
    env = bug(home, SHIFT.replace("SECONDS", str(seconds))) | {"ROLLCALL_PROCESSING_GUARANTEE": guarantee}
    return stage.worker(app_id=name, settings=env)


def gauge(worker: Worker, name: str) -> float:
    _, text = worker.get("/metrics")
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else -1


def envelope_times(records: list[OutputRecord], batch: str) -> list[float]:
    return [
        time.mktime(time.strptime(json.loads(record.value or b"")["event_timestamp"][:19], "%Y-%m-%dT%H:%M:%S"))
        - time.timezone
        for record in records
        if record.topic in {topics.SLOT, topics.TIMEOUT, topics.EXPIRED} and batch in (record.value or b"").decode()
    ]


@pytest.mark.parametrize(
    ("seconds", "guarantee"), [(AHEAD, "exactly_once"), (BEHIND, "at_least_once")], ids=["ahead", "behind"]
)
def test_a_wrong_clock_changes_nothing(stage: Stage, seconds: int, guarantee: str) -> None:
    worker, batch = shifted(stage, seconds, guarantee), f"wrong{seconds % 100_000}"
    worker.start()
    assert (Path(worker.env["PYTHONPATH"].partition(":")[0]) / "left").read_text() == "", "what has the right clock"
    reader = stage.reader()
    stage.io.produce([*flat("R2 C0", batch), *flat("C0", f"{batch}-pending")])
    stage.wait_taken(worker.app_id)
    # Judged by the broker's clock: stuck after a second, and so is the open one once what is pending has expired.
    until(lambda: gauge(worker, "rollcall_stuck_batches") >= 1, "a batch is stuck")
    assert 0 <= gauge(worker, "rollcall_oldest_pending_age_seconds") < NEAR
    # A new start has read nothing when the deadlines come: it asks the broker for the time.
    worker.stop()
    worker.start()
    reader.require(partial(seen, topics.TIMEOUT, batch, 1), "a readiness timeout")
    reader.require(partial(seen, topics.EXPIRED, f"{batch}-pending", 1), "an expiry")
    assert len(events(topics.TIMEOUT, batch, reader.records)) == 1
    times = envelope_times(reader.records, batch)
    assert len(times) == 3
    assert all(abs(time.time() - moment) < NEAR for moment in times)
    status, overview = worker.get("/api/overview")
    assert status == 200
    found = json.loads(overview)
    assert abs(time.mktime(time.strptime(found["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - time.time()) < NEAR
    worker.stop()
