"""A run: the script is sent, workers live and are disturbed, and what is left in the end is handed out."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from aiokafka import TopicPartition

from app.engine.topics.ensure import changelog_topic, log_topic
from tests.crash.broker import Broker
from tests.crash.clock import EPOCH_MS, VirtualLoop
from tests.crash.disk import Disk
from tests.crash.jobs import JOBS
from tests.crash.process import CURRENT, Process
from tests.crash.result import Result, restored, settings_for
from tests.crash.scenario import Scenario
from tests.crash.script import ACT_SECONDS, PARTITIONS, TICK

_SESSION_TIMEOUT = 6.0
_LONGEST = 400.0  # virtual seconds for something to come to rest: many times what it takes
_LIVES = 6


class StuckError(Exception):
    """The run did not come to rest."""


def run(scenario: Scenario, *, to_the_end: bool = True) -> Result:
    """Run a scenario, or all of it before the last worker begins; raises nothing for what goes wrong.

    Needs :func:`tests.crash.patches.simulated` around it.
    """
    loop = VirtualLoop(_belongs)
    try:
        world = World(scenario, loop)
        loop.run_until_complete(world.run(to_the_end=to_the_end))
        world.end(loop)
    finally:
        loop.close()
    return world.result


def _belongs(task: asyncio.Task[Any]) -> None:
    process = CURRENT.get(None)
    if process is not None:
        process.tasks.append(task)


class World:
    """The course of one run."""

    def __init__(self, scenario: Scenario, loop: VirtualLoop) -> None:
        self.scenario = scenario
        settings = settings_for(scenario.guarantee, scenario.seed, JOBS[scenario.job].settings)
        self._log = log_topic(settings)
        self._changelog = changelog_topic(settings)
        self.job = JOBS[scenario.job]
        self.topology = self.job.topology(settings)
        partitions = {**self.job.partitions, self._log: PARTITIONS, self._changelog: PARTITIONS}
        self.broker = Broker(partitions, loop.time)
        consumed = {*self.topology.topics.inputs, self._log}
        self._consumed = [log for log in self.broker.logs.values() if log.place.topic in consumed]
        self.acts = self.job.script(scenario.seed)
        self.result = Result(scenario, settings, self.broker, sum(map(len, self.acts)))
        self._loop = loop
        self._sent = asyncio.Event()

    async def run(self, *, to_the_end: bool) -> None:
        """The disturbed acts, then the last one with a worker that knows the changelog only."""
        try:
            feeder = self._loop.create_task(self._feed(0, 1))
            owner, stale = await self._disturbed()
            await feeder
            await self._check_rest(owner)
            await self._stopped(owner)
            self._take_stock(owner)
            if not to_the_end:
                return
            last = self._begin("last", stale)
            await self._feed(2)
            await self._settled(last)
            await self._stopped(last)
            self.result.final = restored(self.broker.topic(self._changelog))
        except StuckError as error:
            self.result.problems.append(f"stuck: {error}")

    def end(self, loop: VirtualLoop) -> None:
        """Clear everything away that still runs."""
        left = [task for process in self.result.processes for task in process.tasks if not task.done()]
        for process in self.result.processes:
            process.resume()
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=1))

    # The course

    async def _disturbed(self) -> tuple[Process, Disk]:
        """Two acts with everything that the scenario has happen; the owner at the end, and a disk for the last one."""
        scenario, disk = self.scenario, Disk()
        strikes = [scenario.crash, scenario.then]
        for life in range(_LIVES):
            strike = strikes[life] if life < len(strikes) else None
            process = self._begin(f"worker {life}", disk, strike, pauses=scenario.zombie and life == 0)
            await self._settled(process)
            if process.struck and scenario.zombie and life == 0:
                return await self._taken_over(process)
            if not process.struck and not process.over.is_set():
                return process, Disk()
            if not process.struck:
                self._failed(process)
            await process.reap()
            if scenario.wipe:
                disk = Disk()
            if (scenario.seed + life) % 2:
                self._compact()
            await asyncio.sleep(1.0)
        message = f"{_LIVES} workers could not finish"
        raise StuckError(message)

    async def _taken_over(self, first: Process) -> tuple[Process, Disk]:
        """The first worker stands still; a second one takes over; the first goes on, and hears of it only later."""
        scenario = self.scenario
        await asyncio.sleep(_SESSION_TIMEOUT)
        second = self._begin("second", Disk())
        if scenario.wake:
            await self._until(lambda: len(second.operations) >= scenario.wake or self._done_with_all, second)
        else:
            await self._settled(second)
        if scenario.keeps and first.acquired:
            return await self._kept(first, second)
        first.resume()
        # One of them learns that the group has gone on without it: the first, unless it stood before it had joined.
        await self._until(lambda: first.over.is_set() or second.over.is_set(), None)
        owner, other = (second, first) if first.over.is_set() else (first, second)
        await self._leave(other)
        await self._settled(owner)
        if owner.over.is_set():
            # The first one stood before its fence, and fenced its successor late: that one starts anew.
            await self._leave(owner)
            owner = self._begin("third", Disk())
            await self._settled(owner)
        # The last worker comes with what the first one has on its disk, or with nothing.
        comes_back = owner is not first and scenario.crash is not None and scenario.crash.number % 2
        return owner, first.disk if comes_back else Disk()

    async def _kept(self, first: Process, second: Process) -> tuple[Process, Disk]:
        """The second worker is gone; the first goes on with all it had. With transactions it is fenced if it writes."""
        if self.scenario.wake:
            second.kill()
        else:
            await self._stopped(second)
        await second.reap()
        first.keeps = True
        first.resume()
        # It does once more what the other one did; or it was fenced, and hears of it with the next chunk: a tick's, if
        # it waits for what has fired long ago.
        await asyncio.sleep(self.job.patience + 3 * _SESSION_TIMEOUT)
        await self._settled(first)
        if not first.over.is_set():
            return first, Disk()
        await self._leave(first)
        third = self._begin("third", first.disk)
        await self._settled(third)
        return third, Disk()

    async def _leave(self, process: Process) -> None:
        """Clear away a process that is over; with transactions, to be fenced is a reason to end."""
        if process.failure is not None and not (self.result.settings.exactly_once and process.was_fenced):
            self._failed(process)
        await process.reap()

    def _begin(self, name: str, disk: Disk, strike: Any = None, *, pauses: bool = False) -> Process:
        process = Process(
            name,
            self.broker,
            disk,
            self.result.settings,
            self.topology,
            seed=self.scenario.seed,
            strike=strike,
            pauses=pauses,
        )
        context = copy_context()
        context.run(CURRENT.set, process)
        process.tasks.append(self._loop.create_task(process.live(), context=context))
        self.result.processes.append(process)
        return process

    async def _feed(self, *acts: int) -> None:
        for act in acts:
            begun = self._loop.time()
            for sent in self.acts[act]:
                await asyncio.sleep(max(0.0, begun + sent.after - self._loop.time()))
                place = TopicPartition(sent.message.topic, sent.partition)
                self.broker.append(place, [(sent.message.key, sent.message.value, ())])
            if act != acts[-1]:
                await asyncio.sleep(ACT_SECONDS)
        self._sent.set()

    async def _settled(self, process: Process) -> None:
        """Wait until everything is done and every deadline has passed, or the process was struck or is over."""
        # Then nothing is due any more: a successor's clock may be behind by the time that it took to take over.
        quiet = self.job.patience + _SESSION_TIMEOUT + 3 * TICK
        await self._until(lambda: self._done_with_all and self._quiet >= quiet, process)

    async def _until(self, condition: Callable[[], bool], process: Process | None) -> None:
        begun = self._loop.time()
        while not condition():
            if process is not None and (process.struck or process.over.is_set()):
                return
            if self._loop.time() - begun > _LONGEST:
                message = f"{process.name if process else 'the first worker'} does not come to rest: {self._left()}"
                raise StuckError(message)
            await asyncio.sleep(1.0)

    @property
    def _done_with_all(self) -> bool:
        return self._sent.is_set() and self._caught_up

    @property
    def _caught_up(self) -> bool:
        return all(log.end == self._done(log.place) for log in self._consumed)

    def _left(self) -> dict[str, int]:
        """How many records of each partition are not yet done."""
        left = {f"{log.place.topic}/{log.place.partition}": log.end - self._done(log.place) for log in self._consumed}
        return {place: count for place, count in left.items() if count}

    def _done(self, place: TopicPartition) -> int:
        return self.broker.offsets.get(place, 0)

    @property
    def _quiet(self) -> float:
        """Seconds since the log got its last input."""
        inputs = (
            next(
                (record.timestamp for record in reversed(log.records) if record.headers[0][0] == self.job.source),
                EPOCH_MS,
            )
            for log in self.broker.topic(self._log)
        )
        return (self.broker.time - max(inputs)) / 1000

    async def _check_rest(self, owner: Process) -> None:
        """Where nothing is due, nothing is written, but for one tick of a worker that begins and knows no time yet."""
        await asyncio.sleep(4 * TICK)
        before = [log.end for log in self.broker.topic(self._log)]
        await asyncio.sleep(4 * TICK)
        if before != (after := [log.end for log in self.broker.topic(self._log)]):
            self.result.problems.append(f"unrest: the log grows from {before} to {after} while nothing is due")
        if owner.over.is_set():
            self._failed(owner)

    async def _stopped(self, process: Process) -> None:
        process.stop()
        await self._until(process.over.is_set, None)
        if process.failure is not None:
            self._failed(process)

    def _failed(self, process: Process) -> None:
        error = process.failure
        self.result.problems.append(f"failed: {process.name} ended with {type(error).__name__}: {error}")

    def _take_stock(self, owner: Process) -> None:
        self.result.then = [log.end for log in self.broker.topic(self._log)]
        paths = sorted(owner.disk.databases)
        self.result.stores = [dict(owner.disk.databases[path].rows) for path in paths]
        self._compact()
        self.result.restored = restored(self.broker.topic(self._changelog))

    def _compact(self) -> None:
        for log in self.broker.topic(self._changelog):
            log.compact()
