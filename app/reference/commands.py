"""The page of the commands."""

import importlib
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from faust.cli.faust import cli

from app.command_line import FREE, REFUSED, SETTINGS
from app.reference.markdown import GENERATED, code, table
from app.settings import PREFIX

_RUN = Path(__file__).resolve().parents[2] / "run.py"
_WIDTH = 100
_OURS = ("worker", "status", "explain", "batch", "pending", "act", "dlq", "at", "replay", "audit", "topology")

_HEAD = f"""\
{GENERATED}
# Commands

`rollcall` is `faust -A app` under a name of its own: `rollcall status` and `faust -A app status` are the same. Both
are in the environment that `python3 run.py` makes (`source .venv/bin/activate`). Faust's own verbs that are not
listed here (`agents`, `tables`, `send` and others) would write unchecked, or know nothing of Rollcall's engine: they
are refused by name, with exit status 2.

The commands take the [settings](settings.md) of the environment: the broker, the app id, and the tokens. Exit status:
0 fine; 1 a difference was found, or it was refused; 2 wrong usage; 3 the batch is not known; 4 nobody answers.
"""


_OPTIONS = """\
Not everything that Faust offers applies. An option stands for a setting, works as Faust has it, or is refused by name
with status 2. Faust's environment variables, such as `WEB_BIND` or `BROKER_URL`, are not read; those that have a
setting are named with it in a line.
"""


def page() -> str:
    """The page: each command's help, as it prints it."""
    importlib.import_module("app.main")
    _register()
    parts = [_HEAD]
    for path, command in _commands():
        parts.append(f"## rollcall {path}\n\n```text\n{help_of(path, command)}\n```\n")
        if path == "worker":
            parts.append(_worker_options())
    parts.append(f"## python3 run.py\n\nFrom a checkout and a Python alone.\n\n```text\n{_usage().strip()}\n```\n")
    return "\n".join(parts)


def help_of(path: str, command: click.Command) -> str:
    """What ``rollcall PATH --help`` prints in a terminal of 100 columns."""
    context = click.Context(command, info_name=f"rollcall {path}", terminal_width=_WIDTH, max_content_width=_WIDTH)
    return "\n".join(line.rstrip() for line in command.get_help(context).strip().splitlines())


def _worker_options() -> str:
    """What becomes of each option of the worker: Faust offers more than there are."""
    rows = [
        [code(_option(name)), f"the setting {code(PREFIX + field.upper())}, with its checks"]
        for name, (field, _) in sorted(SETTINGS.items())
    ]
    rows.append(["`--without-web`", f"{code(PREFIX + 'HTTP_PORT')}, 0"])
    rows += [[code(_option(name)), "works as Faust has it"] for name in sorted(FREE - {"app"})]
    rows += [[code(_option(name)), f"refused: {instead}"] for name, instead in sorted(REFUSED.items())]
    return f"{_OPTIONS}\n{table(['option', 'what becomes of it'], rows)}"


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _register() -> None:
    commands: Any = importlib.import_module("app.commands")
    commands.register()


def _commands() -> Iterator[tuple[str, click.Command]]:
    for name in _OURS:
        command = cli.commands[name]
        if isinstance(command, click.Group):
            yield from ((f"{name} {verb}", command.commands[verb]) for verb in sorted(command.commands))
        else:
            yield name, command


def _usage() -> str:
    """The help of run.py, which is a file beside the packages and not in one."""
    usage: str = runpy.run_path(str(_RUN), run_name="run")["usage"]()
    return usage
