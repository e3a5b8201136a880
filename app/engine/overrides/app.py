"""The application: a Faust app with an engine in it."""

import logging
from typing import TYPE_CHECKING, cast

import faust
import structlog
from faust.app.base import BootStrategy

from app.engine.engine import Engine
from app.engine.overrides.consumer import Transport

if TYPE_CHECKING:
    from app.settings import Settings

log = structlog.get_logger(__name__)


class Boot(BootStrategy):
    """What a worker starts.

    Without an HTTP port, no web server (Faust's own ``web_enabled`` is overruled by its command line).
    """

    def _should_enable_web(self) -> bool:
        return bool(cast("App", self.app).settings.http_port) and bool(super()._should_enable_web())


class App(faust.App):
    """The Faust application with an engine in it."""

    # mode logs each step of a service under the logger of its module; these steps are Faust's, not ours.
    logger = logging.getLogger("faust.rollcall")
    BootStrategy = Boot
    settings: "Settings"
    engine: Engine

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def fail(self, error: BaseException) -> None:
        """Stop the worker with this error: nothing that it has not acknowledged is committed."""
        log.error("the worker can't go on and stops", error=f"{type(error).__name__}: {error}", exc_info=error)
        self.engine.ready = False
        self.add_future(self.crash(error))

    async def on_stop(self) -> None:
        """Stop the consumer, then the engine's producers."""
        await super().on_stop()
        await self.engine.stop()
