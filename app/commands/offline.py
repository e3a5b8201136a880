"""What stands for the application in the process of a command of ours, which needs its settings and nothing else of it.

The application itself is a worker's: making it imports the engine, the web server and all that is counted, and takes
longer than most commands.
"""

from types import SimpleNamespace
from typing import Any

from app import logs
from app.settings import Settings


class Offline:
    """The settings, and what Faust does with any application before it runs a command: nothing here."""

    def __init__(self, settings: Settings) -> None:
        logs.configure()
        self.settings = settings
        self.conf: Any = SimpleNamespace(_origin=None, autodiscover=False)

    def finalize(self) -> None:
        """There is nothing to be made final."""

    def worker_init(self) -> None:
        """There is no worker."""

    def worker_init_post_autodiscover(self) -> None:
        """There is no worker."""
