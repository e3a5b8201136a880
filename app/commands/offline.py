"""What stands for the application in the process of a command of ours, which needs its settings and nothing else of it.

The application itself is a worker's: making it imports the engine, the web server and all that is counted, and takes
longer than most commands.
"""

from types import SimpleNamespace
from typing import Any

from app.lazy_log import before_first_line
from app.settings import Settings


class Offline:
    """The settings, and what Faust does with any application before it runs a command: nothing here."""

    def __init__(self, settings: Settings) -> None:
        before_first_line(_configure)
        self.settings = settings
        self.conf: Any = SimpleNamespace(_origin=None, autodiscover=False)

    def finalize(self) -> None:
        """There is nothing to be made final."""

    def worker_init(self) -> None:
        """There is no worker."""

    def worker_init_post_autodiscover(self) -> None:
        """There is no worker."""


def _configure() -> None:
    from app import logs  # noqa: PLC0415 - imports structlog: see app.lazy_log

    logs.configure()
