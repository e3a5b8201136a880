"""The application: a Faust app with an engine in it."""

import gc
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, cast

import faust
from faust.app.base import BootStrategy
from faust.types import TP

from app.engine import releases
from app.engine.deadline import Deadline
from app.engine.faust.consumer import Consumer, Transport
from app.engine.faust.http_server import Web
from app.engine.kafka import broker_errors
from app.engine.kafka.client_errors import explained
from app.engine.kafka.client_watch import ClientWatch, Thread
from app.engine.kafka.predecessor import Predecessor
from app.engine.task_manager import TaskManager
from app.lazy_log import Logger
from app.version import release

if TYPE_CHECKING:
    from aiokafka import TopicPartition

    from app.engine.faust.assignor import PartitionAssignor
    from app.settings import Settings

log = Logger(__name__)

#: A stop is given so many seconds, all its steps together. 10 s are promised; a loaded machine needs some to begin and
#: to end. A stop that keeps within its budget never meets this limit.
STOP_SECONDS = 8.0

#: Of those, what letting the partitions go may take: chunks, producers, commit. The rest is for leaving the group (3 s
#: at most: a rebalance under way is waited for 1 s, the coordinator's answer 2 s) and Faust's own steps.
STOP_RELEASE_SECONDS = 4.0


class Boot(BootStrategy):
    """What a worker starts.

    Without an HTTP port, no web server (Faust's own ``web_enabled`` is overruled by its command line).
    """

    def _should_enable_web(self) -> bool:
        return bool(cast("App", self.app).settings.http_port) and bool(super()._should_enable_web())


class Worker(faust.Worker):
    """Faust's worker, which ends in time also when the broker does not answer.

    Every step of a stop that asks the broker something waits for its time-outs, one after the other. After
    ``STOP_SECONDS`` the process ends where it is: that is what a crash is, and nothing is lost by one.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        # No console (it asks for no token) and no detector: both come with Faust's own variables too.
        super().__init__(*args, **options | {"debug": False, "blocking_timeout": 0.0})
        self.spinner = None  # its sequences would stand between the lines of the log
        self.quiet = self.quiet or cast("App", self.app).settings.json_logs

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Let lines of libraries through from the level of ``--loglevel`` on; the worker's own have their own."""
        if level and logger.handlers:
            logger.handlers[0].setLevel(level)

    def _on_sigint(self) -> None:
        self._flag_as_shutdown_by_signal()
        self._schedule_shutdown(signal.SIGINT)

    def _on_sigusr2(self) -> None:
        """Nothing: Faust would stop all work and wait for commands to a debugger, on standard input."""

    async def _stop_on_signal(self, signal: signal.Signals) -> None:
        _end_in_time()
        cast("App", self.app).engine.stop_by(Deadline(STOP_RELEASE_SECONDS))
        await super()._stop_on_signal(signal)


def _end_in_time() -> None:
    limit = threading.Timer(STOP_SECONDS, _end)
    limit.daemon = True
    limit.start()


def _end() -> None:
    log.error("stopping takes too long (does the broker answer?): ending now; the last polls will be repeated")
    logging.shutdown()
    os._exit(1)


class App(faust.App):
    """The Faust application with an engine in it."""

    # mode logs each step of a service under the logger of its module; these steps are Faust's, not ours.
    logger = logging.getLogger("faust.rollcall")
    BootStrategy = Boot
    settings: "Settings"
    engine: TaskManager[Any]
    clients: ClientWatch
    predecessor: Predecessor
    _failure: BaseException | None = None

    @property
    def trouble(self) -> str | None:
        """Why the worker is not live: it stops, or a part of it stands still. None while it is."""
        if self._failure is not None:
            return f"the worker stops: {self._failure}"
        return self.clients.trouble

    def watched_thread(self) -> Thread | None:
        """The consumer and its loop, once there are any."""
        return None if self.should_stop else cast("Consumer", self.consumer).thread.watched()

    async def look_again(self) -> None:
        """Ask for the partitions of all topics now."""
        await cast("Consumer", self.consumer).thread.look_again()

    async def note_log_begins(self) -> None:
        """Ask where the partitions of the log begin now. Raises KafkaError and TimeoutError."""
        await cast("Consumer", self.consumer).thread.note_log_begins()

    async def read_anew(self) -> None:
        """Take all partitions over again: an input that was made anew is then read from its beginning."""
        self.engine.ready = False
        await cast("Consumer", self.consumer).reacquire()

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_web(self) -> Web:
        return Web(self)

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let go what the group takes away: as Faust does where that is all, else while the rest goes on."""
        consumer = cast("Consumer", self.consumer)
        if self.should_stop or not consumer.assignment() - revoked:
            await super()._on_partitions_revoked(revoked)
            return
        try:
            self.tables.on_partitions_revoked(revoked)
            await consumer.let_go(revoked)
        except Exception as error:  # noqa: BLE001 - as Faust has it: the worker is stopped with whatever it is
            await self.crash(error)

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Have what is new taken over. Faust would hold up what is kept."""
        if self.should_stop:
            self._on_rebalance_when_stopped()
            return
        self.unassigned = not assigned
        self.predecessor.note(cast("Consumer", self.consumer).thread.member)
        revoked, new = self._update_assignment(assigned)
        await self.topics.on_partitions_assigned(assigned)
        # Before anything is taken over: what was a standby copy may be this worker's now.
        await self.engine.standbys.follow(cast("PartitionAssignor", self.assignor).standbys)
        await self.tables.on_rebalance(assigned, revoked, new, generation_id)

    def fail(self, error: BaseException) -> None:
        """Stop the worker with this error, once: nothing that it has not acknowledged is committed.

        What a broker refuses is told as an operator can use it (:mod:`app.engine.kafka.client_errors`).
        """
        if self._failure is not None:
            return
        error = explained(self.settings, error, self.engine.topology.topics)
        others = cast("PartitionAssignor", self.assignor).releases
        error = self._failure = releases.told(error, release(), others, self.settings.app_id)
        log.error("the worker can't go on and stops", error=broker_errors.told(error), exc_info=error)
        self.engine.ready = False
        if self.in_worker:
            # A worker that says so must be gone in seconds: its heartbeats go on in a thread of their own, and while
            # they do nobody else gets its partitions.
            _end_in_time()
            self.engine.stop_by(Deadline(STOP_RELEASE_SECONDS))
        self.add_future(self.crash(error))

    def fenced(self, partition: "TopicPartition", error: BaseException) -> None:
        """Take a partition over again: a transaction failed, yet the group says that it is this worker's.

        A worker that was paused just before it fenced it has done so on waking, the broker has restarted, or it has
        ended a transaction that was open for too long. The engine knows when to give up.
        """
        log.warning(
            "a transaction failed on a partition that is still ours; taking it over again",
            partition=partition.partition,
            error=broker_errors.told(error),
        )
        self.engine.ready = False
        self.add_future(cast("Consumer", self.consumer).reacquire({partition}))

    async def on_started(self) -> None:
        """Tune the garbage collector to what a worker does, once all that stays for good is there.

        Its objects live for a chunk or for as long as the cache, and few are in cycles. At Python's thresholds (700
        allocations) a sixth of the CPU time went into looking through the cache again and again.
        """
        await super().on_started()
        gc.freeze()
        gc.set_threshold(400_000, 20, 50)

    async def on_stop(self) -> None:
        """Stop the consumer, then the engine's producers."""
        try:
            await super().on_stop()
        except RuntimeError as error:
            # After a crash the consumer's thread has ended before us; what it would have committed is repeated.
            if not self.crashed:
                raise
            log.debug("the consumer had stopped already", error=str(error))
        await self.engine.stop()
