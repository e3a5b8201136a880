"""``/health/live`` and ``/health/ready``, on Faust's web server."""

from typing import TYPE_CHECKING, cast

from aiohttp import web

if TYPE_CHECKING:
    from faust.web.drivers.aiohttp import Web as AiohttpWeb

    from app.engine.faust import App


def add_routes(app: "App") -> None:
    """Add the routes to the app's web server. They tell nothing of what is processed."""

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

    router = cast("AiohttpWeb", app.web).web_app.router
    router.add_get("/health/live", live)
    router.add_get("/health/ready", ready)
