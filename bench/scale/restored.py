"""Restores of a wiped directory, by the size of the state."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from bench.process import ContestantError
from bench.scale.field import Cores, Field, Scaled, lines, send
from bench.stage import Stage, say
from bench.workload import Part

PARTITIONS = 12

#: Of a batch that stays open: its last content does not come, and so its rows stay.
_SLOTS = 25


@dataclass(frozen=True)
class Restored:
    """A restore by one worker of all partitions: records of the changelog, seconds, CPU seconds from start to ready."""

    records: float
    seconds: float
    start_cpu: float


async def restores(stage: Stage, cores: Cores, sizes: Sequence[int]) -> list[Restored]:
    """Fill to each size (contents, the smallest first), stop, wipe, start again. Raises ContestantError."""
    found, filled = [], 0
    async with Field(stage, PARTITIONS, Scaled(), cores) as field:
        field.start(0)
        await field.spread()
        for size in sorted(sizes):
            batches = max(1, (size - filled) // (_SLOTS - 1))
            filled = size
            part = Part(f"open-{size}", batches, slots=_SLOTS, missing=1, partitions=PARTITIONS)
            field.running.watcher.expect(batch for batch, outcome in part.expected().items() if outcome.ready)
            await send(stage.bootstrap, part.events())
            await field.running.watcher.wait(field.workers)
            field.workers.pop().stop()
            shutil.rmtree(field.running.site.home / "worker-0")
            process = field.start(0)
            await field.spread()
            cpu = field.cpu()
            log_lines = lines(process.log, "state restored")
            if not log_lines:
                raise ContestantError(process.with_log("it has restored nothing"))
            found.append(
                Restored(sum(line["records"] for line in log_lines), sum(line["seconds"] for line in log_lines), cpu)
            )
            say(f"restored {found[-1].records:,.0f} records in {found[-1].seconds:.2f} s")
        field.workers.pop().stop()
    return found
