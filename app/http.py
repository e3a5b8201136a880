"""HTTP beside ``/health``: ``/metrics``, the API and the board, on Faust's web server.

Who may ask is decided in :mod:`app.api.http.access`, for every path; ``/health/*`` (:mod:`app.engine.health`) is open.
"""

from typing import TYPE_CHECKING, cast

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import metrics
from app.api.http import server

if TYPE_CHECKING:
    from faust.web.drivers.aiohttp import Web as AiohttpWeb

    from app.engine.faust import App


def add_routes(app: "App") -> None:
    """Add the routes to the app's web server."""

    async def expose(_: web.Request) -> web.Response:
        """All metrics, in the Prometheus text format."""
        metrics.observe(app.engine)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    cast("AiohttpWeb", app.web).web_app.router.add_get("/metrics", expose)
    server.add(app)
