"""The performance: everything is started, watched until it is over, judged, and stopped again."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from app.engine.ending import ended
from app.printable import visible
from demo.check import Verdict, check
from demo.events import INPUTS, OLD_RULE
from demo.leash import Leash
from demo.old_rule import run_old_rule
from demo.plan import Plan
from demo.screen import Screen
from demo.services import Services
from demo.summary import problem_lines, summary
from demo.topics import create_topics
from demo.watch import WATCHED, Watcher
from demo.worker import COMMAND, Worker

SETTLED = 2.5
"""Seconds without any output after which the outcome is judged: longer than a relay's restart, a consumer's fetch
(0.5 s) and the 2 s after which a waiting old rule is shown as hung."""
GIVE_UP = 20.0
"""Seconds without any output after which a wrong outcome is taken as final."""
_FRAME = 0.15
"""Seconds between two pictures."""


@dataclass(frozen=True, slots=True)
class Performance:
    """What one run of the demo needs to know. `timeout` is in seconds, from the first event on."""

    plan: Plan
    bootstrap: str
    timeout: float
    keep: bool
    command: Sequence[str] = COMMAND


async def perform(performance: Performance, console: Console) -> int:
    """Run the demo on a broker that is up; return 0 if every batch came out right, else 1.

    Raises WorkerError, or what a service, the old rule or the watcher raised. Nothing that it started is left, however
    it ends.
    """
    with Leash() as leash:
        log = logging.FileHandler(leash.directory / "demo.log")
        logging.getLogger().addHandler(log)  # a client's warning must not tear the picture
        worker = Worker(leash, performance.bootstrap, command=performance.command)
        try:
            return await _perform(performance, console, leash, worker)
        finally:
            worker.stop()
            logging.getLogger().removeHandler(log)
            log.close()


async def _perform(performance: Performance, console: Console, leash: Leash, worker: Worker) -> int:
    bootstrap = performance.bootstrap
    console.print("Starting the worker: faust -A app worker", style="bright_black")
    await create_topics(bootstrap, (*INPUTS, OLD_RULE))
    worker.start()
    old_rule_runs = asyncio.Event()
    async with _background(run_old_rule(bootstrap, old_rule_runs)) as old_rule:
        await _first(old_rule, worker.wait_until_ready())
        await _first(old_rule, old_rule_runs.wait())
        await create_topics(bootstrap, WATCHED)  # the worker has made its own by now
        watcher = Watcher(bootstrap)
        services = Services(performance.plan, leash.directory, bootstrap)
        try:
            async with _background(watcher.run()) as watching, _background(services.run()) as acting:
                with Screen(console, watcher.board) as screen:
                    verdicts = await _until_over(
                        performance, services, watcher, screen, worker, (old_rule, watching, acting)
                    )
                right = _report(console, watcher, services, verdicts)
                if performance.keep:
                    await _stay(console, bootstrap, worker)
        finally:
            services.close()
    return 0 if right else 1


async def _until_over(
    performance: Performance,
    services: Services,
    watcher: Watcher,
    screen: Screen,
    worker: Worker,
    tasks: Sequence[asyncio.Task[None]],
) -> list[Verdict]:
    deadline = time.monotonic() + performance.timeout
    judged_at = 0.0
    while True:
        for task in tasks:
            if task.done():
                task.result()
        worker.check()
        screen.draw()
        now = time.time()
        quiet = now - watcher.last_output_at
        out_of_time = time.monotonic() > deadline
        if out_of_time or (services.done and quiet > SETTLED and watcher.last_output_at > judged_at):
            verdicts = check(performance.plan, watcher.records)
            judged_at = now
            if out_of_time or not any(verdict.problems for verdict in verdicts):
                return verdicts
        if services.done and quiet > GIVE_UP:
            return check(performance.plan, watcher.records)
        await asyncio.sleep(_FRAME)


def _report(console: Console, watcher: Watcher, services: Services, verdicts: Sequence[Verdict]) -> bool:
    console.print(summary(watcher.board, verdicts, relay_crashes=services.relay_crashes))
    for line in problem_lines(verdicts):
        console.print(visible(line), style="red", markup=False, highlight=False)
    return not any(verdict.problems for verdict in verdicts)


async def _stay(console: Console, bootstrap: str, worker: Worker) -> None:
    console.print("Kafka and the worker stay up; Ctrl-C ends both and removes their data.", style="bold")
    for line in (
        f"Kafka    {bootstrap}   (any Kafka client; topics huleedu.*, {OLD_RULE})",
        f"worker   {worker.url}   (/metrics, /health/live, /health/ready)",
        f"log      {worker.log}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(1)
            worker.check()


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run a coroutine beside the block, and cancel it at the block's end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        await ended(task)


async def _first(background: asyncio.Task[None], work: Coroutine[Any, Any, object]) -> None:
    """Wait for `work`, but raise what the background task raises meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([background, task], return_when=asyncio.FIRST_COMPLETED)
        (task if task.done() else background).result()
    finally:
        task.cancel()
