"""The overview: the workers' answers, put together. Pure but for the clock."""

import time
from collections.abc import Iterable, Mapping

from app import native
from app.api.cluster.peer_models import LocalOverview, LocalStanding
from app.api.present import models
from app.history.times import iso
from app.settings import Settings
from app.version import release


def overview_of(
    settings: Settings,
    this: str,
    owned: Mapping[str, tuple[int, ...]],
    parts: Mapping[str, LocalOverview],
    now: int | None = None,
) -> models.Overview:
    """The overview, at ``now`` (ms) by the broker's clock.

    ``owned`` is what the group says (partitions by worker), ``parts`` what those workers said that answered, ``this``
    the one that asks. While a partition moves two may claim it: the group's word counts.
    """
    now = round(time.time() * 1000) if now is None else now
    owners = {partition: url for url, partitions in owned.items() for partition in partitions}
    standings: dict[int, LocalStanding] = {}
    partitions: dict[int, models.PartitionInfo] = {}
    for url, part in parts.items():
        for standing in part.standings:
            if standing.partition not in standings or owners.get(standing.partition) == url:
                standings[standing.partition] = standing
        for partition in part.partitions:
            if partition.partition not in partitions or owners.get(partition.partition) == url:
                partitions[partition.partition] = partition.model_copy(update={"owner": url})
    pending = [standing.oldest_pending for standing in standings.values()]
    closed = [standing.oldest_closed for standing in standings.values()]
    return models.Overview(
        time=iso(now),
        app_id=settings.app_id,
        guarantee=settings.processing_guarantee,
        version=release(),
        runs=native.RUNS,
        workers=_workers(this, owned, parts),
        partitions=[
            partitions.get(number)
            or models.PartitionInfo(partition=number, owner=owners.get(number), ready=False, lag=None)
            for number in range(settings.partitions)
        ],
        inputs=_inputs(parts.values()),
        missing=sorted(set(range(settings.partitions)).difference(standings)),
        counts=models.Counts(
            unregistered=sum(standing.counts.unregistered for standing in standings.values()),
            open=sum(standing.counts.open for standing in standings.values()),
            complete=_sum(standing.counts.complete for standing in standings.values()),
            discarded=_sum(standing.counts.discarded for standing in standings.values()),
        ),
        retired=_sum(standing.retired for standing in standings.values()),
        pending_uploads=sum(standing.pending_uploads for standing in standings.values()),
        oldest_pending_seconds=_age(now, pending),
        stuck=sum(standing.stuck for standing in standings.values()),
        oldest_closed_seconds=_age(now, closed),
    )


def _age(now: int, moments: Iterable[int | None]) -> float | None:
    """The age (s) of the earliest of moments (ms), None where there is none."""
    earliest = min((moment for moment in moments if moment is not None), default=None)
    return None if earliest is None else max(0, now - earliest) / 1000


def _workers(
    this: str, owned: Mapping[str, tuple[int, ...]], parts: Mapping[str, LocalOverview]
) -> list[models.WorkerInfo]:
    return [
        models.WorkerInfo(
            url=url,
            ready=url in parts and parts[url].ready,
            this=url == this,
            partitions=[partition.partition for partition in parts[url].partitions]
            if url in parts
            else list(owned[url]),
            reachable=url in parts,
            restore_left=parts[url].restore_left if url in parts else None,
            standbys=parts[url].standbys if url in parts else None,
        )
        for url in sorted({*owned, *parts})
    ]


def _inputs(parts: Iterable[LocalOverview]) -> list[models.InputInfo]:
    found = {(source.topic, source.partition): source for part in parts for source in part.inputs}
    return [found[place] for place in sorted(found)]


def _sum(numbers: Iterable[int | None]) -> int | None:
    found = list(numbers)
    return None if None in found else sum(number for number in found if number is not None)
