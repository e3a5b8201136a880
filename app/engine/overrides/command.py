"""The command ``faust worker``: what its options mean is up to the settings (:mod:`app.command_line`)."""

from typing import TYPE_CHECKING, Any, cast

import structlog
from faust.cli.base import cli
from faust.cli.worker import worker as command

from app.printable import visible_lines

if TYPE_CHECKING:
    from app.engine.overrides.app import App

log = structlog.get_logger(__name__)


def _options_are_settings(self: command, **_: Any) -> None:
    """Faust would overrule here what the settings have checked: where HTTP listens, and under which name."""


def _announce(self: command, worker: Any) -> None:
    """A line of the log, or Faust's banner for people."""
    settings = cast("App", self.app).settings
    if settings.json_logs:
        log.info(
            "the worker starts",
            app_id=settings.app_id,
            broker=settings.broker,
            datadir=str(settings.datadir),
            http=settings.canonical_url if settings.http_port else None,
        )
    else:
        self.say(visible_lines(self.banner(worker)))


def override() -> None:
    """Put these in the place of Faust's."""
    # What is printed stays as it is: Faust's command would turn it, word by word, into lines of the log.
    command.redirect_stdouts = False
    for name, ours in (("_init_worker_options", _options_are_settings), ("on_worker_created", _announce)):
        setattr(command, name, ours)
    cli.commands.pop("livecheck", None)  # another kind of worker, which knows nothing of these settings
