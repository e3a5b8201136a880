"""A cell without a backlog: what a takeover costs, by a worker with a standby copy and by one without."""

import asyncio
import contextlib
import json
import re
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import trial
from bench.cells import Cell, Cells
from bench.contestants import Rollcall, Site
from bench.figures import Figure
from bench.process import ContestantError, Process, peak_rss
from bench.stage import Stage
from bench.trial import Measured, Phase, Running
from bench.workload import TYPICAL_SLOTS, Part

_SESSION_SECONDS = 6
_PATIENCE = 600.0
_OPEN = "rollcall_pending_uploads"

#: What is told of the kill of a worker with open uploads, and in words.
_OPEN_FIGURES = (
    ("open_uploads", "open uploads of the worker that is killed"),
    ("seconds", "seconds of the takeover, from the assignment on"),
    ("from_kill_seconds", "seconds of the takeover, from kill -9 on, the session of 6 s included"),
    ("restored_records", "records that it restores"),
    ("killed_peak_mb", "peak MB of memory of the worker that is killed"),
    ("killed_disk_mb", "MB of its data directory"),
    ("before_peak_mb", "peak MB of memory of the other one before"),
    ("after_peak_mb", "peak MB of memory of the other one, with all of them"),
    ("after_disk_mb", "MB of its data directory"),
)


class Copied(Rollcall):
    """Rollcall with so many standby copies, and a session that a kill need not be waited for."""

    def __init__(self, name: str, copies: int) -> None:
        super().__init__(name, "exactly_once")
        self._copies = copies

    def environment(self, site: Site) -> dict[str, str]:
        """Its settings."""
        return super().environment(site) | {
            "ROLLCALL_STANDBYS": str(self._copies),
            "ROLLCALL_SESSION_TIMEOUT_SECONDS": str(_SESSION_SECONDS),
        }


class Takeover(Cell):
    """Two workers work off the events; then one is killed, and the other takes its partitions over."""

    def __init__(self, name: str, phases: Sequence[Phase], copies: int) -> None:
        super().__init__(name, "rollcall", phases)
        self.contestant = Copied("rollcall", copies)
        self._copies = copies

    async def measure(self, stage: Stage) -> Measured:
        """Measure it."""
        return await trial.run(stage, self.contestant, self.phases, workers=2, at_end=self._kill)

    async def _kill(self, running: Running) -> None:
        # With one partition the killed one has all that there is.
        survivor, killed = sorted(running.processes, key=lambda process: _metric(process, "rollcall_log_partitions"))
        held = sum(_metric(process, _OPEN) for process in running.processes)
        if self._copies:
            await _until(survivor, lambda: _metric(survivor, "rollcall_standby_partitions") > 0)
            await _until(survivor, lambda: _metric(survivor, "rollcall_standby_lag_records") == 0)
        rows = _metric(killed, "rollcall_state_rows")
        running.measured |= {
            "takeover.open_uploads": _metric(killed, _OPEN),
            "takeover.killed_peak_mb": peak_rss(killed.pid) / 1e6,
            "takeover.killed_disk_mb": _disk(killed.log.parent),
            "takeover.before_peak_mb": peak_rss(survivor.pid) / 1e6,
        }
        owned = _metric(survivor, "rollcall_log_partitions")
        before = len(_lines(survivor, "partitions acquired"))
        begun = time.monotonic()
        await asyncio.to_thread(killed.kill)
        running.processes.remove(killed)
        await _until(survivor, lambda: _metric(survivor, "rollcall_log_partitions") > owned)
        await _until(survivor, lambda: len(_lines(survivor, "partitions acquired")) > before)
        restored = _lines(survivor, "state restored")[-1:]
        running.measured |= {
            "takeover.rows": rows,
            "takeover.restored_records": sum(line["records"] for line in restored),
            "takeover.seconds": _lines(survivor, "partitions acquired")[-1]["seconds"],
            "takeover.from_kill_seconds": time.monotonic() - begun,
        }
        await _until(survivor, lambda: _metric(survivor, "rollcall_log_partitions") == running.stage.partitions)
        # They are counted beside the work. None is missing, or this does not end.
        await _until(survivor, lambda: _metric(survivor, _OPEN) == held)
        running.measured |= {
            "takeover.after_peak_mb": peak_rss(survivor.pid) / 1e6,
            "takeover.after_disk_mb": _disk(survivor.log.parent),
        }


def _disk(home: Path) -> float:
    """MB of a worker's data directory. A file that RocksDB removes meanwhile is none."""
    found = 0
    for file in home.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found += file.stat().st_size
    return found / 1e6


async def _until(process: Process, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not await asyncio.to_thread(true):
        process.check()
        if time.monotonic() > deadline:
            raise ContestantError(process.with_log(f"not within {_PATIENCE:.0f} s"))
        await asyncio.sleep(0.05)


def _metric(process: Process, name: str) -> float:
    """The sum of a metric over all its labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line))


def _lines(process: Process, event: str) -> list[dict[str, float]]:
    text = process.log.read_text("utf-8", "replace")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and f'"{event}"' in line]


def open_figures(cells: Cells, events: int, partitions: int) -> list[Figure]:
    """The figures of a kill with as many open uploads as there are events.

    The killed worker has half of them; with one partition, all.
    """
    uploads = Part("open", max(1, events // TYPICAL_SLOTS), registered=False, partitions=partitions)
    figures = []
    for copies in (0, 1):
        cell = cells.add(Takeover(f"rollcall-open-{copies}-standbys", (Phase("cold", uploads, _PATIENCE),), copies))
        figures += [
            Figure(f"open:{quantity}-{copies}", f"{what}; {copies} standby copies", cell, f"takeover.{quantity}")
            for quantity, what in _OPEN_FIGURES
        ]
    return figures
