"""Structured logs on standard error: for people on a terminal, as JSON lines elsewhere.

Everything goes through one formatter, Faust's own lines too.
"""

from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from app.errors import OperatorError
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


def configure() -> None:
    """Make structlog hand its lines to the standard library's logging, which :func:`logging_config` formats."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logging_config(settings: Settings) -> dict[str, Any]:
    """The standard library's logging configuration, as Faust's worker takes it."""
    renderer: structlog.typing.Processor
    if settings.json_logs:
        # Without the values of local variables: a log is no place for what a message or a password says.
        tail = [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    else:
        renderer = structlog.dev.ConsoleRenderer()
        tail = [renderer]
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
        "handlers": {
            # Two of a kind: Faust's worker sets the level of the root's first handler to its own (--loglevel).
            name: {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "structured"}
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
