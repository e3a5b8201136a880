"""Batches that a real worker retires, on a broker: live keys of its changelog, counted by reading it, and its memory.

Of two workers that have the same tenths of batches of 10, one keeps them for seconds and the other for ever. After each
tenth there is time for what is due to go, so that what stays is told apart from what is on its way. What fills up once
and then stays full does so before the third tenth ends: the cache, and the buffers of the database.
"""

import asyncio

from bench import reading, trial
from bench.cells import Cell
from bench.contestants import Rollcall, Site
from bench.figures import Figure
from bench.process import memory
from bench.special import Restore
from bench.stage import Stage, say
from bench.tenths import TENTHS, THIRD, tenth_figures
from bench.trial import Measured, Phase, Running
from bench.workload import Part

#: Each writes 2.7 KB into the database, deletions included, and a partition's write buffer is 16 MiB, which becomes
#: memory as it fills: 30,000 in four partitions, the first three tenths, are 20 MB each, so it has been full by then.
BATCHES = 100_000
_SLOTS = 10
#: Uploads and slots that the cache has room for: 833 batches of 24, so that it is full after a tenth of either run.
_CACHE = 20_000
#: A batch goes after 2 s, its receipt 2 s later, each with the next tick.
_KEPT_SECONDS = 2
_PAUSE_SECONDS = 7.0


class _Keeping(Rollcall):
    """Rollcall that keeps batches and receipts for so many seconds; 0: for ever."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(name, "at_least_once")
        self._seconds = str(seconds)

    def environment(self, site: Site) -> dict[str, str]:
        """Its settings."""
        return super().environment(site) | {
            "ROLLCALL_BATCH_RETENTION_SECONDS": self._seconds,
            "ROLLCALL_RECEIPT_RETENTION_SECONDS": self._seconds,
            "ROLLCALL_READINESS_TIMEOUT_SECONDS": "0",
            "ROLLCALL_CACHE_UPLOADS": str(_CACHE),
        }


class Retiring(Cell):
    """With retention and without, one after the other; CPU time from the end of the third tenth on."""

    def __init__(self, name: str, batches: int, partitions: int) -> None:
        parts = (Part(f"tenth-{n}", batches // TENTHS, _SLOTS, partitions=partitions) for n in range(1, TENTHS + 1))
        super().__init__(name, "rollcall", tuple(Phase(part.name, part) for part in parts))

    async def measure(self, stage: Stage) -> Measured:
        """Measure both. Raises ContestantError where one fails or is wrong."""
        kept, never = [await self._run(stage, seconds) for seconds in (_KEPT_SECONDS, 0)]
        for quantity in ("keys", "memory_mb"):
            kept[f"retiring.{quantity}.growth"] = kept[f"retiring.{quantity}.10"] / max(
                1.0, kept[f"retiring.{quantity}.{THIRD}"]
            )
        kept["retiring.never.keys"] = never["retiring.keys.10"]
        # What grows likewise where all is kept, and the cache is as small, is not of retention.
        kept["retiring.never.growth"] = never["retiring.memory_mb.10"] / never[f"retiring.memory_mb.{THIRD}"]
        kept["retiring.speed"] = never["retiring.cpu"] / kept["retiring.cpu"]
        return kept

    async def _run(self, stage: Stage, seconds: float) -> Measured:
        number, begun = 0, 0.0
        live: LiveKeys | None = None

        async def after(running: Running, _: Phase) -> None:
            nonlocal number, begun, live
            await asyncio.sleep(_PAUSE_SECONDS)
            number += 1
            live = live or LiveKeys(stage, self.changelog(running))
            keys = await asyncio.to_thread(live.count)
            resident = sum(memory(process.pid, "VmRSS") for process in running.processes) / 1e6
            say(f"kept for {seconds} s, tenth {number}: {keys} live keys of the changelog, {resident:.0f} MB")
            running.measured |= {f"retiring.keys.{number}": keys, f"retiring.memory_mb.{number}": resident}
            begun = running.cpu() if number <= THIRD else begun
            running.measured["retiring.cpu"] = running.cpu() - begun

        return await trial.run(stage, _Keeping(self.contestant.name, seconds), self.phases, after_phase=after)


class OverDeletions(Restore):
    """A restore of a changelog of which nearly all was deleted again, and nothing is compacted away yet."""

    def __init__(self, name: str, batches: int, partitions: int) -> None:
        fill = Part("fill", batches, _SLOTS, partitions=partitions)
        super().__init__(name, "rollcall", [Phase(fill.name, fill)])
        self.contestant = _Keeping(self.contestant.name, _KEPT_SECONDS)

    async def _restore(self, running: Running) -> None:
        await asyncio.sleep(_PAUSE_SECONDS)
        live = LiveKeys(running.stage, self.changelog(running))
        running.measured["restore.live_keys"] = await asyncio.to_thread(live.count)
        await super()._restore(running)


class LiveKeys:
    """How many keys a topic has whose latest record is no deletion. It may be compacted meanwhile."""

    def __init__(self, stage: Stage, topic: str) -> None:
        self._stage = stage
        self._topic = topic
        self._read = dict.fromkeys(range(stage.partitions), 0)
        self._live: set[tuple[int, bytes | None]] = set()

    def count(self) -> int:
        """How many there are now; what was read the last time is not read again. For a thread without an event loop."""
        bootstrap = self._stage.bootstrap
        ends = asyncio.run(reading.ends(bootstrap, self._topic, self._stage.partitions))
        for row in reading.rows(bootstrap, self._topic, self._read, ends, self._topic):
            place = row.partition, row.key
            if row.value is None:
                self._live.discard(place)
            else:
                self._live.add(place)
        self._read = ends
        return len(self._live)


def retiring_figures(cell: str) -> list[Figure]:
    """The figures of one run."""
    named = {"keys": "live keys of the changelog", "memory_mb": "memory of the worker, MB"}
    figures = tenth_figures("retention-broker", "retiring", cell, named, "after")
    figures.append(Figure("retention-broker:never", "live keys where all is kept", cell, "retiring.never.keys"))
    title = "memory of the worker where all is kept: the last tenth against the third"
    figures.append(Figure("retention-broker:never-memory", title, cell, "retiring.never.growth"))
    title = "events a CPU second of the worker with retention, against without, from the fourth tenth on"
    return [*figures, Figure("retention-broker:speed", title, cell, "retiring.speed", most=False, goal=0.9, high=True)]


def over_deletions_figures(cell: str) -> list[Figure]:
    """The figures of one restore."""
    title = "records/s of a restore over deletions against a raw read"
    measured = "restore.rows_per_second"
    return [
        Figure(
            "restore-deleted:speed",
            title,
            *(cell, measured, (cell,), "raw.rows_per_second"),
            most=False,
            goal=0.5,
            high=True,
        ),
        Figure("restore-deleted:records", "records/s of a restore over deletions", cell, measured, high=True),
        Figure("restore-deleted:live", "live keys of that changelog", cell, "restore.live_keys"),
    ]
