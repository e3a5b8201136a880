"""Puts our application together: settings, the topology on the engine, HTTP.

``faust -A app worker`` runs what :func:`create_app` returns.
"""

from app import startup
from app.api.http import server
from app.engine.faust import App
from app.engine.worker import create_worker_app
from app.errors import OperatorError
from app.settings import Settings
from app.topology import topology


def create_app(given: Settings | None = None) -> App:
    """The application.

    Wrong settings end the process with a message that names them: nothing can be run without them.
    """
    settings = startup.settings() if given is None else given
    parts = topology(settings)
    if settings.traces:
        from app import tracing  # noqa: PLC0415 - only where it is wanted

        try:
            parts = tracing.traced(parts, settings)
        except OperatorError as error:
            startup.refuse(error)
    app = create_worker_app(settings, parts)
    if settings.http_port:
        server.add(app)
    return app
