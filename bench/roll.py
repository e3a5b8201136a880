"""A cell without a backlog: how long partitions give no answer while workers are exchanged, or killed."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import ExitStack

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from bench import topics, trial
from bench.cells import Cell
from bench.contestants import Rollcall, Site
from bench.figures import Figure
from bench.probes import Probes
from bench.stage import Stage, say
from bench.trial import Measured, Running
from bench.watcher import Watcher
from bench.workload import CONTENT

WORKERS = 3

#: A worker that is killed is missed after this time: the shipped default.
SESSION_SECONDS = 6

_SETTLE = 60.0 + 10 * SESSION_SECONDS

#: What is told of a run: the name of the quantity, in words, and the goal if there is one.
_FIGURES = (
    ("undisturbed", "undisturbed", None),
    ("term.stays", "of what stays when a worker is stopped", None),
    ("term.moves", "of what moves when a worker is stopped", 2.0),
    ("start.stays", "of what stays when a worker starts", None),
    ("start.moves", "of what moves when a worker starts", None),
    ("kill.stays", "of what stays at kill -9", None),
    ("kill.stays.written", "of what stays at kill -9, until the answer is written", None),
    ("kill.moves", "of what moves at kill -9", None),
    ("back.stays", "of what stays at kill -9 with a start at once", None),
    ("back.moves", "of what moves at kill -9 with a start at once", None),
)

Owners = Mapping[tuple[str, int], str]


def roll_figures(name: str, guarantee: str, cell: str) -> list[Figure]:
    """The figures of one run, ``name:quantity`` each."""
    title = f"longest wait for an answer, s, {{}}, {guarantee}"
    return [
        Figure(f"{name}:{quantity}", title.format(words), cell, f"roll.{quantity}.seconds", goal=goal)
        for quantity, words, goal in _FIGURES
    ]


class Restarted(Rollcall):
    """Rollcall with the shipped session time-out."""

    def environment(self, site: Site) -> dict[str, str]:
        """Its settings."""
        return super().environment(site) | {"ROLLCALL_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS)}


class Roll(Cell):
    """Three workers: each is stopped with SIGTERM and started again; then killed, and started again when it was missed;
    then killed and started again at once.

    Per partition of the log, and the input partition that its probes come through: the longest wait of a probe, apart
    for those of which neither moved and for those of which one did.
    """

    def __init__(self, name: str, guarantee: str) -> None:
        super().__init__(name, "rollcall", ())
        self.contestant = Restarted("rollcall", guarantee)
        self._exactly_once = guarantee == "exactly_once"

    async def measure(self, stage: Stage) -> Measured:
        """Measure it."""
        await topics.make(stage.bootstrap, stage.partitions)
        app_id, home = stage.next_run()
        site = Site(stage.bootstrap, app_id, home, stage.partitions, (0,))
        with ExitStack() as stack:
            watcher = Watcher(stage.bootstrap, stage.partitions)
            running = Running(stage, self.contestant, site, [], watcher, {}, {})
            for number in range(WORKERS):
                running.processes.append(stack.enter_context(trial.start(running, number)))
            for process in running.processes:
                await trial.ready(process)
            async with Probes(stage.bootstrap, stage.partitions, exactly_once=self._exactly_once) as probes:
                await probes.settled(_SETTLE)
                await asyncio.sleep(2 * SESSION_SECONDS)
                await self._quiet(running, probes)
                for how in ("term", "kill"):
                    for number in range(WORKERS):
                        await self._exchange(stack, running, probes, number, how)
                for number in range(WORKERS):
                    await self._back(stack, running, probes, number)
            for process in running.processes:
                process.stop()
        return running.measured

    async def _quiet(self, running: Running, probes: Probes) -> None:
        begun = time.monotonic()
        await asyncio.sleep(SESSION_SECONDS)
        await probes.settled(_SETTLE)
        running.measured["roll.undisturbed.seconds"] = max(probes.longest(begun, time.monotonic()))

    async def _exchange(self, stack: ExitStack, running: Running, probes: Probes, number: int, how: str) -> None:
        process = running.processes[number]
        before = await self._owners(running)
        begun = time.monotonic()
        await asyncio.to_thread(process.stop if how == "term" else process.kill)
        if how == "kill":
            await asyncio.sleep(SESSION_SECONDS)
        await probes.settled(_SETTLE)
        gone = await self._owners(running)
        self._tell(running, probes, begun, f"{how}", before, gone)
        begun = time.monotonic()
        running.processes[number] = stack.enter_context(trial.start(running, number))
        await trial.ready(running.processes[number])
        await asyncio.sleep(1.0)
        await probes.settled(_SETTLE)
        self._tell(running, probes, begun, "start", gone, await self._owners(running))

    async def _back(self, stack: ExitStack, running: Running, probes: Probes, number: int) -> None:
        before = await self._owners(running)
        begun = time.monotonic()
        await asyncio.to_thread(running.processes[number].kill)
        running.processes[number] = stack.enter_context(trial.start(running, number))
        await trial.ready(running.processes[number])
        await asyncio.sleep(SESSION_SECONDS)
        await probes.settled(_SETTLE)
        self._tell(running, probes, begun, "back", before, await self._owners(running))

    def _tell(self, running: Running, probes: Probes, begun: float, what: str, before: Owners, after: Owners) -> None:
        """Keep the longest waits since ``begun``; how long a probe waits for a partition that has moved, or stayed."""
        log = f"{running.site.app_id}-log"
        now = time.monotonic()
        longest, until_written = probes.longest(begun - 0.1, now), probes.longest(begun - 0.1, now, written=True)
        texts = []
        for partition, seconds in enumerate(longest):
            places = ((log, partition), (CONTENT, partition))
            stays = all(before.get(place) == after.get(place) for place in places)
            key = f"roll.{what}.{'stays' if stays else 'moves'}.seconds"
            running.measured[key] = max(running.measured.get(key, 0.0), seconds)
            key = key.replace(".seconds", ".written.seconds")
            running.measured[key] = max(running.measured.get(key, 0.0), until_written[partition])
            texts.append(f"{seconds:.2f}, written {until_written[partition]:.2f}{'' if stays else ' (moved)'}")
        say(f"{what}: {', '.join(texts)}")

    async def _owners(self, running: Running) -> Owners:
        """The member of the group that has each partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=running.site.bootstrap)
        await admin.start()
        try:
            while True:
                described = await admin.describe_consumer_groups([running.site.app_id])
                _, _, state, _, _, members, *_ = described[0].groups[0]
                if state == "Stable":
                    break
                await asyncio.sleep(0.1)
        finally:
            await admin.close()
        return {
            (topic, partition): member
            for member, _, _, _, assigned, *_ in members
            if assigned
            for topic, partitions in ConsumerProtocolMemberAssignment.decode(assigned).assignment
            for partition in partitions
        }
