"""What goes around every handler of the web server: access, the budget, errors as JSON, and headers.

An error says what is wrong with the question, and never repeats what was asked where that could not be read.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware
from aiokafka.errors import KafkaError

from app.api.errors import ApiError
from app.api.http.budget import Budget, Lane
from app.api.http.under_way import UnderWay
from app.engine.faust.connection import SECURITY_HEADERS
from app.engine.http.access import ACCESS_HEADER, ACCESS_KEY, Gate
from app.engine.http.errors import HttpError, error_answer
from app.errors import OperatorError
from app.lazy_log import Logger

log = Logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: From how many bytes on an answer may have to wait for its client: what a connection buffers.
_LARGE = 256 * 1024

#: What the router says, in our words: the path is not repeated.
_ROUTER = {
    404: "there is nothing at this path; GET /api/openapi.json says what there is",
    405: "not by this method; the header Allow says which",
    413: "the body is too large",
}


def middleware(gate: Gate, budget: Budget, acts: UnderWay) -> Middleware:
    """The middleware. ``/health/*`` passes it before all others, whatever they ask."""

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _admit(request, gate)
            lane = budget.lane(request)
            if lane is None:
                answer = await handler(request)
            elif lane is budget.acts:
                answer = await acts.do(_within(lane, handler, request))
            else:
                answer = await _within(lane, handler, request)
        except HttpError as error:
            answer = error_answer(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered, as JSON
            answer = _failed(error, request)
        _dress(answer, request)
        return answer

    return around


def _admit(request: web.Request, gate: Gate) -> None:
    if _is_static(request.path):
        gate.check_name(request)
    elif not request.path.startswith("/health/"):
        request[ACCESS_KEY] = gate.admit(request).value


async def _within(lane: Lane, handler: Handler, request: web.Request) -> web.StreamResponse:
    async with lane:
        answer = await handler(request)
        if isinstance(answer, web.Response) and (answer.content_length or 0) > _LARGE:
            # It keeps its place until its client has taken it: so the number of large answers at a time is bounded.
            _dress(answer, request)
            await answer.prepare(request)
            await answer.write_eof()
        return answer


def _dress(answer: web.StreamResponse, request: web.Request) -> None:
    """Put the headers on that every answer has."""
    if not answer.prepared:
        for name, value in SECURITY_HEADERS.items():
            answer.headers.setdefault(name, value)
        if ACCESS_KEY in request:
            answer.headers[ACCESS_HEADER] = request[ACCESS_KEY]


def _failed(error: Exception, request: web.Request) -> web.Response:
    if isinstance(error, web.HTTPException):  # of the router: no such path, or not by this method; or of the body
        code = error.reason.lower().replace(" ", "_")
        answer = error_answer(ApiError(error.status, code, _ROUTER.get(error.status, error.reason)))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    if isinstance(error, OperatorError):
        return error_answer(ApiError(503, "unavailable", str(error)))
    if isinstance(error, HttpProcessingError | web.RequestPayloadError):
        return error_answer(ApiError(400, "bad_request", "the body is not what its headers say"))
    if isinstance(error, KafkaError | OSError):
        message = f"the broker can't be asked: {type(error).__name__}: {error}"
        return error_answer(ApiError(503, "broker_unavailable", message))
    log.error("a request failed", method=request.method, path=request.path, exc_info=error)
    return error_answer(ApiError(500, "internal", f"{type(error).__name__}; the worker's log says more"))


def _is_static(path: str) -> bool:
    return path == "/" or path.startswith("/board/")
