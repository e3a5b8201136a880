"""Structured logs on standard error: for people on a terminal, as JSON lines elsewhere.

Everything goes through one formatter, Faust's own lines too.
"""

import io
import logging
import textwrap
from typing import Any, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from app.errors import OperatorError
from app.printable import visible, visible_lines
from app.settings import Settings


def _without_traceback(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An operator's error says what to do; where in the code it was raised would only bury that."""
    info = event.get("exc_info")
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, OperatorError):
        del event["exc_info"]
    return event


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    _without_traceback,
]


def _visible(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Nothing of a message reaches the terminal as a command, or as a line of its own."""
    return {visible(name): _visible_value(value) for name, value in event.items()}


def _visible_value(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    # What else is there is written by its repr, which escapes by itself, unless a class says otherwise.
    return value if isinstance(value, int | float | bool | None | BaseException | tuple) else visible(repr(value))


def _plain_traceback(stream: TextIO, info: structlog.typing.ExcInfo) -> None:
    """A traceback, whose lines stay lines, and can't be taken for others of the log."""
    written = io.StringIO()
    structlog.dev.plain_traceback(written, info)
    stream.write(textwrap.indent(visible_lines(written.getvalue()), "    ", lambda _: True))


class Throttle(logging.Filter):
    """Lets a message of a library through once in ``seconds``, and adds how often it was suppressed meanwhile.

    A Kafka client that can't reach its broker says so at every try, hundreds of times a second. Messages are told
    apart by logger and text before arguments are put in; their number is that of the lines of code that log.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let the record through; adds the count of those that were not."""
        key = (record.name, str(record.msg))
        last, held_back = self._said.get(key, (-self._seconds, 0))
        if record.created < last + self._seconds:
            self._said[key] = (last, held_back + 1)
            return False
        self._said[key] = (record.created, 0)
        if held_back:
            record.msg = f"{record.getMessage()} (and {held_back} times since)"
            record.args = ()
        return True


class StartError(logging.Filter):
    """An operator's error at the start in the shape of all others: Faust's worker says it by its repr."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, put into words where it is such an error."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OperatorError) and str(record.msg).endswith("Error: %r"):
            record.msg, record.args = "the worker can't start", ()
            record.error = str(error)
        return True


class AfterCrash(logging.Filter):
    """Leaves out what a stop logs after a crash of a thread whose loop is closed by then: the crash has been logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let the record through."""
        error = record.exc_info[1] if record.exc_info else None
        return not (isinstance(error, RuntimeError) and str(error) == "Event loop is closed")


class Abandoned(logging.Filter):
    """Leaves out what asyncio logs, with a traceback, of a Kafka client's error that is no longer awaited.

    The parts of a transaction overlap, and a broker's refusal meets all of them: the first is logged, and acted upon.
    Background tasks that end are reported too (:mod:`app.engine.kafka.client_watch`).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let the record through."""
        error = record.exc_info[1] if record.exc_info else None
        of_a_client = type(error).__module__.startswith("aiokafka.")
        return not (of_a_client and "exception was never retrieved" in str(record.msg))


#: One list, however often it is configured: a logger that is cached keeps it, and so hears of what is changed in it.
_PROCESSORS = [structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]


def configure() -> None:
    """Make structlog hand its lines to the standard library's logging, which :func:`logging_config` formats."""
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_config(settings: Settings) -> dict[str, Any]:
    """The standard library's logging configuration, as Faust's worker takes it."""
    return configuration(as_json=settings.json_logs)


def configuration(*, as_json: bool) -> dict[str, Any]:
    """:func:`logging_config` where there are no settings yet."""
    tail: list[structlog.typing.Processor]
    if as_json:
        # Without the values of local variables: a log is no place for what a message or a password says.
        tail = [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    else:
        tail = [_visible, structlog.dev.ConsoleRenderer(exception_formatter=_plain_traceback)]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
                "foreign_pre_chain": [*_SHARED, structlog.stdlib.ExtraAdder()],
            }
        },
        "filters": {
            "throttle": {"()": Throttle},
            "after a crash": {"()": AfterCrash},
            "abandoned": {"()": Abandoned},
            "at the start": {"()": StartError},
        },
        "handlers": {
            # Two of a kind: Faust's worker sets the level of the root's first handler to its own (--loglevel).
            name: {"class": "logging.StreamHandler", "stream": "ext://sys.__stderr__", "formatter": "structured"}
            | ({"filters": ["after a crash", "abandoned", "at the start", "throttle"]} if name == "stderr" else {})
            for name in ("stderr", "ours")
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # The clients say at length what the engine says in a line; their warnings are kept.
            "aiokafka": {"level": "WARNING"},
            "faust": {"level": "WARNING"},
            "mode": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
            **{
                package: {"level": "INFO", "handlers": ["ours"], "propagate": False}
                for package in ("app", "agents", "tables")
            },
        },
    }
