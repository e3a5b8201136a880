"""What all commands share: settings, exit statuses, output, and errors as a line."""

import asyncio
import importlib
import inspect
import json
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import click
from aiokafka.errors import KafkaError
from pydantic import BaseModel
from rich.console import RenderableType

from agents.poison import PoisonError
from app.commands.render import styled, terminal
from app.core import names
from app.engine.kafka import broker_diagnosis, client_errors
from app.errors import OperatorError
from app.printable import visible, visible_json

if TYPE_CHECKING:
    from app.settings import Settings

DIFFERENT = 1
USAGE = 2
UNKNOWN_BATCH = 3
NOBODY = 4

STATUSES = (
    "Exit status: 0 fine; 1 a difference was found, or it was refused; 2 wrong usage; 3 the batch is not known; "
    "4 nobody answers."
)


class CommandError(Exception):
    """Ends a command: ``status`` is its exit status, ``code`` a word for programs, the message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Out:
    """Where a command says its result: for people, or as one JSON document."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = terminal()
        self._parts: list[RenderableType] | None = None

    def say(self, text: str) -> None:
        """A line of the result, for people. Nothing of it is taken for markup, or for a command to the terminal."""
        self.show(styled(text))

    def show(self, *parts: RenderableType) -> None:
        """Tables and styled texts of :mod:`app.commands.render`."""
        for part in parts:
            if self._parts is None:
                self.console.print(part)
            else:
                self._parts.append(part)

    @contextmanager
    def collected(self, *, on: bool) -> Iterator[list[RenderableType]]:
        """Keep what is said for people within, if ``on``, and print none of it."""
        parts: list[RenderableType] = []
        self._parts = parts if on else None
        try:
            yield parts
        finally:
            self._parts = None

    def json(self, answer: BaseModel | dict[str, Any]) -> None:
        """The result as JSON."""
        data = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
        sys.stdout.write(visible_json(json.dumps(data, ensure_ascii=False)) + "\n")

    def remark(self, text: str) -> None:
        """Something beside the result, on standard error."""
        click.echo(visible(text), err=True)


Body = Callable[..., Coroutine[Any, Any, int]]


def command(group: click.Group | None = None, name: str | None = None) -> Callable[[Body], click.Command]:
    """A command of an ``async`` function that takes :class:`Out` first and returns the exit status.

    Its docstring is the help; the exit statuses and ``--json`` are added to it.
    """

    def make(body: Body) -> click.Command:
        @click.pass_context
        @wraps(body)
        def run(context: click.Context, /, *args: Any, as_json: bool, **options: Any) -> None:
            root = context.find_root().params  # Faust has a --json of its own, before the verb
            before = logging.root.manager.disable
            if not root.get("debug"):
                logging.disable(logging.CRITICAL)  # what matters is said in a line; the libraries' are for workers
            try:
                _run(body, Out(as_json=as_json or bool(root.get("json"))), args, options)
            finally:
                logging.disable(before)

        run.__doc__ = f"{inspect.cleandoc(body.__doc__ or '')}\n\n{STATUSES}"
        option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
        register = click.command if group is None else group.command
        return register(name=name or body.__name__)(option(run))

    return make


def settings() -> "Settings":
    """The settings of the application that ``-A`` names."""
    # Looked up only now: the application is made by now, and making it imports this module.
    found: Settings = importlib.import_module("app").app.settings
    return found


def _run(body: Body, out: Out, args: tuple[Any, ...], options: dict[str, Any]) -> NoReturn:
    try:
        status = asyncio.run(body(out, *args, **options))
    except CommandError as error:
        _fail(out, error.status, error.code, str(error))
    except (OperatorError, PoisonError) as error:
        _fail(out, DIFFERENT, "refused", str(error))
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)  # as a shell has it: 128 + SIGPIPE
    except (KafkaError, OSError) as error:
        denied = client_errors.denied_to_a_command(settings(), error, names.INPUTS)
        if denied is not None:
            _fail(out, DIFFERENT, "refused", str(denied))
        try:
            asyncio.run(broker_diagnosis.check(settings()))
        except broker_diagnosis.RefusedError as refusal:  # it is there, and does not let us in
            _fail(out, DIFFERENT, "refused", str(refusal))
        problem = f"the broker {settings().broker} (ROLLCALL_BROKER) does not answer: {error or type(error).__name__}"
        _fail(out, NOBODY, "nobody_answers", problem)
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell has it: 128 + SIGINT
    sys.exit(status)


def _fail(out: Out, status: int, code: str, message: str) -> NoReturn:
    if out.as_json:
        out.json({"error": code, "message": message})
    click.echo(f"rollcall: {visible(message)}", err=True)
    sys.exit(status)
