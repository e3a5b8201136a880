"""One run of one contestant, phase by phase, measured from outside.

The first phase is there before the contestant is started: its figures are those of a cold start. Before each further
phase the contestant has finished and is stopped (SIGSTOP) while the phase's events are loaded; the phase begins when it
is resumed. So each phase has a beginning and an end at which nothing is left to do, and the loader's work is in none.
"""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from bench import correctness, topics
from bench.contestants import Contestant, Site
from bench.process import ContestantError, Process, cpu_seconds, peak_rss
from bench.stage import Stage
from bench.watcher import PATIENCE, Watcher
from bench.workload import Expected, Part
from demo.kafka import free_port

#: After the last ready event a contestant may still have commits and cache flushes to do, which belong to the work; all
#: are set to do them within a second.
SETTLE_SECONDS = 2.0

Measured = dict[str, float]


class Phase(NamedTuple):
    """A part that is processed as a whole; measured under its name.

    ``silence``: for so many seconds no batch may become ready of one that does nothing (see `watcher`).
    """

    name: str
    part: Part
    silence: float = PATIENCE


@dataclass
class Running:
    """A contestant that runs, for what a kind of trial does beside the phases."""

    stage: Stage
    contestant: Contestant
    site: Site
    processes: list[Process]
    watcher: Watcher
    measured: Measured
    expected: dict[str, Expected]

    def cpu(self) -> float:
        """CPU seconds of all its processes."""
        return sum(cpu_seconds(process.pid) for process in self.processes)

    def check(self) -> None:
        """Raise ContestantError if one of them has ended."""
        for process in self.processes:
            process.check()


#: Called with the running contestant and the phase that has just ended.
Hook = Callable[[Running, Phase], Awaitable[None]]


async def run(
    stage: Stage,
    contestant: Contestant,
    phases: Sequence[Phase],
    *,
    workers: int = 1,
    after_phase: Hook | None = None,
    at_end: Callable[[Running], Awaitable[None]] | None = None,
) -> Measured:
    """Run a contestant over the phases and check what it said; returns the figures by `phase.quantity`.

    Raises ContestantError if it fails or is wrong.
    """
    for phase in phases:
        await asyncio.to_thread(stage.built, phase.part)
    await topics.make(stage.bootstrap, stage.partitions)
    app_id, home = stage.next_run()
    counts, total = [], 0
    for phase in phases:
        total += phase.part.count
        counts.append(total)
    site = Site(stage.bootstrap, app_id, home, stage.partitions, tuple(counts))
    try:
        async with AsyncExitStack() as stack:
            watcher = await stack.enter_async_context(Watcher(stage.bootstrap, stage.partitions))
            running = Running(stage, contestant, site, [], watcher, {}, {})
            for number, phase in enumerate(phases):
                if number == 0:
                    await _first(stack, running, phase, workers)
                else:
                    await further(running, phase, number, stage.built(phase.part))
                if after_phase is not None:
                    await after_phase(running, phase)
            running.measured["peak_mb"] = sum(peak_rss(process.pid) for process in running.processes) / 1e6
            if at_end is not None:
                await at_end(running)
            for process in running.processes:
                process.stop()
        if contestant.judged:
            await judge(running)
        return running.measured
    finally:
        shutil.rmtree(home, ignore_errors=True)


def start(running: Running, number: int = 0) -> Process:
    """Start one process of the contestant; the caller ends it."""
    home = running.site.home / f"worker-{number}"
    home.mkdir(exist_ok=True)
    own = replace(running.site, home=home, port=free_port())
    return Process(
        running.contestant.command(own),
        env=running.contestant.full_environment(own),
        cwd=Path(__file__).resolve().parents[1],
        log=home / "log.txt",
        port=own.port,
    )


async def ready(process: Process, within: float = 120.0) -> None:
    """Return when a Rollcall worker says that it is ready. Raises ContestantError if it does not in time."""
    deadline = time.monotonic() + within
    while not await asyncio.to_thread(process.answers, "/health/ready"):
        process.check()
        if time.monotonic() > deadline:
            message = f"it is not ready after {within:.0f} s"
            raise ContestantError(process.with_log(message))
        await asyncio.sleep(0.02)


async def _first(stack: AsyncExitStack, running: Running, phase: Phase, workers: int) -> None:
    """Measured from the start of the program, interpreter or JVM included."""
    await _load(running, phase, 0, running.stage.built(phase.part))
    broker, begun = running.stage.broker_cpu(), time.monotonic()
    for number in range(workers):
        running.processes.append(stack.enter_context(start(running, number)))
    await _finish(running, phase, begun, 0.0, broker)


async def further(
    running: Running, phase: Phase, number: int, file: Path, rename: Mapping[str, str] | None = None
) -> None:
    """A phase of a contestant that runs: measured from the moment when it finds all events there at once."""
    for process in running.processes:
        process.pause()
    try:
        await _load(running, phase, number, file, rename)
        broker, cpu = running.stage.broker_cpu(), running.cpu()
    finally:
        for process in running.processes:
            process.resume()
    await _finish(running, phase, time.monotonic(), cpu, broker)


async def _load(
    running: Running, phase: Phase, number: int, file: Path, rename: Mapping[str, str] | None = None
) -> None:
    """Put a phase's events where they are read, and say what must come of them."""
    expected = phase.part.expected()
    running.expected |= expected
    if running.contestant.judged:
        running.watcher.expect(batch for batch, outcome in expected.items() if outcome.ready)
    else:
        running.watcher.expect([f"raw-{number}"])
    await asyncio.to_thread(running.stage.load, file, rename)


async def judge(running: Running) -> None:
    """Check what was said; raises ContestantError."""
    stage = running.stage
    running.measured["repeats"] = await correctness.check(stage.bootstrap, stage.partitions, running.expected)


async def _finish(running: Running, phase: Phase, begun: float, cpu: float, broker: float) -> None:
    ended = await running.watcher.wait(running.processes, phase.silence)
    await asyncio.sleep(SETTLE_SECONDS)
    running.check()
    seconds, events, contents = ended - begun, phase.part.count, phase.part.contents
    used = running.cpu() - cpu
    running.measured |= {
        f"{phase.name}.seconds": seconds,
        f"{phase.name}.events_per_second": events / seconds,
        f"{phase.name}.cpu_seconds": used,
        f"{phase.name}.cpu_seconds_per_million": used / events * 1e6,
        f"{phase.name}.cpu_microseconds_per_content": used / contents * 1e6,
        f"{phase.name}.broker_cpu_seconds_per_million": (running.stage.broker_cpu() - broker) / events * 1e6,
    }
