"""Who may ask and act.

==================  =============================  ========================================
                    no tokens                      ``ROLLCALL_HTTP_TOKEN`` set
==================  =============================  ========================================
listens to          this machine only              what ``ROLLCALL_HTTP_HOST`` says
``/health/*``       anybody                        anybody
the board's files   anybody, by a loopback name    anybody: they hold no state
everything else     anybody, by a loopback name    the token or the read token
acts (POST)         as above, from a page of the   the token
                    same origin, or no page
==================  =============================  ========================================

Without tokens the browser is the danger: a page from elsewhere that a user of this machine looks at. A name of its own
that leads here (DNS rebinding) is refused by the ``Host``; a form or a script that posts here, by the content type (a
form can't send JSON, a script has to ask first, and nothing answers that) and by the ``Origin``.

Tokens are compared in constant time, and are in no log, error or page.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from app.api.errors import ApiError
from app.settings import Settings

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: What the caller may do: on every answer of the API.
ACCESS_HEADER = "Rollcall-Access"

#: Where a request keeps it, for answers that are on their way before the middleware sees them.
ACCESS_KEY = web.RequestKey("access", str)

_JSON = "application/json"
_READS = frozenset({"GET", "HEAD"})

#: What every answer carries. Answers are of the moment, and are nobody's to keep or to guess the type of.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class Access(Enum):
    """What a caller may do."""

    FULL = "full"
    READ = "read"


class Gate:
    """Decides about each request. Its ``repr`` tells no token."""

    def __init__(self, settings: Settings) -> None:
        self._full = _secret(settings.http_token)
        self._read = _secret(settings.http_read_token)

    def admit(self, request: web.Request) -> Access:
        """What the caller may do. Raises ApiError: 401, 403, or 415."""
        if self._full is None:
            access = Access.FULL
            self._check_host(request.headers.get("Host", ""))
        else:
            access = self._by_token(request.headers.get("Authorization", ""))
        if request.method not in _READS:
            if access is not Access.FULL:
                message = "the read token does not permit acts: use the token of ROLLCALL_HTTP_TOKEN"
                raise ApiError(403, "read_only", message)
            if self._full is None:
                _check_origin(request.headers)
            if request.content_type != _JSON:
                message = f"a request that changes something needs Content-Type: {_JSON}"
                raise ApiError(415, "not_json", message)
        return access

    def check_name(self, request: web.Request) -> None:
        """Refuse a foreign ``Host`` where there are no tokens. Raises ApiError 403."""
        if self._full is None:
            self._check_host(request.headers.get("Host", ""))

    @property
    def credentials(self) -> dict[str, str]:
        """The headers by which this worker reads from another one: workers of a group have the same tokens."""
        token = self._read or self._full
        return {} if token is None else {"Authorization": f"Bearer {token.decode()}"}

    def _by_token(self, header: str) -> Access:
        scheme, _, given = header.partition(" ")
        token = given.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else b""
        full = self._full is not None and hmac.compare_digest(token, self._full)
        read = self._read is not None and hmac.compare_digest(token, self._read)
        if not (full or read):
            message = "a token is needed: Authorization: Bearer <ROLLCALL_HTTP_TOKEN or ROLLCALL_HTTP_READ_TOKEN>"
            raise ApiError(401, "unauthorized", message)
        return Access.FULL if full else Access.READ

    @staticmethod
    def _check_host(host: str) -> None:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            loopback = name == "localhost" or ipaddress.ip_address(name).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            message = (
                "without ROLLCALL_HTTP_TOKEN only requests to a loopback name (127.0.0.1, localhost, [::1]) are "
                "answered: a web page could reach this worker under a name of its own otherwise"
            )
            raise ApiError(403, "foreign_host", message)


def middleware(gate: Gate) -> Middleware:
    """What goes around every handler of the web server: access, errors as JSON, and headers."""

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        access: Access | None = None
        try:
            if _is_static(request.path):
                gate.check_name(request)
            elif not request.path.startswith("/health/"):
                access = gate.admit(request)
                request[ACCESS_KEY] = access.value
            answer = await handler(request)
        except ApiError as error:
            answer = error_answer(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered, as JSON
            answer = _failed(error, request)
        if not answer.prepared:
            for name, value in _HEADERS.items():
                answer.headers.setdefault(name, value)
            if access is not None:
                answer.headers[ACCESS_HEADER] = access.value
        return answer

    return around


def _failed(error: Exception, request: web.Request) -> web.Response:
    if isinstance(error, web.HTTPException):  # of the router: no such path, or not by this method
        code = error.reason.lower().replace(" ", "_")
        answer = error_answer(ApiError(error.status, code, f"{error.reason}: {request.method} {request.path}"))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    if isinstance(error, KafkaError | OSError):
        message = f"the broker can't be asked: {type(error).__name__}: {error}"
        return error_answer(ApiError(503, "broker_unavailable", message))
    log.error("a request failed", method=request.method, path=request.path, exc_info=error)
    return error_answer(ApiError(500, "internal", f"{type(error).__name__}; the worker's log says more"))


def error_answer(error: ApiError) -> web.Response:
    """An error as JSON."""
    headers = {"WWW-Authenticate": 'Bearer realm="rollcall"'} if error.status == 401 else None  # noqa: PLR2004
    return web.json_response({"error": error.code, "message": error.message}, status=error.status, headers=headers)


def _is_static(path: str) -> bool:
    return path == "/" or path.startswith("/board/")


def _check_origin(headers: Mapping[str, str]) -> None:
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("Host", "").lower():
        raise ApiError(403, "cross_origin", "a page from elsewhere may not act here")


def _secret(token: SecretStr | None) -> bytes | None:
    return None if token is None else token.get_secret_value().encode()
