"""The web server: Faust's, on connections that have bounds (:mod:`app.engine.faust.connections`)."""

from typing import Any

from aiohttp import web
from faust.types import AppT
from faust.web.drivers.aiohttp import Web as FaustWeb

from app.engine.faust.connection import Limits
from app.engine.faust.connections import Connections

#: A batch id has up to 1,000 characters of up to 4 bytes, each of which takes 3 in a path; a cursor holds one escaped,
#: as JSON, as Base64: 1,000 x 12 x 4/3 = 16,000 bytes.
_LONGEST_LINE = 32 * 1024
_LONGEST_HEADER = 8 * 1024

#: How long the rest of a body that nobody wants is read behind an answer, and how long handlers have at a stop, in
#: seconds.
_LINGER_SECONDS = 2.0
SHUTDOWN_SECONDS = 2.0


class Runner(web.AppRunner):
    """Serves the application over bounded connections."""

    def __init__(self, app: web.Application, limits: Limits) -> None:
        super().__init__(
            app,
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
            keepalive_timeout=limits.idle_seconds,
            lingering_time=_LINGER_SECONDS,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_HEADER,
        )
        self._limits = limits

    async def _make_server(self) -> web.Server:
        return Connections(await super()._make_server(), self._limits)


class Web(FaustWeb):
    """Faust's web server with our runner. ``limits`` may be replaced before the server starts."""

    #: Faust's own page at "/" is none: it stands behind the board, and to enter it all modules are looked through.
    production_blueprints = ()

    def __init__(self, app: AppT, **options: Any) -> None:
        super().__init__(app, **options)
        self.bound(Limits())

    def bound(self, limits: Limits) -> None:
        """Serve with these limits."""
        self._runner = Runner(self.web_app, limits)
