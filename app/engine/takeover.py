"""A takeover: partitions of the log that come to this worker together, from their fence until they can be folded.

In this order: fence (this worker is the only writer), ask how far the group has folded, restore (state is what the
changelog says), hold it against the log that is there. So state has all that lies before the offset from which it goes
on. The other way round it would not at least once, where nobody is fenced: a worker that is paused in between would
find an offset that another one has committed meanwhile, and its state would lack what that one has folded.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from app.engine.ports import Topology
from app.engine.state import folded
from app.engine.state.provenance import ask
from app.engine.state.restore import Progress, restore
from app.engine.task import Task
from app.engine.topics.ensure import changelog_topic
from app.engine.topics.positions import goes_on_at
from app.engine.turns import turn
from app.settings import Settings


async def take_over(
    settings: Settings, topology: Topology[Any], tasks: Mapping[int, Task[Any]], progress: Progress
) -> None:
    """Fence and restore the tasks, by partition; none of them is started then.

    Raises what went wrong. Whoever cancels it, or is told an error, closes the tasks.
    """
    # Closed only by Task.close, after this was cancelled: one owner for every database handle.
    for task in tasks.values():
        async with turn():
            task.store.open()
    await asyncio.gather(*(task.fence() for task in tasks.values()))
    if tasks:
        provenance = await ask(settings, topology.topics)
        stores = {partition: task.store for partition, task in tasks.items()}
        await restore(settings, changelog_topic(settings), stores, progress, provenance)
        await asyncio.gather(*(task.settle(provenance) for task in tasks.values()))
        for partition, task in tasks.items():
            committed, stands_at = provenance.committed.get(partition), folded.read(task.store)
            task.folded = goes_on_at(task.log, committed, stands_at, exactly_once=settings.exactly_once)
