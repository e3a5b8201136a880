"""Watches what the Kafka clients do by themselves: a thread with a loop, and tasks in it that are not awaited.

A coordinator that is refused keeps its error until it is awaited, a fetcher or a metadata loop that has died is not
noticed, and a loop that no longer turns logs nothing. A worker would stall in each case, alive and silent. Here they
are looked at once a second. What can't be put right by waiting ends the worker, with a line; until then
:attr:`ClientWatch.trouble` says why it is not live.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from app.engine.kafka.client_errors import GroupError, final
from app.engine.kafka.stalls import FetchErrors, Stalls
from app.lazy_log import Logger
from app.settings import Settings

log = Logger(__name__)

EVERY: Final = 1.0  # seconds between two looks

#: Looks without an answer of the consumer's loop until the worker is not live, and until it ends. They are counted, so
#: that a worker whose whole process was frozen does not take its own sleep for its loop's. A loop answers within
#: milliseconds; a machine at its limit takes some seconds.
SILENT_LOOKS: Final = 15
LAST_LOOK: Final = 60

#: Looks that a dead task of the consumer is seen until the worker ends: a client that is closing has dead tasks too.
_DEAD_LOOKS: Final = 3

#: The same for producers. One that is used ends its partition's work, which is then taken over with a new one, after a
#: session time-out; this is for one that nobody uses.
_DEAD_PRODUCER_LOOKS: Final = 30

#: Seconds that the coordinator may answer with errors that no rule says are final.
GROUP_PATIENCE: Final = 30.0

#: Errors that are further apart than this (seconds) are not of one trouble.
_APART: Final = 60.0


class Thread(NamedTuple):
    """The consumer and the loop of the thread that it lives in."""

    loop: asyncio.AbstractEventLoop
    consumer: Any
    fetch_errors: FetchErrors = FetchErrors()


class ClientWatch:
    """Looks at the consumer and the producers of a worker.

    ``fail`` is called with what ends the worker. ``thread`` and ``producers`` return the present ones.
    """

    def __init__(
        self,
        settings: Settings,
        thread: Callable[[], Thread | None],
        producers: Callable[[], Iterable[AIOKafkaProducer]],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._settings = settings
        self._thread = thread
        self._producers = producers
        self._fail = fail
        self._answered = True
        self._silent = 0
        self._dead: dict[int, int] = {}
        self._group_trouble: tuple[float, float] | None = None
        self._stalls = Stalls()
        self._main: asyncio.AbstractEventLoop | None = None
        #: Why the worker is not live; None while it is.
        self.trouble: str | None = None

    async def watch(self, sleep: Callable[[float], Awaitable[Any]]) -> None:
        """Look again and again until cancelled."""
        self._main = asyncio.get_running_loop()
        while True:
            await sleep(EVERY)
            self.look()

    def look(self) -> None:
        """Look once."""
        thread = self._thread()
        if thread is not None:
            self._look_at_loop(thread)
            self._stalls.look(thread.consumer, thread.fetch_errors)
        seen: dict[int, int] = {}
        for name, task, looks in self._tasks(thread):
            if task is None or not task.done():
                continue
            seen[id(task)] = self._dead.get(id(task), 0) + 1
            if seen[id(task)] >= looks:
                self._end(_ended(name, task))
        self._dead = seen

    def group_error(self, error: KafkaError) -> None:
        """The coordinator of the group answered with an error, which the client has handed over.

        A final error ends the worker at once; any other when it lasts for ``GROUP_PATIENCE`` seconds.
        """
        refusal = final(self._settings, error)
        if refusal is not None:
            self._end(refusal)
            return
        now = time.monotonic()
        first, last = self._group_trouble or (now, now)
        if now - last > _APART:
            first = now
        self._group_trouble = first, now
        if now - first > GROUP_PATIENCE:
            message = (
                f"the coordinator of the consumer group {self._settings.app_id} (ROLLCALL_APP_ID) has answered with "
                f"errors for {now - first:.0f} s: {error}. See the broker's log (where it can't write groups down: "
                "max.message.bytes and min.insync.replicas of __consumer_offsets), then start again"
            )
            self._end(GroupError(message))
            return
        log.warning(
            "the coordinator of the consumer group answers with an error; trying again",
            group=self._settings.app_id,
            error=f"{type(error).__name__}: {error}",
            gives_up_after_seconds=GROUP_PATIENCE,
        )

    def _look_at_loop(self, thread: Thread) -> None:
        if self._answered:
            self._silent = 0
            if self.trouble is not None and self.trouble.startswith("the loop"):
                self.trouble = None
            self._answered = False
            try:
                thread.loop.call_soon_threadsafe(self._in_thread, thread.consumer)
            except RuntimeError:  # the loop is closed, and nobody has asked the thread to end
                self._end(
                    RuntimeError("the consumer's thread has ended by itself, and the worker can't go on without it")
                )
            return
        self._silent += 1
        if self._silent >= SILENT_LOOKS:
            self.trouble = f"the loop of the consumer's thread has not turned for {self._silent * EVERY:.0f} s"
            if self._silent == LAST_LOOK:
                self._end(RuntimeError(self.trouble))

    def _in_thread(self, consumer: Any) -> None:
        """In the consumer's thread: take the error that its coordinator holds, and let it continue."""
        self._answered = True
        coordinator = getattr(consumer, "_coordinator", None)
        if coordinator is None or getattr(consumer, "_closed", True):
            return
        try:
            coordinator.check_errors()
        except KafkaError as error:
            rejoin(coordinator)
            if self._main is not None:
                self._main.call_soon_threadsafe(self.group_error, error)

    def _tasks(self, thread: Thread | None) -> Iterator[tuple[str, Any, int]]:
        consumer = None if thread is None else thread.consumer
        if consumer is not None and not getattr(consumer, "_closed", True):
            for name, owner, attribute in (
                ("the consumer's coordination", "_coordinator", "_coordination_task"),
                ("the consumer's fetching", "_fetcher", "_fetch_task"),
                ("the consumer's metadata", "_client", "_sync_task"),
            ):
                yield name, getattr(getattr(consumer, owner, None), attribute, None), _DEAD_LOOKS
        for producer in self._producers():
            if getattr(producer, "_closed", True):
                continue
            sender = getattr(producer, "_sender", None)
            yield "a producer's sending", getattr(sender, "sender_task", None), _DEAD_PRODUCER_LOOKS
            yield "a producer's metadata", getattr(producer.client, "_sync_task", None), _DEAD_PRODUCER_LOOKS

    def _end(self, error: BaseException) -> None:
        self.trouble = f"the worker stops: {error}"
        self._fail(error)


def rejoin(coordinator: Any) -> None:
    """Let a coordinator that was refused join the group again: its heartbeats have ended with the error."""
    if hasattr(coordinator, "request_rejoin") and not coordinator._closing.done():  # noqa: SLF001 - aiokafka has no other way
        coordinator.request_rejoin()


def _ended(name: str, task: Any) -> BaseException:
    error = None if task.cancelled() else task.exception()
    ended = RuntimeError(f"{name} has ended by itself, and the worker can't go on without it: {error!r}")
    ended.__cause__ = error
    return ended
