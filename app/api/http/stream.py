"""Server-sent events: the overview and the batches that change, to any number of listeners.

One broadcaster a worker asks all workers once a second while anybody listens; a listener costs a write. Who reads
slowly gets what has gathered meanwhile in one event: nothing piles up.
"""

import asyncio
import time

from aiohttp import web

from app.api.cluster.cluster import Cluster
from app.api.cluster.local_state import LocalState
from app.api.cluster.peer_models import LocalChanges
from app.api.cluster.peers import Peers
from app.api.errors import ApiError
from app.api.present import batch_models, model, models
from app.engine.ending import ended
from app.lazy_log import Logger

log = Logger(__name__)

#: Between two looks, and between two heartbeats, in seconds.
INTERVAL = 1.0
HEARTBEAT = 15.0

#: How long a write may wait for a listener that does not read, in seconds.
_STALLED = 60.0

MOST_LISTENERS = 200

#: How many changed batches are kept for a listener that reads slowly.
_MOST_KEPT = 1000

#: What changes by itself as time passes: no reason to tell the overview again.
_PASSING = {"time", "oldest_pending_seconds", "oldest_closed_seconds"}


class Listener:
    """What has changed since a listener's last events."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self._overview: models.Overview | None = None
        self._changed: dict[str, batch_models.BatchSummary] = {}
        self._removed: dict[str, None] = {}
        self._more = False

    def tell(self, overview: models.Overview | None, changes: batch_models.BatchChanges | None) -> None:
        """Add to it: what is newer takes the place of what is older."""
        if overview is not None:
            self._overview = overview
        if changes is not None:
            for batch in changes.changed:
                self._removed.pop(batch.batch_id, None)
                self._changed[batch.batch_id] = batch
            for batch_id in changes.removed:
                self._changed.pop(batch_id, None)
                self._removed[batch_id] = None
            self._more = self._more or changes.more
            if len(self._changed) + len(self._removed) > _MOST_KEPT:
                self._changed.clear()
                self._removed.clear()
                self._more = True
        self.news.set()

    def take(self) -> bytes:
        """The events for it, once: they count as sent from now on."""
        self.news.clear()
        events = []
        if self._overview is not None:
            events.append(_event("overview", self._overview))
        if self._changed or self._removed or self._more:
            changes = batch_models.BatchChanges(
                changed=list(self._changed.values()), removed=list(self._removed), more=self._more
            )
            events.append(_event("batches", changes))
        self._overview, self._more = None, False
        self._changed.clear()
        self._removed.clear()
        return b"".join(events)


class Broadcaster:
    """Looks for changes while there are listeners."""

    def __init__(self, cluster: Cluster, local_state: LocalState, peers: Peers) -> None:
        self._cluster = cluster
        self._local_state = local_state
        self._peers = peers
        self._listeners: set[Listener] = set()
        self._looking: asyncio.Task[None] | None = None
        self._cursors: dict[str, str] = {}
        self._last: models.Overview | None = None
        self._closing = asyncio.Event()

    async def serve(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        """Stream to a caller until it goes, or the worker stops. Raises ApiError 503 where too many listen."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise ApiError(503, "too_many_listeners", f"{MOST_LISTENERS} listen already; ask another worker")
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", **headers})
        listener = Listener()
        # Registered before its first events: it gets every change from here on.
        self._listeners.add(listener)
        try:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look(), name="events")
            listener.tell(await self._cluster.overview(), None)
            await answer.prepare(request)
            await self._write(answer, listener)
        except (ConnectionError, TimeoutError) as error:
            log.debug("a listener has gone", error=str(error))
        finally:
            self._listeners.discard(listener)
        return answer

    async def close(self) -> None:
        """End all streams."""
        self._closing.set()
        for listener in self._listeners:
            listener.news.set()
        if self._looking is not None:
            await ended(self._looking)

    async def _write(self, answer: web.StreamResponse, listener: Listener) -> None:
        while not self._closing.is_set():
            try:
                await asyncio.wait_for(listener.news.wait(), HEARTBEAT)
                events = listener.take()
            except TimeoutError:
                events = b": still here\n\n"
            if events:
                await asyncio.wait_for(answer.write(events), _STALLED)

    async def _look(self) -> None:
        """Send the listeners what is new, once an interval, until there are none."""
        self._cursors.clear()
        self._last = None
        while self._listeners:
            began = time.monotonic()
            try:
                changes = await self._changes()
                overview = await self._cluster.overview()
            except Exception as error:  # noqa: BLE001 - the listeners are told again when it can be told
                log.warning("nothing can be told to the board now", error=f"{type(error).__name__}: {error}")
            else:
                news = None if self._last is not None and _same(overview, self._last) else overview
                self._last = overview
                if news is not None or changes is not None:
                    for listener in self._listeners:
                        listener.tell(news, changes)
            await asyncio.sleep(max(0.1, INTERVAL - (time.monotonic() - began)))

    async def _changes(self) -> batch_models.BatchChanges | None:
        """What changed on all workers since the last look; None where nothing did."""
        urls = [url for url in await self._cluster.membership.owned() if url != self._local_state.url]
        parts = dict(await asyncio.gather(*(self._of_peer(url) for url in urls)))
        parts[self._local_state.url] = await self._local_state.changes(self._cursors.get(self._local_state.url))
        self._cursors = {url: part.cursor for url, part in parts.items() if part is not None}
        answers = [part for part in parts.values() if part is not None]
        if not any(part.changed or part.removed or part.more for part in answers):
            return None
        return batch_models.BatchChanges(
            changed=[batch for part in answers for batch in part.changed],
            removed=[batch_id for part in answers for batch_id in part.removed],
            more=any(part.more for part in answers),
        )

    async def _of_peer(self, url: str) -> tuple[str, LocalChanges | None]:
        params = {"cursor": self._cursors[url]} if url in self._cursors else {}
        return url, (await self._peers.ask_all([url], "/api/local/changes", params, LocalChanges)).get(url)


def _same(overview: models.Overview, other: models.Overview) -> bool:
    return overview.model_dump(exclude=_PASSING) == other.model_dump(exclude=_PASSING)


def _event(name: str, data: model.Model) -> bytes:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n".encode()
