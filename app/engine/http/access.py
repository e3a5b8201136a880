"""Who may ask and act.

==================  =============================  ========================================
                    no tokens                      ``ROLLCALL_HTTP_TOKEN`` set
==================  =============================  ========================================
listens to          this machine only              what ``ROLLCALL_HTTP_HOST`` says
``/health/*``       anybody                        anybody
the board's files   anybody, by a loopback name    anybody: they hold no state
everything else     anybody, by a loopback name,   the token or the read token
                    from a page of the same
                    origin, or no page
acts (POST)         as above                       the token
==================  =============================  ========================================

Without tokens the browser is the danger: a page from elsewhere that a user of this machine looks at. A name of its own
that leads here (DNS rebinding) is refused by the ``Host``; a form or a script that posts here, by the content type (a
form can't send JSON, a script has to ask first, and nothing answers that). Whatever a page from elsewhere asks, if only
to keep this worker busy, is refused by ``Sec-Fetch-Site``, which browsers send to a loopback address, and by
``Origin``. What sends neither is no page.

Tokens are compared in constant time, and are in no log, error or page.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from enum import Enum
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretStr

from app.engine.http.errors import HttpError
from app.settings import Settings

#: What the caller may do: on every answer of the API.
ACCESS_HEADER = "Rollcall-Access"

#: Where a request keeps it, for answers that are on their way before the middleware sees them.
ACCESS_KEY = web.RequestKey("access", str)

_JSON = "application/json"
_READS = frozenset({"GET", "HEAD"})


class Access(Enum):
    """What a caller may do."""

    FULL = "full"
    READ = "read"


class Gate:
    """Decides about each request. Its ``repr`` shows no token."""

    def __init__(self, settings: Settings) -> None:
        self._full = _secret(settings.http_token)
        self._read = _secret(settings.http_read_token)

    def admit(self, request: web.Request) -> Access:
        """What the caller may do. Raises HttpError: 401, 403, or 415."""
        if self._full is None:
            access = Access.FULL
            self._check_host(request.headers.get("Host", ""))
            _check_page(request.headers)
        else:
            access = self._by_token(request.headers.get("Authorization", ""))
        if request.method not in _READS:
            if access is not Access.FULL:
                message = "the read token does not permit acts: use the token of ROLLCALL_HTTP_TOKEN"
                raise HttpError(403, "read_only", message)
            if request.content_type != _JSON:
                message = f"a request that changes something needs Content-Type: {_JSON}"
                raise HttpError(415, "not_json", message)
        return access

    def check_name(self, request: web.Request) -> None:
        """Refuse a foreign ``Host`` where there are no tokens. Raises HttpError 403."""
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
            raise HttpError(401, "unauthorized", message)
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
            raise HttpError(403, "foreign_host", message)


def _check_page(headers: Mapping[str, str]) -> None:
    """Refuse what a page of another origin asks. Another port of this machine is another origin."""
    if headers.get("Sec-Fetch-Site", "none").lower() not in {"same-origin", "none"}:
        raise HttpError(403, "cross_origin", "a page from elsewhere may neither read nor act here")
    origin = headers.get("Origin")
    if origin is not None and not _same_origin(origin, headers.get("Host", "")):
        raise HttpError(403, "cross_origin", "a page from elsewhere may neither read nor act here")


def _same_origin(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _secret(token: SecretStr | None) -> bytes | None:
    return None if token is None else token.get_secret_value().encode()
