"""The settings of this process: of the environment, and of the command line where it is a worker's."""

import os
import sys
from typing import NoReturn

from app import command_line
from app import environment as sources
from app.environment import SettingsError
from app.errors import OperatorError
from app.lazy_log import Logger
from app.printable import visible_lines
from app.settings import Settings

log = Logger(__name__)

_USAGE = 2  # the exit status of wrong usage, as click has it


def settings() -> Settings:
    """Read and check them.

    Wrong settings end the process with a message that names them: nothing can be run without them.
    """
    worker = command_line.given(sys.argv[1:])
    as_json = worker is not None and sources.json_logs_wanted()
    if worker is not None:
        _take_over_streams(as_json=as_json)
        refused = worker.refused + command_line.refused_variables(os.environ)
        if refused:
            _refuse("; ".join(refused), as_json=as_json, status=_USAGE)
        # Faust sets this one itself where the option is given, which is a setting.
        own = {"FAUST_DATADIR"} if "datadir" in worker.settings else set[str]()
        unread = command_line.unread({name: value for name, value in os.environ.items() if name not in own})
        if unread:
            log.warning("variables of Faust are not read; each is followed by the setting to use instead", **unread)
    try:
        loaded = sources.load(None if worker is None else worker.settings)
    except SettingsError as error:
        _refuse(str(error), as_json=as_json, status=1)
    unknown = sources.unknown(os.environ) if worker is not None else {}
    if unknown:
        log.warning("variables that look like settings are none, and are ignored", **unknown)
    return loaded


def refuse_foreign_packages(wrong: str) -> NoReturn:
    """End the process with what :func:`rollcall.foreign` says of `tables` and `agents`."""
    as_json = command_line.given(sys.argv[1:]) is not None and sources.json_logs_wanted()
    if as_json:
        _take_over_streams(as_json=True)
    _refuse(wrong, as_json=as_json, status=1)


def refuse(error: OperatorError) -> NoReturn:
    """End the process with an operator's error."""
    as_json = command_line.given(sys.argv[1:]) is not None and sources.json_logs_wanted()
    _refuse(str(error), as_json=as_json, status=1)


def _take_over_streams(*, as_json: bool) -> None:
    from app import standard_streams  # noqa: PLC0415 - a worker's, and half of what a command would import

    standard_streams.take_over(as_json=as_json)


def _refuse(message: str, *, as_json: bool, status: int) -> NoReturn:
    if as_json:
        log.critical("the worker can't start", error=" ".join(message.split()))
        sys.exit(status)
    sys.stderr.write(f"rollcall: {visible_lines(message)}\n")
    sys.exit(status)
