"""Why a batch isn't ready, and what would finish it."""

import asyncio

from aiokafka.errors import KafkaError

from app.api.cluster.cluster import Cluster, Found
from app.api.offload import offload, run_in_thread
from app.api.present import batch_models, models, views
from app.core.batch import Batch
from app.core.batch_state import State
from app.history.dead_letters import dead_letters
from app.history.models import DeadLetter
from app.policy import policy_of
from tables.glances import glance_of

#: How long dead letters are looked for, in seconds, and how many are named.
_PATIENCE = 8.0
_MOST = 20


async def explain(cluster: Cluster, batch_id: str) -> str:
    """Explain a batch, also one of which nothing is known: an Explanation, as JSON.

    Raises ApiError 503 where its owner can't be asked.
    """
    found = await cluster.find(batch_id)
    partition, letters = await asyncio.gather(cluster.partition(found.partition), _letters(cluster, batch_id))
    return await offload(lambda: explanation(found, partition, letters, cluster).text())


async def _letters(cluster: Cluster, batch_id: str) -> list[DeadLetter] | None:
    try:
        page = await asyncio.wait_for(
            run_in_thread(lambda: dead_letters(cluster.settings, batch_id=batch_id, limit=_MOST)), _PATIENCE
        )
    except (KafkaError, OSError, TimeoutError):
        return None
    return page.items


def explanation(
    found: Found, partition: models.PartitionInfo, letters: list[DeadLetter] | None, cluster: Cluster
) -> batch_models.Explanation:
    """Put together what was found out."""
    batch = found.batch
    known = batch.last >= 0
    return batch_models.Explanation(
        batch_id=batch.batch_id,
        state=batch.state.value if known else "unknown",
        sentence=f"{_what(batch) if known else 'nothing of it has been read'}{_besides(batch, partition, letters)}",
        waits_for=_waits_for(batch) if known else "its registration and its uploads",
        would_finish=_would_finish(batch),
        missing_slots=views.empty_slots(batch) if batch.state is State.OPEN else [],
        pending=views.pending_of(batch, policy_of(cluster.settings)),
        conflicting=[views.place(source) for source in sorted(batch.conflicts)],
        partition=partition,
        dead_letters=letters,
    )


def _what(batch: Batch) -> str:
    sentence = views.reason(glance_of(batch))
    return f"{sentence} (its readiness deadline has passed)" if batch.timed_out and not batch.complete else sentence


def _besides(batch: Batch, partition: models.PartitionInfo, letters: list[DeadLetter] | None) -> str:
    """What may stand between the batch and what it waits for."""
    if batch.complete or batch.receipt is not None:
        return ""
    lag = partition.lag
    if lag is None:
        parts = [f"the lag of its log partition {partition.partition} is not known"]
    elif lag:
        parts = [f"its log partition {partition.partition} has {views.count(lag, 'record')} still to be read"]
    else:
        parts = [f"its log partition {partition.partition} is read to its end"]
    if letters is None:
        parts.append("the dead letters could not be read")
    elif letters:
        verb = "names" if len(letters) == 1 else "name"
        parts.append(f"{views.count(len(letters), 'dead letter')} {verb} it, the latest for {letters[0].reason}")
    else:
        parts.append("no dead letter names it")
    return f"; {', '.join(parts)}"


def _waits_for(batch: Batch) -> str | None:
    if batch.state is State.OPEN:
        missing = views.empty_slots(batch)
        return f"{views.count(len(missing), 'upload')} (a content or a failure) for {views.listed(missing)}"
    if batch.state is State.UNREGISTERED:
        return "its registration" if batch.pending else "its registration and its uploads"
    return None


def _would_finish(batch: Batch) -> list[str]:
    """What would finish the batch; the first is the ordinary way."""
    if batch.state is State.OPEN:
        missing = len(views.empty_slots(batch))
        ways = [f"{views.count(missing, 'more upload')}: contents or failures, of any file"]
        if batch.filled or batch.failed:
            ways.append("the act force_complete: ready with what is there, the shortfall visible")
        return [*ways, "the act discard: closed without a ready event"]
    if batch.state is State.UNREGISTERED:
        ways = ["its registration (BatchEssaysRegistered), and an upload for each slot"]
        if batch.pending:
            ways.append("the act discard: what is pending is given up, each said with its whole original")
        return ways
    return []
