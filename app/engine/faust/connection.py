"""An HTTP connection: bounded in time; and what is no HTTP is neither logged nor sent back.

aiohttp's own server keeps an idle connection for an hour, has no bound on how many there are, goes on with a request
whose client has hung up, and writes what it can't parse into the log and into the error page: an ``Authorization``
header with a stray character in it, token and all.

==================================  ===================================================================
a connection that                   after
==================================  ===================================================================
has no request                      ``idle_seconds`` is closed
has begun a request's head          ``head_seconds`` is answered 408 and closed
has begun a request's body          ``body_seconds``: the handler gets a TimeoutError, the client a 408
does not take its answer            ``stalled_seconds`` without a byte is cut off
hangs up                            at once: its handler is cancelled
is one above ``connections``        the one that has been idle for longest is closed in its place
was refused                         a second, or when its client has hung up, is closed: what it still sends
                                    would have the system throw away the answer that it has not read
==================================  ===================================================================
"""

import json
import time
import traceback
from typing import Any, NamedTuple, Protocol, cast

from aiohttp import web, web_response
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from app.lazy_log import Logger

log = Logger(__name__)

#: What ``Server`` says on every answer, error pages included: no versions of anything.
SERVER = "Rollcall"
web_response.SERVER_SOFTWARE = SERVER  # type: ignore[attr-defined]

#: On every answer. Answers are of the moment, and are nobody's to keep or to guess the type of.
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}

#: How long a client that was refused has to read why, in seconds.
_LINGERS_SECONDS = 1.0

_UNREADABLE = "the request can't be read as HTTP/1.1"

_REASONS = {400: "Bad Request", 408: "Request Timeout", 503: "Service Unavailable"}


class Limits(NamedTuple):
    """The bounds of connections. 512 are half of the files that a process may have open by default."""

    connections: int = 512
    idle_seconds: float = 30.0
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    stalled_seconds: float = 20.0


class All(Protocol):
    """What one connection asks of all of them (:class:`app.engine.faust.connections.Connections`)."""

    limits: Limits

    def make_room(self, new: "Connection") -> bool:
        """Close another one where there are too many; False where this one is to be sent away."""

    def note_unreadable(self, error: BaseException | None) -> None:
        """Say that a request could not be read."""


class Connection(RequestHandler):
    """One connection. Private names of aiohttp are read here; ``tests/engine/test_connections.py`` notices a change."""

    def __init__(self, manager: All, **options: Any) -> None:
        super().__init__(cast("web.Server", manager), **options)
        self._connections = manager
        self._limits = manager.limits
        self._head_since: float | None = None
        self._body_since: float | None = None
        self._unsent = 0
        self._unsent_since = 0.0
        #: When its client was refused, of the monotonic clock: it only has time to read why. None where it was not.
        self.refused_at: float | None = None
        self._was_unreadable = False

    @property
    def idle(self) -> bool:
        """Whether no request is being answered: nothing has come, or half a request."""
        return not self._messages and not self._request_in_progress

    @property
    def idle_until(self) -> float:
        """When it is closed if nothing comes: the smaller, the longer it has been idle."""
        return self._next_keepalive_close_time

    def connection_made(self, transport: Any) -> None:
        """Begin; closes another connection, or this one, where there are too many."""
        super().connection_made(transport)
        if not self._connections.make_room(self):
            self.refuse(503, "busy", "too many connections are being answered; ask again in a moment")

    def data_received(self, data: bytes) -> None:
        """Take what came. It is not to be found in any error that follows."""
        try:
            super().data_received(data)
        except Exception as error:  # noqa: BLE001 - the event loop would log it with what was received
            self._connections.note_unreadable(error)
            self.refuse(400, "bad_request", _UNREADABLE)
            return
        if not self.idle:
            self._head_since = None
        elif data and self._head_since is None:
            self._head_since = time.monotonic()

    def check(self, now: float) -> None:
        """End it where it has been waited for for too long. ``now`` is of the monotonic clock."""
        if self.transport is None:
            return
        if self.refused_at is not None:
            if now - self.refused_at > _LINGERS_SECONDS:
                self.force_close()
            return
        if self.idle:
            self._body_since = None
            if self._head_since is not None and now - self._head_since > self._limits.head_seconds:
                seconds = f"{self._limits.head_seconds:g}"
                self.refuse(408, "request_timeout", f"the request's head was not complete within {seconds} s")
            return
        self._check_body(now)
        self._check_sending(now)

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer without a handler, and close; what still comes is passed over."""
        if self.transport is None or self.refused_at is not None:
            return
        body = json.dumps({"error": code, "message": message}).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(body)),
            "Server": SERVER,
            "Connection": "close",
            **SECURITY_HEADERS,
            **({"Retry-After": "1"} if status == 503 else {}),  # noqa: PLR2004 - HTTP: unavailable
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"HTTP/1.1 {status} {_REASONS[status]}\r\n{head}\r\n".encode() + body)
        self._hang_up()

    def _hang_up(self) -> None:
        """Say that this was all; close once the client has had time to read it (:meth:`check`)."""
        if self.transport is None or not self.transport.can_write_eof():
            self.force_close()
            return
        self.refused_at = time.monotonic()
        self._force_close = True  # for aiohttp it is closed: no request is taken from it any more
        self.transport.write_eof()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what could not be parsed, or failed outside of every handler. It repeats none of it.

        Raises ConnectionError where the answer has begun already.
        """
        if status < 500:  # noqa: PLR2004 - HTTP: the client's error
            self._connections.note_unreadable(exc)
            self._was_unreadable = True
        else:
            self.log_exception("a request failed before its handler", exc_info=exc)
        if request.writer.output_size > 0:
            message = "the answer has begun already"
            raise ConnectionError(message)
        return _error(status)

    def log_exception(self, *args: Any, **options: Any) -> None:
        """What went wrong, without what was received: the kind of error and where, never its text."""
        error = options.get("exc_info")
        if not isinstance(error, BaseException):
            log.error("a connection failed", what=str(args[0]) if args else "")
        elif isinstance(error, HttpProcessingError | web.RequestPayloadError):
            self._connections.note_unreadable(error)
        elif not isinstance(error, OSError):  # of a client that went, or whose body did not come
            place = traceback.extract_tb(error.__traceback__)[-1:]
            where = f"{place[0].filename}:{place[0].lineno}" if place else ""
            log.error("a connection failed", error=type(error).__name__, where=where)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer. Pages of aiohttp's own, which tell what was asked, are replaced."""
        self._head_since = self._body_since = None
        if isinstance(resp, web.HTTPException):
            resp = _error(resp.status)
        finished = await super().finish_response(request, resp, start_time)
        if self._was_unreadable:
            self._hang_up()
        return finished

    def _check_body(self, now: float) -> None:
        request = self._current_request
        if request is None or request.content.is_eof():
            self._body_since = None
        elif self._body_since is None:
            self._body_since = now
        elif now - self._body_since > self._limits.body_seconds and request.content.exception() is None:
            message = f"the request's body was not complete within {self._limits.body_seconds:g} s"
            request.content.set_exception(TimeoutError(message))

    def _check_sending(self, now: float) -> None:
        transport = self.transport
        unsent = transport.get_write_buffer_size() if transport is not None else 0
        if not unsent or unsent < self._unsent or not self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif transport is not None and now - self._unsent_since > self._limits.stalled_seconds:
            transport.abort()


def _error(status: int) -> web.Response:
    message = _UNREADABLE if status == 400 else "the worker's log says more" if status >= 500 else "refused"  # noqa: PLR2004
    code = {400: "bad_request", 417: "expectation_failed"}.get(status, "internal" if status >= 500 else "refused")  # noqa: PLR2004
    answer = web.json_response({"error": code, "message": message}, status=status, headers=SECURITY_HEADERS)
    answer.force_close()
    return answer
