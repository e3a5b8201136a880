"""``/metrics``: the engine's metrics and the application's, on Faust's web server.

In the text format that the ``Accept`` header asks for: Prometheus' own, or OpenMetrics, which has exemplars.
"""

from typing import TYPE_CHECKING, cast

from aiohttp import web
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from app.engine.http.access import Gate
from app.engine.http.errors import HttpError, error_answer
from app.engine.metrics import counted, observed

if TYPE_CHECKING:
    from faust.web.drivers.aiohttp import Web as AiohttpWeb

    from app.engine.faust import App


def add_routes(app: "App") -> None:
    """Add the route to the app's web server. Who may ask: :mod:`app.engine.http.access`."""
    gate = Gate(app.settings)
    topology = app.engine.topology
    counted.begin(topology.topics.inputs)

    async def expose(request: web.Request) -> web.Response:
        try:
            gate.admit(request)
        except HttpError as error:
            return error_answer(error)
        observed.observe(app.engine)
        topology.gauges(app.engine)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(REGISTRY), headers={"Content-Type": content_type})

    cast("AiohttpWeb", app.web).web_app.router.add_get("/metrics", expose)
