"""The faults: each does something to the workers or the broker and sees to it that all are back.

Which worker, the seed says.
"""

import random
import time
from collections.abc import Callable

from tests.support.stage import Stage
from tests.support.worker import Worker

READY_SECONDS = 60


class Cast:
    """The stage with its workers, and the choice of a victim."""

    def __init__(self, stage: Stage, workers: list[Worker], chance: random.Random, session_seconds: float) -> None:
        self.stage = stage
        self.workers = workers
        self.chance = chance
        self.session_seconds = session_seconds
        self.ended_after_pause = 0

    def victim(self) -> Worker:
        """A worker by chance."""
        return self.chance.choice(self.workers)

    def ready(self) -> None:
        """Wait until every worker is ready again."""
        for worker in self.workers:
            worker.wait_ready(READY_SECONDS)


def kill(cast: Cast) -> None:
    """Kill -9, and start it again on what it left."""
    victim = cast.victim()
    victim.kill()
    victim.launch()


def wipe(cast: Cast) -> None:
    """Kill -9, and start it again without its data directory."""
    victim = cast.victim()
    victim.kill()
    victim.wipe()
    victim.launch()


def term(cast: Cast) -> None:
    """Stop it in order (SIGTERM, at most 10 s, status 0), and start it again. Raises AssertionError otherwise."""
    victim = cast.victim()
    victim.stop()
    assert victim.exit_code == 0, f"status {victim.exit_code}\n{victim.tail()}"
    victim.launch()


def pause(cast: Cast) -> None:
    """Pause it until the group has given its partitions to others, and let it go on."""
    victim = cast.victim()
    victim.pause()
    time.sleep(cast.session_seconds + 1.5)
    victim.resume()
    time.sleep(1)
    if not victim.alive:
        cast.ended_after_pause += 1
        victim.launch()


def broker_term(cast: Cast) -> None:
    """Stop the broker in order, and start it again."""
    cast.stage.kafka.stop()
    cast.stage.kafka.start()


def broker_kill(cast: Cast) -> None:
    """Kill -9 the broker, and start it again."""
    cast.stage.kafka.kill()
    cast.stage.kafka.start()


def add(cast: Cast) -> None:
    """Add a worker; it stays."""
    worker = cast.stage.worker()
    worker.launch()
    cast.workers.append(worker)


def remove(cast: Cast) -> None:
    """Remove a worker for good, in order; one is added where only three are left."""
    if len(cast.workers) <= 3:
        add(cast)
        cast.ready()
    victim = cast.victim()
    victim.stop()
    cast.workers.remove(victim)


def slow(cast: Cast) -> None:
    """A broker that answers in bursts: ten times paused for 150 ms and let go for 50 ms."""
    for _ in range(10):
        cast.stage.kafka.pause()
        time.sleep(0.15)
        cast.stage.kafka.resume()
        time.sleep(0.05)


FAULTS: dict[str, Callable[[Cast], None]] = {
    "kill": kill,
    "wipe": wipe,
    "term": term,
    "pause": pause,
    "broker-term": broker_term,
    "broker-kill": broker_kill,
    "add": add,
    "remove": remove,
    "slow": slow,
}
