"""What a worker writes: with JSON logs, lines of JSON on standard error, and nothing else anywhere.

Not all that is written goes through a logger: Python's tracebacks and warnings, the libraries' banners, wrong usage of
the command, a stray print. Whatever it is, it becomes a line of the log.
"""

import atexit
import io
import logging
import logging.config
import re
import sys
import threading
from typing import Any

from app import logs
from app.lazy_log import Logger

log = Logger(__name__)

_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def take_over(*, as_json: bool) -> None:
    """Log from now on as the worker does; with ``as_json``, whatever is printed too."""
    logs.configure()
    logging.config.dictConfig(logs.configuration(as_json=as_json))
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    if as_json:
        for name, level in (("stdout", logging.INFO), ("stderr", logging.WARNING)):
            stream = Lines(name, level)
            setattr(sys, name, stream)
            atexit.register(stream.close)


class Lines(io.TextIOBase):
    """A stream whose lines are lines of the log, without the terminal's sequences; blank ones are dropped."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, name: str, level: int) -> None:
        self._logger = logging.getLogger(f"app.{name}")
        self._level = level
        self._rest = ""
        self._lock = threading.RLock()
        self._busy = False

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Log each line that is complete."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._say(line)
        return len(text)

    def close(self) -> None:
        """Log what is left."""
        with self._lock:
            rest, self._rest = self._rest, ""
            self._say(rest)

    def _say(self, line: str) -> None:
        text = _SEQUENCES.sub("", line).strip("\r")
        # Where logging itself fails it prints why: to log that would fail again.
        if text.strip() and not self._busy:
            self._busy = True
            try:
                self._logger.log(self._level, text)
            finally:
                self._busy = False


def _uncaught(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        log.info("interrupted")
    else:
        log.critical("the worker ends with an error that nobody caught", exc_info=(kind, error, traceback))


def _uncaught_in_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None and not isinstance(failure.exc_value, SystemExit):
        name = None if failure.thread is None else failure.thread.name
        info = (failure.exc_type, failure.exc_value, failure.exc_traceback)
        log.error("a thread ended with an error that nobody caught", thread=name, exc_info=info)


def _unraisable(failure: "sys.UnraisableHookArgs") -> None:
    if failure.exc_value is not None:
        info = (failure.exc_type, failure.exc_value, failure.exc_traceback)
        log.error(failure.err_msg or "an error that could not be raised", about=repr(failure.object), exc_info=info)
