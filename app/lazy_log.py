"""The logger of every module. It imports structlog with its first line.

Commands hardly log, and structlog brings its console with it: tracebacks in colour, Pygments, 60 ms of CPU.
"""

from collections.abc import Callable
from typing import Any

_before_first_line: list[Callable[[], None]] = []


def before_first_line(configure: Callable[[], None]) -> None:
    """Have this called once, before anything is logged: configuring structlog imports it, too."""
    _before_first_line.append(configure)


class Logger:
    """As ``structlog.get_logger(name)``, which is made with the first line."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made: Any = None

    def __getattr__(self, level: str) -> Any:
        """The method that logs at this level."""
        if self._made is None:
            while _before_first_line:
                _before_first_line.pop()()
            import structlog  # noqa: PLC0415 - see above

            self._made = structlog.get_logger(self._name)
        return getattr(self._made, level)
