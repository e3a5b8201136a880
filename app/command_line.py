"""What the worker's command line and Faust's own environment variables may say: each has one source of truth.

The settings are it, with their checks. An option of Faust's worker either stands for a setting, and goes through its
checks (:data:`SETTINGS`), or is none of a setting's business (:data:`FREE`), or is refused by name (:data:`REFUSED`).
Variables of Faust are not read, so that ``WEB_BIND`` or ``BROKER_URL``, set for whatever else, changes nothing
(:func:`unread`); those that work before anything of ours runs are refused (:func:`refused_variables`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import click
from faust.cli import worker as _worker  # noqa: F401 - imported, it is among the commands
from faust.cli.base import cli
from faust.types.settings import Settings as FaustSettings

#: The options that stand for a setting: its field, and what it gets of the option's value.
SETTINGS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "datadir": ("datadir", lambda value: value),
    "web_port": ("http_port", lambda value: value),
}

#: The options that work as Faust has them.
FREE: Final = frozenset({"app", "help", "version", "quiet", "workdir", "loglevel"})

#: The others, and what to use instead.
REFUSED: Final[Mapping[str, str]] = {
    "web_bind": "where HTTP listens is checked together with the tokens: set ROLLCALL_HTTP_HOST",
    "web_host": "set ROLLCALL_HTTP_URL",
    "web_transport": "HTTP listens on ROLLCALL_HTTP_HOST and ROLLCALL_HTTP_PORT",
    "json": "set ROLLCALL_LOG_FORMAT=json",
    "logfile": "logs go to standard error: 2> FILE",
    "loop": "the worker's event loop is uvloop",
    "debug": "it opens a console that asks for no token: use --loglevel debug",
    "console_port": "a console asks for no token: there is none",
    "blocking_timeout": "whether the loop turns is what /health/live says",
}

#: Faust's commands that know nothing of this application, or go past its checks, and what to use instead.
REFUSED_COMMANDS: Final[Mapping[str, str]] = {
    "agents": "see `topology`",
    "clean-versions": "there are no versions: to restore a state, stop its worker and remove ROLLCALL_DATADIR",
    "completion": 'see docs/how-to/operate.md: eval "$(_ROLLCALL_COMPLETE=bash_source rollcall)"',
    "livecheck": "it is a worker that knows none of these settings: see `status`",
    "model": "the events are in docs/asyncapi.json",
    "models": "the events are in docs/asyncapi.json",
    "reset": "to restore a worker's state from the changelog, stop it and remove ROLLCALL_DATADIR",
    "send": "it would write unchecked into any topic, the log included: see `act` and `dlq replay`",
    "tables": "see `topology`",
}

#: Prefixes of the variables that Faust reads without its registry of settings, and the names behind them.
PREFIXES: Final = ("FAUST_", "F_")
PREFIXED: Final = frozenset(
    {
        "BLOCKING_TIMEOUT", "CONSOLE_PORT", "DATADIR", "DEBUG", "FORCE_BLOCKING_TIMEOUT", "F_WEB_BIND", "LOOP",
        "STRICT", "WEB_PORT", "WEB_TRANSPORT", "WORKDIR",
    }
)  # fmt: skip

#: Variables that the faust command acts on before it imports the application.
_EARLY: Final[Mapping[str, str]] = {
    "LOOP": "the worker's event loop is uvloop: unset it",
    "STRICT": "it is for development of Faust: unset it",
    "WORKDIR": "start the worker in that directory, or use --workdir",
}

#: The variables of Faust's registry.
FAUST_NAMES: Final = frozenset(str(setting.env_name) for setting in FaustSettings.SETTINGS.values() if setting.env_name)

#: What stands for a variable of Faust's. Others are not looked at: ``TIMEZONE`` may be set for any other program.
_INSTEAD: Final[Mapping[str, str]] = {
    "APP_DATADIR": "ROLLCALL_DATADIR",
    "DATADIR": "ROLLCALL_DATADIR",
    "BROKER_CONSUMER_URL": "ROLLCALL_BROKER",
    "BROKER_CREDENTIALS": "ROLLCALL_SASL_USERNAME",
    "BROKER_MAX_POLL_RECORDS": "ROLLCALL_MAX_POLL_RECORDS",
    "BROKER_PRODUCER_URL": "ROLLCALL_BROKER",
    "BROKER_SESSION_TIMEOUT": "ROLLCALL_SESSION_TIMEOUT_SECONDS",
    "BROKER_URL": "ROLLCALL_BROKER",
    "NODE_CANONICAL_URL": "ROLLCALL_HTTP_URL",
    "PROCESSING_GUARANTEE": "ROLLCALL_PROCESSING_GUARANTEE",
    "TOPIC_PARTITIONS": "ROLLCALL_PARTITIONS",
    "TOPIC_REPLICATION_FACTOR": "ROLLCALL_REPLICATION_FACTOR",
    "WEB_BIND": "ROLLCALL_HTTP_HOST",
    "WEB_HOST": "ROLLCALL_HTTP_URL",
    "WEB_PORT": "ROLLCALL_HTTP_PORT",
}


def verb(arguments: Sequence[str]) -> str | None:
    """The verb of a command line of ``faust -A app`` , without the program's name; None where it is no such."""
    try:
        group, rest = _parsed(cli, arguments)
    except click.UsageError:
        return None
    return rest[0] if rest and group.get("app") == "app" else None


class Given(NamedTuple):
    """What a worker's command line says: settings by field, and a line for each option that is refused."""

    settings: dict[str, Any]
    refused: list[str]


def given(arguments: Sequence[str]) -> Given | None:
    """Read a command line (without the program's name); None where it is not that of a worker, or asks for help.

    A line that can't be read says nothing here: the command says what is wrong with it.
    """
    try:
        group, rest = _parsed(cli, arguments)
        if not rest or rest[0] != "worker":
            return None
        own, _ = _parsed(cli.commands["worker"], rest[1:])
    except click.UsageError:
        return Given({}, []) if "worker" in arguments else None
    options = group | own
    if options.get("help") or options.get("version"):
        return None
    settings, refused = dict[str, Any](), []
    for name, value in options.items():
        if name in SETTINGS:
            field, taken = SETTINGS[name]
            settings[field] = taken(value)
        elif name == "with_web":
            if not value:
                settings["http_port"] = 0
        elif name not in FREE and not (name == "loop" and value == "uvloop"):
            refused.append(f"--{name.replace('_', '-')}: {REFUSED.get(name, 'not an option of this worker')}")
    return Given(settings, refused)


def _parsed(command: click.Command, arguments: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The options that are there, by parameter, as they were written; and what follows them."""
    context = click.Context(command, allow_interspersed_args=command.allow_interspersed_args)
    found, rest, _ = command.make_parser(context).parse_args(list(arguments))
    return {name: value for name, value in found.items() if value is not None}, rest


def refused_variables(environment: Mapping[str, str]) -> list[str]:
    """A line for each variable that makes the faust command do what a setting can't undo."""
    return [
        f"{prefix}{name}: {instead}"
        for prefix in PREFIXES
        for name, instead in _EARLY.items()
        if environment.get(prefix + name) and not (name == "LOOP" and environment[prefix + name] == "uvloop")
    ]


def unread(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that Faust would have read, each with the setting to use instead (empty where there is none)."""
    prefixed = {prefix + name: _INSTEAD.get(name.removeprefix("F_"), "") for prefix in PREFIXES for name in PREFIXED}
    known = {name: instead for name, instead in _INSTEAD.items() if name in FAUST_NAMES} | prefixed
    return {name: known[name] for name in sorted(environment) if name in known}
