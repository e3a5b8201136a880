"""The API and the board on the worker's web server."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from aiohttp import web

from app.api import models, openapi
from app.api.access import Gate
from app.api.budget import Budget
from app.api.directory import Directory
from app.api.errors import refuse
from app.api.handlers import Handlers
from app.api.here import Here
from app.api.middleware import middleware
from app.api.pages import Pages
from app.api.peers import Peers
from app.api.routes import LOCAL, ROUTES, Handle
from app.api.stream import Hub
from app.api.whole import Whole

if TYPE_CHECKING:
    from faust.web.drivers.aiohttp import Web as AiohttpWeb

    from app.engine.faust import App


def add(app: "App") -> None:
    """Add the access rule, which holds for every path of the web server, the API and the board to the app."""
    settings = app.settings
    gate = Gate(settings)
    here, directory, peers = Here(app.engine), Directory(settings), Peers(gate)
    whole = Whole(settings, here, directory, peers)
    hub = Hub(whole, here, peers)
    handlers = Handlers(app.engine, here, whole, hub, openapi.text)
    pages = Pages()

    server = cast("AiohttpWeb", app.web).web_app
    server.middlewares.append(middleware(gate, Budget()))
    for route in ROUTES:
        path = route.path.replace("{batch_id}", "{batch_id:[^/]+}")
        server.router.add_route(route.method, path, _answering(handlers, route.handle, route.status))
    for local, handle in LOCAL:
        path = local.replace("{batch_id}", "{batch_id:[^/]+}")
        server.router.add_route("GET", path, _answering(handlers, handle, 200))
    server.router.add_get("/", pages.index)
    server.router.add_get("/board/{name}", pages.file)

    async def end_streams(_: web.Application) -> None:
        await hub.close()

    async def close(_: web.Application) -> None:
        await peers.close()
        await directory.close()

    server.on_shutdown.append(end_streams)
    server.on_cleanup.append(close)


def _answering(
    handlers: Handlers, handle: Handle, status: int
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        _check_text(request)
        found = await handle(handlers, request)
        if isinstance(found, models.Model):
            return web.Response(text=found.model_dump_json(), content_type="application/json", status=status)
        if not found.prepared:
            found.set_status(status)
        return found

    return answer


def _check_text(request: web.Request) -> None:
    """Refuse what is no text: bytes that are not UTF-8 come as half characters, which nothing takes."""
    for text in (*request.match_info.values(), *request.query.keys(), *request.query.values()):
        try:
            text.encode()
        except UnicodeEncodeError:
            refuse("the path and the parameters are UTF-8, percent-encoded")
