"""The faults, and the workers that they befall. Which worker, the seed says."""

import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import cast

from tests.support.brokers import Broker
from tests.support.patience import PATIENCE
from tests.support.stage import Stage
from tests.support.worker import ROOT, Worker

READY_SECONDS = PATIENCE
WORKERS = 3
# Most records in a chunk, worker by worker. With the shipped 10,000 a burst is one chunk of 10 ms, and hardly a fault
# finds it under way; small chunks make a queue of it (2 records in 5 to 10 ms are 200 to 400/s, a burst brings some
# 170 to each partition in half a second), so that faults strike before, in and between chunks.
CHUNKS = (2, 5, 20)


def now() -> int:
    """The time in ms, as records have it."""
    return int(time.time() * 1000)


class Cast:
    """The stage with its workers; ``chunks`` says how large a chunk each may take, none: as shipped."""

    def __init__(
        self, stage: Stage, chance: random.Random, session_seconds: float, chunks: Sequence[int] = CHUNKS
    ) -> None:
        self.stage = stage
        self.chance = chance
        self.session_seconds = session_seconds
        self.chunks = chunks
        self.workers: list[Worker] = []
        self.paused: list[Worker] = []
        self.ended_after_pause = 0
        self.ended_by_disk = 0  # ends of workers that have met a full disk
        self.struck = 0.0  # when a fault that lasts began (monotonic)
        self.problems: list[str] = []
        self.former = ROOT  # the code of another release, where workers are exchanged for it
        self.exchanged = 0
        self.warm = False  # a broker that was killed comes back in the JVM that tests share
        self.settings: dict[str, str] = {}  # of workers that are started from here on

    def add(self, tree: Path = ROOT) -> Worker:
        """Start a further worker, of the release whose code lies there; it may not be ready yet."""
        size = self.chunks[len(self.stage.workers) % len(self.chunks)] if self.chunks else None
        chunks = {"ROLLCALL_MAX_POLL_RECORDS": str(size)} if size else {}
        worker = self.stage.worker(settings=self.settings | chunks)
        worker.tree = tree
        worker.launch()
        self.workers.append(worker)
        return worker

    def retire(self, worker: Worker) -> None:
        """Stop a worker in order, for good."""
        self.end(worker)
        self.workers.remove(worker)

    def end(self, worker: Worker) -> None:
        """Stop a worker in order: it ends within 10 s, with status 0. Anything else is noted as a problem."""
        try:
            worker.stop()
        except AssertionError as error:
            self.problems.append(str(error))
            worker.close()
            return
        if worker.exit_code != 0:
            self.problems.append(f"SIGTERM: status {worker.exit_code}\n{worker.tail()}")

    def ready(self) -> None:
        """Wait until every worker is ready. One that ended by itself is started again.

        After a pause that is its right; otherwise it is noted as a problem. Raises AssertionError when one does not
        become ready.
        """
        for worker in self.workers:
            deadline = time.monotonic() + READY_SECONDS
            while worker.get("/health/ready")[0] != 200:
                if not worker.alive:
                    self._ended(worker)
                if time.monotonic() > deadline:
                    message = f"a worker is not ready after {READY_SECONDS} s\n{worker.tail()}"
                    raise AssertionError(message)
                time.sleep(0.05)
        self.paused.clear()

    def _ended(self, worker: Worker) -> None:
        if worker in self.paused:
            self.ended_after_pause += 1
        else:
            self.problems.append(f"a worker ended by itself with {worker.exit_code}\n{worker.tail()}")
        worker.launch()

    def look(self) -> None:
        """Keep beside its log what each worker says of itself, its metrics and where its tasks stand."""
        for worker in self.workers:
            for name in ("/health/ready", "/metrics"):
                (worker.home / f"{Path(name).name}.txt").write_text(worker.get(name)[1])
            if worker.process is not None and worker.alive:
                worker.process.send_signal(signal.SIGUSR1)  # Faust writes them into the log
        time.sleep(2)

    def holdings(self) -> dict[Worker, list[int]]:
        """The partitions of the log that each worker has, by its own word; those without any are left out."""
        found = {}
        for worker in self.workers:
            with suppress(ValueError):
                if partitions := loads(worker.get("/health/ready")[1]).get("partitions"):
                    found[worker] = list(partitions)
        return found


def _kill(_: Cast, victim: Worker) -> int:
    victim.kill()
    struck = now()
    victim.launch()
    return struck


def _wipe(_: Cast, victim: Worker) -> int:
    victim.kill()
    struck = now()
    victim.wipe()
    victim.launch()
    return struck


def _kill_only(_: Cast, victim: Worker) -> int:
    victim.kill()
    return now()


def _term(cast: Cast, victim: Worker) -> int:
    cast.end(victim)
    ended = now()
    victim.launch()
    return ended


def _pause(cast: Cast, victim: Worker) -> int:
    victim.pause()
    paused = now()
    time.sleep(cast.session_seconds + 1.5)
    cast.paused.append(victim)
    victim.resume()
    time.sleep(0.5)
    return paused


def _broker(everyone: Cast) -> Broker:
    return cast("Broker", everyone.stage.kafka)


def _broker_term(cast: Cast, _: Worker) -> int:
    cast.stage.kafka.stop()
    struck = now()
    cast.stage.kafka.start()
    return struck


def _broker_kill(everyone: Cast, _: Worker) -> int:
    kafka = _broker(everyone)
    kafka.kill()
    struck = now()
    kafka.own = not everyone.warm
    kafka.start()
    return struck


def _add(cast: Cast, _: Worker) -> int:
    cast.add().wait_ready(READY_SECONDS)
    return now()


def _remove(cast: Cast, victim: Worker) -> int:
    cast.retire(victim)
    return now()


def _slow(cast: Cast, _: Worker) -> int:
    """Stalls of 0.1 to 0.4 s with 0.05 s between them, for 3 s: connections stand, answers are late, nothing is lost.

    The broker itself is what stalls (as in a long garbage collection), so that its own timers feel it too.
    """
    end = time.monotonic() + 3
    while time.monotonic() < end:
        cast.stage.kafka.pause()
        try:
            time.sleep(cast.chance.uniform(0.1, 0.4))
        finally:
            cast.stage.kafka.resume()
        time.sleep(0.05)
    return now()


def _nothing(_: Cast, __: Worker) -> None:
    pass


def at_once(_: Cast, __: Sequence[int]) -> float:
    """No longer than usual."""
    return 0.0


def _process(everyone: Cast, _: Worker) -> None:
    """What is to be killed or to stall is a process of its own; one that came back warm begins anew as one."""
    kafka = _broker(everyone)
    if not kafka.own:
        kafka.stop()
        kafka.own = True
        kafka.start()
        everyone.ready()


def _room(cast: Cast, victim: Worker) -> None:
    """Not more than four workers: one goes, in order, before another comes."""
    if len(cast.workers) > WORKERS:
        cast.retire(victim)
        cast.ready()


def _one_more(cast: Cast, _: Worker) -> None:
    """Three workers stay when one is removed."""
    if len(cast.workers) <= WORKERS:
        cast.add()
        cast.ready()


def _start_again(_: Cast, victim: Worker) -> None:
    victim.launch()


@dataclass(frozen=True)
class Fault:
    """What is done.

    ``strike`` does it and returns from when on (ms) an output shows that the affected partitions are served again;
    those are the victim's, or with ``whole`` all. ``prepare`` and ``after`` are not part of it. With ``slowly`` it has
    its effect only some seconds after it began: the load is kept up until then. ``victim`` names the worker that it
    befalls; otherwise the seed does, as many as ``victims`` says, at once. With ``from_end`` the time to recover counts
    from the end of ``strike``. ``more_seconds`` is for how much longer than usual these partitions may not be served.
    """

    strike: Callable[[Cast, Worker], int]
    whole: bool = False
    slowly: bool = False
    prepare: Callable[[Cast, Worker], None] = _nothing
    after: Callable[[Cast, Worker], None] = _nothing
    victim: Callable[[Cast], Worker] | None = None
    victims: int = 1
    from_end: bool = False
    more_seconds: Callable[[Cast, Sequence[int]], float] = at_once


FAULTS = {
    "kill": Fault(_kill),
    "wipe": Fault(_wipe),
    "term": Fault(_term),
    "pause": Fault(_pause),
    "broker-term": Fault(_broker_term, whole=True),
    "broker-kill": Fault(_broker_kill, whole=True, prepare=_process),
    "add": Fault(_add, whole=True, slowly=True, prepare=_room),
    "remove": Fault(_remove, prepare=_one_more),
    "slow": Fault(_slow, whole=True, slowly=True, prepare=_process),
}

# Kill -9 without a restart before the others have taken over: how long a worker's partitions stand still.
TAKEOVER = "takeover"
ALL = {**FAULTS, TAKEOVER: Fault(_kill_only, after=_start_again)}
