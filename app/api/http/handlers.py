"""The handlers: what is asked, in; an answer's model, out."""

import asyncio
import base64
import zlib
from collections.abc import Callable, Mapping
from typing import TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import ValidationError

from agents.processor import JoinProcessor
from app.api.cluster import acting
from app.api.cluster.cluster import Cluster, read_cursor
from app.api.cluster.local_lists import Wanted
from app.api.cluster.local_state import LocalState
from app.api.cluster.peer_models import LocalRows
from app.api.cluster.reading import Rows
from app.api.errors import ApiError, refuse, unknown_batch
from app.api.http.stream import Broadcaster
from app.api.offload import offload, run_in_thread
from app.api.present import act_models, model
from app.api.present.explain import explain
from app.core.batch_state import State
from app.engine.http.access import ACCESS_HEADER, ACCESS_KEY
from app.engine.task_manager import TaskManager
from app.history.dead_letters import NotReplayableError, dead_letter, dead_letters, replay_dead_letter
from app.history.tell.timeline import timeline

A = TypeVar("A", bound=model.Asked)

_LARGEST_PAGE = 500
_LARGEST_OFFSET = 2**63 - 1
_DIGITS = 19  # 2^63 has as many

#: How many of a body's faults an answer names.
_MOST_FAULTS = 5
_TOLD = 200


class Handlers:
    """All handlers of the API, with what they need. ``describe`` makes the OpenAPI document, whose routes name them."""

    def __init__(
        self,
        engine: TaskManager[JoinProcessor],
        local_state: LocalState,
        cluster: Cluster,
        broadcaster: Broadcaster,
        describe: Callable[[], str],
    ) -> None:
        self._engine = engine
        self._settings = engine.settings
        self._local_state = local_state
        self._cluster = cluster
        self._broadcaster = broadcaster
        self._describe = describe

    async def overview(self, _: web.Request) -> model.Model:
        """GET /api/overview."""
        return await self._cluster.overview()

    async def recent(self, _: web.Request) -> model.Model:
        """GET /api/recent."""
        return await self._cluster.recent()

    async def local_recent(self, _: web.Request) -> model.Model:
        """GET /api/local/recent."""
        return self._cluster.hour.told()

    async def batches(self, request: web.Request) -> model.Model:
        """GET /api/batches."""
        query = request.query
        return await self._cluster.batches(_wanted(query), query.get("cursor"), _limit(query, 100))

    async def batch(self, request: web.Request) -> web.StreamResponse:
        """GET /api/batches/{batch_id}, and /api/batch?id=."""
        return _json(await self._cluster.batch(_batch_id(request)))

    async def explain(self, request: web.Request) -> web.StreamResponse:
        """GET /api/batches/{batch_id}/explain, and /api/batch/explain?id=."""
        return _json(await explain(self._cluster, _batch_id(request)))

    async def timeline(self, request: web.Request) -> web.StreamResponse:
        """GET /api/batches/{batch_id}/timeline, and /api/batch/timeline?id=."""
        batch_id = _batch_id(request)
        found = await self._cluster.find(batch_id)
        page = await run_in_thread(lambda: timeline(self._settings, batch_id, start=found.first or 0))
        if not page.entries and found.batch.last < 0 and page.complete:
            raise unknown_batch(batch_id)
        return _json(page.model_dump_json())

    async def act(self, request: web.Request) -> model.Model:
        """POST /api/batches/{batch_id}/acts, and /api/batch/acts?id=."""
        body = await _body(request, act_models.ActRequest)
        return await acting.act(self._cluster, self._engine, _batch_id(request), body)

    async def pending(self, request: web.Request) -> model.Model:
        """GET /api/pending."""
        return await self._cluster.pending(request.query.get("cursor"), _limit(request.query, 100))

    async def dead_letters(self, request: web.Request) -> web.StreamResponse:
        """GET /api/dead-letters."""
        query = request.query
        limit = _limit(query, 50)

        async def read() -> str:
            page = await dead_letters(
                self._settings,
                reason=query.get("reason") or None,
                batch_id=query.get("batch_id") or None,
                limit=limit,
                before=query.get("before") or None,
            )
            return page.model_dump_json()

        try:
            return _json(await run_in_thread(read))
        except ValueError as error:
            refuse(str(error))

    async def dead_letter(self, request: web.Request) -> web.StreamResponse:
        """GET /api/dead-letters/{partition}/{offset}."""
        partition, offset = _place(request)
        found = await run_in_thread(lambda: dead_letter(self._settings, partition, offset))
        if found is None:
            raise _no_letter(partition, offset)
        return _json(found.model_dump_json())

    async def replay(self, request: web.Request) -> web.StreamResponse:
        """POST /api/dead-letters/{partition}/{offset}/replay. Raises ApiError 404, 409."""
        partition, offset = _place(request)
        body = await _body(request, act_models.ReplayRequest)
        try:
            sent = await run_in_thread(
                lambda: replay_dead_letter(self._settings, partition, offset, who=body.who, why=body.why)
            )
        except NotReplayableError as error:
            raise ApiError(409, "not_replayable", str(error)) from error
        if sent is None:
            raise _no_letter(partition, offset)
        return _json(sent.model_dump_json())

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /api/events."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
        return await self._broadcaster.serve(request, headers | {ACCESS_HEADER: request[ACCESS_KEY]})

    async def openapi(self, _: web.Request) -> web.StreamResponse:
        """GET /api/openapi.json."""
        return _json(await asyncio.to_thread(self._describe))

    async def local_overview(self, _: web.Request) -> model.Model:
        """GET /api/local/overview."""
        return self._local_state.overview()

    async def local_batches(self, request: web.Request) -> model.Model:
        """GET /api/local/batches."""
        query = request.query
        after = read_cursor(query["cursor"]) if "cursor" in query else None
        return await self._local_state.page(_wanted(query), after, _limit(query, 100))

    async def local_batch(self, request: web.Request) -> web.StreamResponse:
        """GET /api/local/batches/{batch_id}, and /api/local/batch?id=."""
        rows = await self._local_state.rows(_batch_id(request))
        return _json(await offload(lambda: _encoded(rows)) if rows.large else _encoded(rows))

    async def local_changes(self, request: web.Request) -> model.Model:
        """GET /api/local/changes."""
        return await self._local_state.changes(request.query.get("cursor"))


def _json(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/json")


def _encoded(rows: Rows) -> str:
    values = [base64.b64encode(value).decode() for value in rows.values]
    return LocalRows(batch_id=rows.batch_id, rows=values, first=rows.first).text()


def _batch_id(request: web.Request) -> str:
    """The batch that is asked about: of the path, or where the path has none, the parameter ``id``."""
    batch_id = request.match_info.get("batch_id") or request.query.get("id", "")
    if not batch_id:
        refuse("`id` names the batch")
    return batch_id


def _wanted(query: Mapping[str, str]) -> Wanted:
    state, stuck = query.get("state"), query.get("stuck", "false")
    if stuck not in {"true", "false", ""}:
        refuse("`stuck` is true or false")
    try:
        return Wanted(State(state) if state else None, query.get("search", ""), stuck == "true")
    except ValueError:
        refuse(f"`state` is one of {', '.join(state.value for state in State)}")


def _limit(query: Mapping[str, str], default: int) -> int:
    text = query.get("limit") or str(default)
    # A bound on the digits: Python refuses to read thousands of them.
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and 1 <= int(text) <= _LARGEST_PAGE):
        refuse(f"`limit` is a number from 1 to {_LARGEST_PAGE}")
    return int(text)


def _place(request: web.Request) -> tuple[int, int]:
    texts = request.match_info["partition"], request.match_info["offset"]
    if not all(text.isascii() and text.isdigit() and len(text) <= _DIGITS for text in texts):
        refuse("partition and offset are numbers")
    partition, offset = (min(int(text), _LARGEST_OFFSET) for text in texts)
    return partition, offset


async def _body(request: web.Request, kind: type[A]) -> A:
    try:
        body = await request.read()
    except TimeoutError:
        raise ApiError(408, "request_timeout", "the body did not come in time") from None
    except (web.RequestPayloadError, HttpProcessingError, zlib.error):
        refuse("the body can't be read: it is not what Content-Encoding or Content-Length say")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)[:_MOST_FAULTS]
        refuse("; ".join(f"{_place_of(fault['loc'])}: {fault['msg'][:_TOLD]}" for fault in faults))
    except RecursionError:
        refuse("body: nested too deeply")


def _place_of(loc: tuple[int | str, ...]) -> str:
    """Where in a body a fault is; a name that is not ours is cut."""
    return ".".join(str(part)[:_TOLD] for part in loc) or "body"


def _no_letter(partition: int, offset: int) -> ApiError:
    return ApiError(404, "unknown_dead_letter", f"there is no dead letter at partition {partition} offset {offset}")
