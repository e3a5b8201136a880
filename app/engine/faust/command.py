"""Faust's own commands: what the options of ``worker`` mean is up to the settings, and most others are refused
(:mod:`app.command_line`).
"""

import sys
from typing import TYPE_CHECKING, Any, cast

import click
from faust.cli.base import cli
from faust.cli.worker import worker as command

from app import native
from app.command_line import REFUSED_COMMANDS
from app.lazy_log import Logger
from app.printable import visible_lines

if TYPE_CHECKING:
    from app.engine.faust.app import App

log = Logger(__name__)


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
            runs=native.RUNS,
        )
    else:
        self.say(visible_lines(self.banner(worker)))
        log.info("the worker starts", runs=native.RUNS)


def _refusing(name: str, instead: str) -> click.Command:
    """A command in the place of one of Faust's that says why it is not here."""

    def refuse() -> None:
        sys.stderr.write(f"rollcall: {name} is not among the commands here: {instead}\n")
        sys.exit(2)  # as click ends on wrong usage

    anything = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED, expose_value=False)
    settings = {"ignore_unknown_options": True}
    return click.Command(name, settings, refuse, [anything], hidden=True, add_help_option=False)


def override() -> None:
    """Put these in the place of Faust's."""
    # What is printed stays as it is: Faust's command would turn it, word by word, into lines of the log.
    command.redirect_stdouts = False
    for name, ours in (("_init_worker_options", _options_are_settings), ("on_worker_created", _announce)):
        setattr(command, name, ours)
    for name, instead in REFUSED_COMMANDS.items():
        cli.add_command(_refusing(name, instead))
