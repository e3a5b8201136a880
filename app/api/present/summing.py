"""The overview: what the workers said, put together. Pure but for the clock."""

import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from app.api.cluster.peer_models import LocalOverview, LocalStanding
from app.api.present import models
from app.history.times import iso
from app.settings import Settings


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
    told: dict[int, models.PartitionInfo] = {}
    for url, part in parts.items():
        for standing in part.standings:
            if standing.partition not in standings or owners.get(standing.partition) == url:
                standings[standing.partition] = standing
        for one in part.partitions:
            if one.partition not in told or owners.get(one.partition) == url:
                told[one.partition] = one.model_copy(update={"owner": url})
    oldest = min((one.oldest_pending for one in standings.values() if one.oldest_pending is not None), default=None)
    return models.Overview(
        time=iso(now),
        app_id=settings.app_id,
        guarantee=settings.processing_guarantee,
        version=app_version(),
        workers=_workers(this, owned, parts),
        partitions=[
            told.get(number) or models.PartitionInfo(partition=number, owner=owners.get(number), ready=False, lag=None)
            for number in range(settings.partitions)
        ],
        inputs=_inputs(parts.values()),
        missing=sorted(set(range(settings.partitions)).difference(standings)),
        counts=models.Counts(
            unregistered=sum(one.counts.unregistered for one in standings.values()),
            open=sum(one.counts.open for one in standings.values()),
            complete=_sum(one.counts.complete for one in standings.values()),
            discarded=_sum(one.counts.discarded for one in standings.values()),
        ),
        pending_uploads=sum(one.pending_uploads for one in standings.values()),
        oldest_pending_seconds=None if oldest is None else max(0, now - oldest) / 1000,
        stuck=sum(one.stuck for one in standings.values()),
    )


def app_version() -> str:
    """The release that runs."""
    try:
        return version("rollcall")
    except PackageNotFoundError:
        return "unknown"


def _workers(
    this: str, owned: Mapping[str, tuple[int, ...]], parts: Mapping[str, LocalOverview]
) -> list[models.WorkerInfo]:
    return [
        models.WorkerInfo(
            url=url,
            ready=url in parts and parts[url].ready,
            this=url == this,
            partitions=[one.partition for one in parts[url].partitions] if url in parts else list(owned[url]),
            reachable=url in parts,
        )
        for url in sorted({*owned, *parts})
    ]


def _inputs(parts: Iterable[LocalOverview]) -> list[models.InputInfo]:
    found = {(one.topic, one.partition): one for part in parts for one in part.inputs}
    return [found[place] for place in sorted(found)]


def _sum(numbers: Iterable[int | None]) -> int | None:
    found = list(numbers)
    return None if None in found else sum(number for number in found if number is not None)
