"""The routes: one table, which the server serves and the OpenAPI document describes."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web

from app.api.http.handlers import Handlers
from app.api.present import act_models, batch_models, model, models
from app.history.models import DeadLetterContent, DeadLetterPage, Place, Timeline

Handle = Callable[[Handlers, web.Request], Awaitable[model.Model | web.StreamResponse]]


class Param(NamedTuple):
    """A query parameter: its JSON schema, and what it is for."""

    name: str
    schema: dict[str, Any]
    description: str
    required: bool = False


class Route(NamedTuple):
    """A route. ``answer`` None: a stream of events. ``errors`` are those beside 401, 403 and 503."""

    method: str
    path: str
    handle: Handle
    summary: str
    answer: type[Any] | None
    params: tuple[Param, ...] = ()
    body: type[model.Asked] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()


_STATES = {"type": "string", "enum": ["unregistered", "open", "complete", "discarded"]}
_ID = Param(
    "id", {"type": "string", "minLength": 1}, "The batch id, any: `.` and `..` can't be a path's part.", required=True
)
_CURSOR = Param("cursor", {"type": "string"}, "The `next` of the page before.")


def _limit(default: int) -> Param:
    return Param(
        "limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": default}, "The most items of a page."
    )


#: For everybody.
ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/overview", Handlers.overview, "Everything at a glance", models.Overview),
    Route(
        "GET",
        "/api/recent",
        Handlers.recent,
        "The last hour, a sample every 15 s, as the workers that run now remember it",
        models.Recent,
    ),
    Route(
        "GET",
        "/api/batches",
        Handlers.batches,
        "Batches: those that wait, the longest wait first; or by state or beginning of the id, in order of id",
        batch_models.BatchPage,
        (
            Param("state", _STATES, "Only those in this state; without it and `search`: those that wait."),
            Param("stuck", {"type": "boolean", "default": False}, "Only those that have waited for too long."),
            Param("search", {"type": "string", "maxLength": 1000}, "How the id begins; finds any state."),
            _limit(100),
            _CURSOR,
        ),
        errors=(400,),
    ),
    Route(
        "GET", "/api/batches/{batch_id}", Handlers.batch, "A batch, whole", batch_models.Batch, errors=(400, 404, 503)
    ),
    Route(
        "GET",
        "/api/batches/{batch_id}/explain",
        Handlers.explain,
        "Why a batch isn't ready, and what would finish it; an unknown one as well",
        batch_models.Explanation,
        errors=(400, 503),
    ),
    Route(
        "GET",
        "/api/batches/{batch_id}/timeline",
        Handlers.timeline,
        "The records of a batch in the log, and what each of them did",
        Timeline,
        errors=(400, 404, 503),
    ),
    Route(
        "POST",
        "/api/batches/{batch_id}/acts",
        Handlers.act,
        "Do something to a batch, on the record; needs the full token",
        act_models.ActAnswer,
        body=act_models.ActRequest,
        status=202,
        errors=(400, 404, 409, 415, 503),
    ),
    Route(
        "GET",
        "/api/batch",
        Handlers.batch,
        "As /api/batches/{batch_id}, the id as a parameter",
        batch_models.Batch,
        (_ID,),
        errors=(400, 404, 503),
    ),
    Route(
        "GET",
        "/api/batch/explain",
        Handlers.explain,
        "As /api/batches/{batch_id}/explain, the id as a parameter",
        batch_models.Explanation,
        (_ID,),
        errors=(400, 503),
    ),
    Route(
        "GET",
        "/api/batch/timeline",
        Handlers.timeline,
        "As /api/batches/{batch_id}/timeline, the id as a parameter",
        Timeline,
        (_ID,),
        errors=(400, 404, 503),
    ),
    Route(
        "POST",
        "/api/batch/acts",
        Handlers.act,
        "As /api/batches/{batch_id}/acts, the id as a parameter; needs the full token",
        act_models.ActAnswer,
        (_ID,),
        body=act_models.ActRequest,
        status=202,
        errors=(400, 404, 409, 415, 503),
    ),
    Route(
        "GET",
        "/api/pending",
        Handlers.pending,
        "Batches without a registration, the longest wait first",
        batch_models.PendingPage,
        (_limit(100), _CURSOR),
        errors=(400,),
    ),
    Route(
        "GET",
        "/api/dead-letters",
        Handlers.dead_letters,
        "Dead letters, newest first",
        DeadLetterPage,
        (
            Param("reason", {"type": "string"}, "Only those with this reason."),
            Param("batch_id", {"type": "string"}, "Only those that name this batch."),
            _limit(50),
            Param("before", {"type": "string"}, "The `next` of the page before."),
        ),
        errors=(400, 503),
    ),
    Route(
        "GET",
        "/api/dead-letters/{partition}/{offset}",
        Handlers.dead_letter,
        "A dead letter with its original bytes",
        DeadLetterContent,
        errors=(400, 404, 503),
    ),
    Route(
        "POST",
        "/api/dead-letters/{partition}/{offset}/replay",
        Handlers.replay,
        "Send the original to where it came from again; needs the full token",
        Place,
        body=act_models.ReplayRequest,
        status=202,
        errors=(400, 404, 409, 415, 503),
    ),
    Route(
        "GET",
        "/api/events",
        Handlers.events,
        "Server-sent events: `overview` (data Overview) at once and when it changes, `batches` (data BatchChanges); "
        "each at most once a second, a comment every 15 s",
        None,
        errors=(503,),
    ),
    Route("GET", "/api/openapi.json", Handlers.openapi, "This description", dict),
)

#: For other workers: about this worker's own partitions. They never ask anybody.
LOCAL: tuple[tuple[str, Handle], ...] = (
    ("/api/local/overview", Handlers.local_overview),
    ("/api/local/recent", Handlers.local_recent),
    ("/api/local/batches", Handlers.local_batches),
    ("/api/local/batches/{batch_id}", Handlers.local_batch),
    ("/api/local/batch", Handlers.local_batch),
    ("/api/local/changes", Handlers.local_changes),
)
