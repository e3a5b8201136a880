"""Answers about all partitions: of this worker's own, and of the others' by asking whoever has them."""

import base64
import binascii
import json
import time
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from app.api import models, views
from app.api.directory import Directory
from app.api.errors import ApiError, refuse, unavailable, unknown_batch
from app.api.here import Here, Place, Wanted, partition_of
from app.api.local import LocalOverview, LocalPage, LocalRows, Ranked
from app.api.peers import Peers, UnreachableError
from app.api.summing import overview_of
from app.core.batch import Batch, State
from app.history.times import iso
from app.settings import Settings
from tables import batches


class Found(NamedTuple):
    """A batch, its partition, who owns that, and the log offset of its first fact."""

    batch: Batch
    partition: int
    owner: str
    first: int | None


class Whole:
    """What the group knows together, as this worker can find out now."""

    def __init__(self, settings: Settings, here: Here, directory: Directory, peers: Peers) -> None:
        self.settings = settings
        self.here = here
        self.directory = directory
        self._peers = peers

    async def overview(self) -> models.Overview:
        """Everything at a glance."""
        owned = await self.directory.owned()
        others = [url for url in owned if url != self.here.url]
        parts = {self.here.url: self.here.overview()}
        parts |= await self._peers.ask_all(others, "/api/local/overview", {}, LocalOverview)
        return overview_of(self.settings, self.here.url, owned, parts)

    async def batch(self, batch_id: str) -> models.Batch:
        """A batch. Raises ApiError: 404 where its owner has nothing of it, 503 where the owner can't be asked."""
        found = await self.find(batch_id)
        if found.batch.last < 0:
            raise unknown_batch(batch_id)
        return self.view(found)

    async def find(self, batch_id: str) -> "Found":
        """A batch as its owner has it; without facts where nothing of it has been read. Raises ApiError 503."""
        partition = partition_of(batch_id, self.settings.partitions)
        if self.here.serves(partition):
            url, told = self.here.url, self.here.rows(batch_id)
        else:
            url = await self._owner(partition)
            path = f"/api/local/batches/{quote(batch_id, safe='')}"
            try:
                told = await self._peers.ask(url, path, {}, LocalRows)
            except UnreachableError as error:
                why = f"its owner, {error}; if it is gone, another takes over when its session has ended"
                raise unavailable([partition], why) from error
        batch = batches.batch_of(batch_id, (base64.b64decode(row) for row in told.rows))
        return Found(batch, partition, url, told.first)

    def view(self, found: "Found") -> models.Batch:
        """A batch with all that is known of it."""
        return views.whole(
            found.batch,
            found.partition,
            _now(),
            stuck_after=round(self.settings.stuck_after_seconds * 1000),
            policy=self.settings.policy,
            owner=found.owner,
        )

    async def partition(self, number: int) -> models.PartitionInfo:
        """A partition of the log: its owner and its lag, as far as they can be had."""
        overview = await self.overview()
        return overview.partitions[number]

    async def batches(self, wanted: Wanted, cursor: str | None, limit: int) -> models.BatchPage:
        """A page of a list of batches."""
        ranked, following, missing = await self._page(wanted, cursor, limit)
        return models.BatchPage(items=[one.batch for one in ranked], next=following, missing=missing)

    async def pending(self, cursor: str | None, limit: int) -> models.PendingPage:
        """A page of the batches without a registration."""
        ranked, following, missing = await self._page(Wanted(state=State.UNREGISTERED), cursor, limit)
        items = [
            models.PendingBatch(
                batch_id=one.batch.batch_id,
                partition=one.batch.partition,
                pending=one.batch.pending,
                since=one.batch.since or iso(_now()),
                age_seconds=one.batch.age_seconds or 0.0,
                expires_at=one.expires_at,
            )
            for one in ranked
        ]
        return models.PendingPage(items=items, next=following, missing=missing)

    async def _page(self, wanted: Wanted, cursor: str | None, limit: int) -> tuple[list[Ranked], str | None, list[int]]:
        """The first ``limit`` of a list behind the cursor, from all workers; the next cursor; what is missing."""
        after = None if cursor is None else read_cursor(cursor)
        owned = await self.directory.owned()
        others = [url for url in owned if url != self.here.url]
        params = {**wanted.params(), "limit": str(limit)}
        if cursor is not None:
            params["cursor"] = cursor
        parts = list((await self._peers.ask_all(others, "/api/local/batches", params, LocalPage)).values())
        try:
            parts.append(await self.here.page(wanted, after, limit))
        except ApiError as error:
            if error.status != 503:  # noqa: PLR2004
                raise
        # Of a part that was not looked at to its end, nothing behind where that was is known.
        reached = min((part.reached for part in parts if part.reached is not None), default=None)
        ranked = sorted((one for part in parts for one in part.items), key=lambda one: one.place)
        if reached is not None:
            ranked = [one for one in ranked if one.place <= reached]
        # While partitions move two workers may both think that one is theirs.
        ranked = list({one.place: one for one in ranked}.values())
        if len(ranked) > limit:
            ranked = ranked[:limit]
            reached = ranked[-1].place
        covered = {partition for part in parts for partition in part.partitions}
        return ranked, None if reached is None else write_cursor(reached), self._missing(covered)

    async def _owner(self, partition: int) -> str:
        url = await self.directory.owner(partition)
        if url is None:
            raise unavailable([partition], "the group has given it to no worker (a rebalance, or none runs)")
        if url == self.here.url:
            raise unavailable([partition], "this worker is to have it and is restoring it; ask again in a moment")
        return url

    def _missing(self, there: Iterable[int]) -> list[int]:
        return sorted(set(range(self.settings.partitions)).difference(there))


def read_cursor(text: str) -> Place:
    """The place that a cursor stands for. Raises ApiError 400 for what is none."""
    try:
        number, name = json.loads(base64.urlsafe_b64decode(text.encode() + b"=="))
        return int(number), str(name)
    except (ValueError, TypeError, binascii.Error):
        refuse("`cursor` is not the `next` of a page")


def write_cursor(place: Place) -> str:
    """A place in a list, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _now() -> int:
    return round(time.time() * 1000)
