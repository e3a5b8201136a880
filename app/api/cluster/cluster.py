"""Answers about all partitions: this worker's own, and the others' by asking their owners."""

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from app.api.cluster.local_lists import Place, Wanted, cut
from app.api.cluster.local_state import LocalState, partition_of
from app.api.cluster.membership import Membership
from app.api.cluster.peer_models import LocalOverview, LocalPage, LocalRecent, LocalRows, Ranked
from app.api.cluster.peers import Peers, UnreachableError
from app.api.cluster.reading import Rows
from app.api.cluster.recent import RecentHour, recent_of
from app.api.errors import ApiError, refuse, unavailable, unknown_batch
from app.api.offload import offload
from app.api.present import batch_models, models, views
from app.api.present.summing import overview_of
from app.core.batch import Batch
from app.core.batch_state import State
from app.history.times import iso
from app.policy import policy_of
from app.settings import Settings
from tables import batches

#: Places are numbers of a log's clock, or lengths.
_LARGEST = 2**63
_NO_CURSOR = "`cursor` is not the `next` of a page"


class Found(NamedTuple):
    """A batch, its partition, who owns that, and the log offset of its first fact."""

    batch: Batch
    partition: int
    owner: str
    first: int | None
    large: bool = False


class Cluster:
    """What the group knows together, as this worker can find out now."""

    def __init__(
        self, settings: Settings, local_state: LocalState, membership: Membership, peers: Peers, hour: RecentHour
    ) -> None:
        self.settings = settings
        self.hour = hour
        self.local_state = local_state
        self.membership = membership
        self._peers = peers
        self._looking: asyncio.Task[models.Overview] | None = None

    async def overview(self) -> models.Overview:
        """Everything at a glance. Those who ask at the same time share one answer."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._overview(), name="overview")
        # The client may hang up; others still wait for the answer.
        return await asyncio.shield(self._looking)

    async def _overview(self) -> models.Overview:
        owned = await self.membership.owned()
        others = [url for url in owned if url != self.local_state.url]
        parts = {self.local_state.url: self.local_state.overview()}
        parts |= await self._peers.ask_all(others, "/api/local/overview", {}, LocalOverview)
        return overview_of(self.settings, self.local_state.url, owned, parts, self.local_state.now())

    async def recent(self) -> models.Recent:
        """The last hour of all partitions."""
        owned = await self.membership.owned()
        others = [url for url in owned if url != self.local_state.url]
        answers = await self._peers.ask_all(others, "/api/local/recent", {}, LocalRecent)
        missing = set(others) - set(answers)
        return recent_of([self.hour.told(), *answers.values()], missing, self.local_state.now())

    async def batch(self, batch_id: str) -> str:
        """A batch, as JSON. Raises ApiError: 404 where its owner has nothing of it, 503 where that can't be asked."""
        found = await self.find(batch_id)
        if found.batch.last < 0:
            raise unknown_batch(batch_id)
        if found.large:
            return await offload(lambda: self.view(found).text())
        return self.view(found).model_dump_json()

    async def find(self, batch_id: str) -> "Found":
        """A batch as its owner has it; without facts where nothing of it has been read. Raises ApiError 503."""
        partition = partition_of(batch_id, self.settings.partitions)
        if self.local_state.serves(partition):
            url, rows = self.local_state.url, await self.local_state.rows(batch_id)
        else:
            url = await self._owner(partition)
            try:
                rows = await self._rows_of(url, batch_id)
            except UnreachableError as error:
                why = f"its owner, {error}; if it is gone, another takes over when its session has ended"
                raise unavailable([partition], why) from error

        def found() -> Found:
            return Found(batches.batch_of(batch_id, rows.values), partition, url, rows.first, rows.large)

        try:
            return await offload(found) if rows.large else found()
        except Exception as error:
            if url == self.local_state.url:
                raise
            why = f"its owner, {url}, answers with rows that this release can't read ({type(error).__name__})"
            raise unavailable([partition], why) from error

    async def _rows_of(self, url: str, batch_id: str) -> Rows:
        if batch_id in {".", ".."}:  # as a part of a path they mean something else
            answer = await self._peers.ask(url, "/api/local/batch", {"id": batch_id}, LocalRows)
        else:
            answer = await self._peers.ask(url, f"/api/local/batches/{quote(batch_id, safe='')}", {}, LocalRows)

        def decoded() -> Rows:
            return Rows(batch_id, answer.first, [base64.b64decode(row) for row in answer.rows])

        try:
            return await offload(decoded)
        except ValueError as error:
            message = f"{url} answers with rows that are not Base64"
            raise UnreachableError(message) from error

    def view(self, found: "Found") -> batch_models.Batch:
        """A batch with all that is known of it."""
        return views.whole(
            found.batch,
            found.partition,
            self.local_state.now(),
            stuck_after=round(self.settings.stuck_after_seconds * 1000),
            policy=policy_of(self.settings),
            owner=found.owner,
        )

    async def partition(self, number: int) -> models.PartitionInfo:
        """A partition of the log: its owner and its lag, as far as they can be had."""
        overview = await self.overview()
        return overview.partitions[number]

    async def batches(self, wanted: Wanted, cursor: str | None, limit: int) -> batch_models.BatchPage:
        """A page of a list of batches."""
        ranked, following, missing = await self._page(wanted, cursor, limit)
        return batch_models.BatchPage(items=[entry.batch for entry in ranked], next=following, missing=missing)

    async def pending(self, cursor: str | None, limit: int) -> batch_models.PendingPage:
        """A page of the batches without a registration."""
        ranked, following, missing = await self._page(Wanted(state=State.UNREGISTERED), cursor, limit)
        items = [
            batch_models.PendingBatch(
                batch_id=entry.batch.batch_id,
                partition=entry.batch.partition,
                pending=entry.batch.pending,
                since=entry.batch.since or iso(self.local_state.now()),
                age_seconds=entry.batch.age_seconds or 0.0,
                expires_at=entry.expires_at,
            )
            for entry in ranked
        ]
        return batch_models.PendingPage(items=items, next=following, missing=missing)

    async def _page(self, wanted: Wanted, cursor: str | None, limit: int) -> tuple[list[Ranked], str | None, list[int]]:
        """The first ``limit`` of a list behind the cursor, from all workers; the next cursor; what is missing."""
        after = None if cursor is None else read_cursor(cursor)
        owned = await self.membership.owned()
        others = [url for url in owned if url != self.local_state.url]
        params = {**wanted.params(), "limit": str(limit)}
        if cursor is not None:
            params["cursor"] = cursor
        parts = await self._peers.ask_all(others, "/api/local/batches", params, LocalPage)
        for url in [url for url, part in parts.items() if not _follows(part, after)]:
            self._peers.missing(url, "it answers with a part of a list that does not follow the one before")
            del parts[url]
        try:
            parts[self.local_state.url] = await self.local_state.page(wanted, after, limit)
        except ApiError as error:
            if error.status != 503:  # noqa: PLR2004
                raise
        reached = min((part.reached for part in parts.values() if part.reached is not None), default=None)
        claims = _claims(owned, parts)
        found = [
            entry for url, part in parts.items() for entry in part.items if claims.get(entry.batch.partition) == url
        ]
        ranked, reached = cut(found, reached, limit)
        return ranked, None if reached is None else write_cursor(reached), self._missing(claims)

    async def _owner(self, partition: int) -> str:
        url = await self.membership.owner(partition)
        if url is None:
            raise unavailable([partition], "the group has given it to no worker (a rebalance, or none runs)")
        if url == self.local_state.url:
            raise unavailable([partition], "this worker is to have it and is restoring it; ask again in a moment")
        return url

    def _missing(self, present: Iterable[int]) -> list[int]:
        return sorted(set(range(self.settings.partitions)).difference(present))


def _claims(owned: Mapping[str, tuple[int, ...]], parts: Mapping[str, LocalPage]) -> dict[int, str]:
    """Whose answer counts for a partition: while it moves two workers may think that it is theirs."""
    owners = {partition: url for url, partitions in owned.items() for partition in partitions}
    claims: dict[int, str] = {}
    for url, part in parts.items():
        for partition in part.partitions:
            if partition not in claims or owners.get(partition) == url:
                claims[partition] = url
    return claims


def _follows(part: LocalPage, after: Place | None) -> bool:
    """Whether a part of a list lies behind what was there before, as far as it says that it reaches."""
    places = [entry.place for entry in part.items] + ([part.reached] if part.reached is not None else [])
    return after is None or all(place > after for place in places)


def read_cursor(text: str) -> Place:
    """The place that a cursor stands for. Raises ApiError 400 for any other text."""
    try:
        place = json.loads(base64.b64decode(text.encode() + b"==", altchars=b"-_", validate=False))
    except (ValueError, RecursionError):
        refuse(_NO_CURSOR)
    if not isinstance(place, list) or [type(part) for part in place] != [int, str] or abs(place[0]) >= _LARGEST:
        refuse(_NO_CURSOR)
    partition_of(place[1], 1)  # refuses what is no text
    return place[0], place[1]


def write_cursor(place: Place) -> str:
    """A place in a list, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
