"""How the batches of this worker stand, for the metrics and the API."""

from agents.processor import JoinProcessor
from app.engine.task_manager import TaskManager
from tables.batch_counts import Standing


def standings(engine: TaskManager[JoinProcessor]) -> dict[int, Standing]:
    """How the batches stand, by partition: of those of this worker whose counts have all that wait."""
    # While the broker's clock is not known, nothing is called stuck: this worker's own may be wrong by hours.
    clock, stuck_after = engine.clock, engine.settings.stuck_after_seconds * 1000
    stuck_since = round(clock.now() - stuck_after) if clock.known else 0
    return {
        partition: task.processor.counts.standing(stuck_since)
        for partition, task in engine.tasks.items()
        if task.serving and task.processor.counts.listed
    }


def standing(engine: TaskManager[JoinProcessor]) -> Standing:
    """How the batches of :func:`standings` stand together."""
    return sum(standings(engine).values(), Standing())
