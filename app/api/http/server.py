"""The API and the board on the worker's web server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from aiohttp import web

from app.api.cluster.cluster import Cluster
from app.api.cluster.local_state import LocalState
from app.api.cluster.membership import Membership
from app.api.cluster.peers import Peers
from app.api.cluster.recent import RecentHour
from app.api.errors import refuse
from app.api.http import openapi
from app.api.http.budget import Budget
from app.api.http.handlers import Handlers
from app.api.http.middleware import middleware
from app.api.http.pages import Pages
from app.api.http.routes import LOCAL, ROUTES, Handle
from app.api.http.stream import Broadcaster
from app.api.http.under_way import UnderWay
from app.api.present import model
from app.engine.ending import all_ended
from app.engine.http.access import Gate

if TYPE_CHECKING:
    from faust.web.drivers.aiohttp import Web as AiohttpWeb

    from app.engine.faust import App


def add(app: "App") -> None:
    """Add the access rule, which holds for every path of the web server, the API and the board to the app."""
    settings = app.settings
    gate = Gate(settings)
    local_state, membership, peers = LocalState(app.engine), Membership(settings), Peers(gate)
    hour = RecentHour(app.engine)
    cluster = Cluster(settings, local_state, membership, peers, hour)
    broadcaster = Broadcaster(cluster, local_state, peers)
    handlers = Handlers(app.engine, local_state, cluster, broadcaster, openapi.text)
    pages = Pages()

    server = cast("AiohttpWeb", app.web).web_app
    acts = UnderWay()
    server.middlewares.append(middleware(gate, Budget(), acts))
    for route in ROUTES:
        path = route.path.replace("{batch_id}", "{batch_id:[^/]+}")
        server.router.add_route(route.method, path, _answering(handlers, route.handle, route.status))
    for local, handle in LOCAL:
        path = local.replace("{batch_id}", "{batch_id:[^/]+}")
        server.router.add_route("GET", path, _answering(handlers, handle, 200))
    server.router.add_get("/", pages.index)
    server.router.add_get("/board/{name}", pages.file)

    sampling: list[asyncio.Task[None]] = []

    async def begin(_: web.Application) -> None:
        sampling.append(asyncio.create_task(hour.run(), name="the last hour"))

    async def end_streams(_: web.Application) -> None:
        await broadcaster.close()
        await all_ended(sampling)

    async def close(_: web.Application) -> None:
        await acts.close()
        await peers.close()
        await membership.close()

    server.on_startup.append(begin)
    server.on_shutdown.append(end_streams)
    server.on_cleanup.append(close)


def _answering(
    handlers: Handlers, handle: Handle, status: int
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        _check_text(request)
        found = await handle(handlers, request)
        if isinstance(found, model.Model):
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
