"""What is to be run, and the stage for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine.kafka import aiokafka_patches
from tests.faults.cluster_stage import ClusterStage
from tests.faults.faults import CHUNKS
from tests.faults.retention import retiring
from tests.faults.traffic import Client
from tests.support.shared_jvm import shared_jvm
from tests.support.stage import Stage

if TYPE_CHECKING:
    from tests.faults.disk import SmallDisk


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    ``until`` (monotonic): no further round begins after it. ``drip``: inputs in each tenth of a second between the
    bursts; none: so many that they are half of a round's. ``owed``: until so many answers are owed a fault does not
    strike, for 2 s; then one is enough. ``former``: the code of another release, which the workers run at the
    beginning. ``retention``: for so many seconds a closed batch is kept; none: as shipped. ``warm``: with one
    broker it is a process until it is killed, and comes back in the JVM that tests share: a run takes a third less of
    Java's CPU. A fault that kills it or stalls it, struck again, finds it a process again.
    """

    guarantee: str
    schedule: Sequence[str]
    home: Path
    seed: int = 1
    events_per_round: int = 1000
    session_seconds: float = 2
    chunks: Sequence[int] = CHUNKS
    until: float | None = None
    brokers: int = 1
    drip: int | None = None
    owed: int = 1
    former: Path | None = None
    retention: float | None = None
    warm: bool = False


class FaultStage(Stage):
    """A stage with short sessions, so that a round need not wait long for a worker to be missed.

    The faults of a broker take ``own_broker``.
    """

    io: Client

    def __init__(self, plan: Plan, *, own_broker: bool = False) -> None:
        super().__init__(plan.home, settings=_settings(plan), own_broker=own_broker)
        if plan.warm:
            shared_jvm()  # from the beginning: the broker's data lies with it, and is gone when it is
        #: Where the workers keep their data, once a fault needs it to be small.
        self.disk: SmallDisk | None = None
        # The client that judges lives through restarts of the broker too, and isn't to spend its time on asking for it.
        aiokafka_patches.install()

    def client(self) -> Client:
        """Return a client whose inputs arrive once, whatever becomes of the broker."""
        return Client(self.kafka.bootstrap)

    def at_end(self, do: Callable[[], None]) -> None:
        """Have something done when the workers are gone."""
        self._ends.callback(do)


def _settings(plan: Plan) -> dict[str, str]:
    usual = {
        "ROLLCALL_PROCESSING_GUARANTEE": plan.guarantee,
        "ROLLCALL_SESSION_TIMEOUT_SECONDS": str(plan.session_seconds),
        "ROLLCALL_LOG_FORMAT": "json",
    }
    return usual if plan.retention is None else usual | retiring(plan.retention)


def stage_of(plan: Plan) -> FaultStage | ClusterStage:
    """The stage that a plan asks for, not entered yet."""
    return FaultStage(plan, own_broker=True) if plan.brokers == 1 else ClusterStage(plan.home, settings=_settings(plan))
