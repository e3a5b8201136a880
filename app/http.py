"""HTTP: ``/health/live``, ``/health/ready`` and ``/metrics``, on Faust's web server; the API and the board beside them.

Who may ask is decided in :mod:`app.api.access`, for every path; ``/health/*`` is open.
"""

from typing import TYPE_CHECKING, cast

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import metrics
from app.api import server

if TYPE_CHECKING:
    from faust.web.drivers.aiohttp import Web as AiohttpWeb

    from app.engine.overrides import App


def add_routes(app: "App") -> None:
    """Add the routes to the app's web server."""

    async def live(_: web.Request) -> web.Response:
        """200 while the worker does what it is there for, or waits for it; 503, with the reason, once it can't."""
        if app.trouble is None:
            return web.json_response({"status": "live"})
        return web.json_response({"status": "not live", "reason": app.trouble}, status=503)

    async def ready(_: web.Request) -> web.Response:
        """200 when the worker owns its partitions (or is a member with none to own) and has restored them, else 503."""
        engine = app.engine
        body = {
            "status": "ready" if engine.ready else "not ready",
            "partitions": sorted(engine.tasks),
            "restore": {"done": engine.progress.done, "total": engine.progress.total},
        }
        return web.json_response(body, status=200 if engine.ready else 503)

    async def expose(_: web.Request) -> web.Response:
        """All metrics, in the Prometheus text format."""
        metrics.observe(app.engine)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    router = cast("AiohttpWeb", app.web).web_app.router
    router.add_get("/health/live", live)
    router.add_get("/health/ready", ready)
    router.add_get("/metrics", expose)
    server.add(app)
