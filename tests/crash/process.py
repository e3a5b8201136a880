"""A worker process: the real engine, with a poll loop where Faust's consumer would be."""

import asyncio
import contextlib
from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from app.engine.ports import Topology
from app.engine.publish import PublishError
from app.engine.task_manager import TaskManager
from app.engine.topics.ensure import log_topic
from app.engine.topics.positions import from_state
from app.settings import Settings
from tests.crash.broker import Broker, Record
from tests.crash.disk import Disk
from tests.crash.operations import Died, Operations
from tests.crash.scenario import Point
from tests.support.indexed import as_fetched

#: The process that the running code belongs to.
CURRENT: ContextVar["Process"] = ContextVar("CURRENT")

_HEARTBEAT = 2.0  # seconds
#: How long (seconds) one that stood still goes on unhindered until it hears that the group has moved on.
_UNAWARE = (0.001, 0.03, 2.0)
_COMMIT_INTERVAL, _COMMIT_SELDOM = 0.005, 3.0  # seconds between commits, while there is work and while there is none
_IDLE_ROUNDS = 6


class Process(Operations):
    """One life of a worker on ``disk``. ``strike`` is where it is struck, ``pauses`` whether it only stands still."""

    def __init__(  # noqa: PLR0913 - what one worker differs in from another
        self,
        name: str,
        broker: Broker,
        disk: Disk,
        settings: Settings,
        topology: Topology[Any],
        *,
        seed: int,
        strike: Point | None = None,
        pauses: bool = False,
    ) -> None:
        super().__init__(f"{seed}/{name}", strike, pauses=pauses)
        self.name = name
        self.broker = broker
        self.disk = disk
        self.settings = settings
        self.topology = topology
        self.failure: BaseException | None = None
        #: Whether it joins a group that has gone on without it again, and keeps what it had.
        self.keeps = False
        self.acquired = False
        #: How often it took over again what it was fenced on.
        self.retaken = 0
        self._rejoined = False
        self._anew: dict[TopicPartition, int] = {}
        self._taking = asyncio.Lock()
        self.over = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []
        self._ending = asyncio.Event()
        self._generation = -1
        self._delivered = asyncio.Event()
        consumed = {*topology.topics.inputs, log_topic(settings)}
        self._assigned = [place for place in broker.logs if place.topic in consumed]

    async def live(self) -> None:
        """Be a worker, until it is stopped, loses its partitions, fails or dies."""
        try:
            await self._live()
        except Died:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker ends with it, and it is looked at
            self.failure = error
        finally:
            self.over.set()

    def stop(self) -> None:
        """Ask it to leave, as SIGTERM does."""
        self._ending.set()

    def resume(self) -> None:
        """Let it go on where it stands."""
        self.struck = False
        self._resumed.set()

    @property
    def was_fenced(self) -> bool:
        """Whether it ended with what a worker is told that was overtaken."""
        return isinstance(self.failure, PublishError | ProducerFenced) and "ProducerFenced" in repr(self.failure)

    async def reap(self) -> None:
        """Clear away what is left of it once it is dead."""
        self._dead = True
        self._resumed.set()
        left = [task for task in self.tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        self.disk.unlock()

    # Its life

    async def _live(self) -> None:
        self._generation = await self.operate("join", self.broker.join)
        heart = asyncio.create_task(self._beat())
        engine = TaskManager(
            self.settings, self.topology, self._failed, lambda place, error: self._fenced(engine, place, error)
        )
        acquiring = asyncio.create_task(self._acquire(engine))
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait({acquiring, ending}, return_when=asyncio.FIRST_COMPLETED)
        if acquiring.done():
            polling = asyncio.create_task(self._poll(engine, acquiring.result()))
            committing = asyncio.create_task(self._commit_often(engine))
            await ending
            polling.cancel()
            await asyncio.wait({polling, committing})
        await engine.release()
        await self._commit(engine)
        engine.forget()
        await engine.stop()
        heart.cancel()

    def _failed(self, error: BaseException) -> None:
        if not self._dead:
            self.failure = error
            self._ending.set()

    async def _acquire(self, engine: TaskManager[Any]) -> dict[TopicPartition, int]:
        """Take all partitions over, then ask where to go on: in this order."""
        await engine.acquire(self._assigned)
        self.acquired = True
        return await self._begins(engine)

    async def _begins(self, engine: TaskManager[Any]) -> dict[TopicPartition, int]:
        committed = await self._committed()
        known = dict.fromkeys(self._assigned) | committed
        return committed | from_state(known, engine.folded(), exactly_once=self.settings.exactly_once)

    def _fenced(self, engine: TaskManager[Any], place: TopicPartition, error: BaseException) -> None:
        """A transaction failed. Who keeps its partitions takes that one over again; the others go on."""
        if not self.keeps:
            self._failed(error)
            return
        self.retaken += 1
        self.tasks.append(asyncio.create_task(self._retake(engine, place)))

    async def _retake(self, engine: TaskManager[Any], place: TopicPartition) -> None:
        with contextlib.suppress(Died):
            try:
                with engine.letting_go():
                    await engine.release(partitions={place})
                    await self._commit(engine)
                    engine.forget({place})
                async with self._taking:  # the recovery service is one, too
                    taken = await engine.acquire(self._assigned)
                begins = await self._begins(engine)
                self._anew |= {place: begins.get(place, 0) for place in taken or ()}
                self.broker.notify()
            except Died:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the worker ends with it, and it is looked at
                self._failed(error)

    async def _committed(self) -> dict[TopicPartition, int]:
        return await self.operate("committed offsets", partial(dict, self.broker.offsets), reads=True)

    async def _poll(self, engine: TaskManager[Any], committed: dict[TopicPartition, int]) -> None:
        positions = dict.fromkeys(self._assigned, 0) | committed
        with contextlib.suppress(Died):
            while True:
                if self._rejoined:
                    # What is kept is fetched from where its own queue ends.
                    ends = {place: engine.next_offset(place) for place in engine.held()}
                    positions |= {place: end for place, end in ends.items() if end is not None}
                    self._rejoined = False
                positions |= self._anew
                self._anew.clear()
                held = engine.held()
                if not self._any_new(positions):
                    await self.broker.news()
                    continue
                # Fetches of varying size, so that a restarted worker cuts the log into other chunks.
                limits = {place: self._rng.randint(1, 6) for place in positions}
                fetched = await self.operate("fetch", partial(self._read, dict(positions), limits), reads=True)
                positions |= {place: records[-1].offset + 1 for place, records in fetched.items()}
                engine.deliver(fetched, held)
                self._delivered.set()

    def _any_new(self, positions: dict[TopicPartition, int]) -> bool:
        logs = ((self.broker.logs[place], position) for place, position in positions.items())
        return any(position < log.end and log.read(position, 1, committed=True)[0] for log, position in logs)

    def _read(
        self, positions: dict[TopicPartition, int], limits: dict[TopicPartition, int]
    ) -> dict[TopicPartition, Sequence[Record]]:
        found: dict[TopicPartition, Sequence[Record]] = {}
        for place, position in positions.items():
            log = self.broker.logs[place]
            if position < log.end:
                records, _ = log.read(position, limits[place], committed=True)
                if records:
                    found[place] = as_fetched(records)
        return found

    async def _commit_often(self, engine: TaskManager[Any]) -> None:
        """Commit at short intervals while there is work, so that commits fall between all other steps."""
        with contextlib.suppress(Died):
            idle = 0
            while not self._ending.is_set():
                idle = 0 if await self._commit(engine) or self._delivered.is_set() else idle + 1
                self._delivered.clear()
                if idle < _IDLE_ROUNDS:
                    await asyncio.sleep(_COMMIT_INTERVAL)
                else:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._delivered.wait(), _COMMIT_SELDOM)

    async def _commit(self, engine: TaskManager[Any]) -> bool:
        """Commit what is behind the barrier, as the consumer of :mod:`app.engine.faust` does."""
        offsets = engine.committable()
        if not offsets:
            return False
        effect = partial(self.broker.commit_offsets, self._generation, offsets)
        taken = await self.operate("commit offsets", effect)
        engine.committed(offsets if taken else {})
        return taken

    async def _beat(self) -> None:
        with contextlib.suppress(Died):
            while True:
                while self.broker.generation == self._generation:
                    await asyncio.sleep(_HEARTBEAT)
                    if not self._resumed.is_set():
                        await self._standing()
                        await asyncio.sleep(self._coins.choice(_UNAWARE))
                if not self.keeps:
                    break
                self._generation = await self.operate("join", self.broker.join)
                self._rejoined = True
            self._ending.set()
