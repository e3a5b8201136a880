"""How answers look for people: tables, durations, progress bars."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape as escape  # noqa: PLC0414 - for those who print with markup
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.history.replay import Phases

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def table(headers: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """A table; what is None is shown as a dash, and nothing is taken for markup."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        made.add_column(header, overflow="fold")
    for row in rows:
        made.add_row(*(escape(text(cell)) for cell in row))
    return made


def facts(pairs: Mapping[str, object]) -> Table:
    """Names and values, one pair a line."""
    made = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        made.add_row(escape(name), escape(text(value)))
    return made


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {'batches' if noun == 'batch' else f'{noun}s'}"


def text(value: object) -> str:
    """A value, a dash for None."""
    return "-" if value is None else str(value)


def seconds(value: float | None) -> str:
    """A duration in its two largest units."""
    if value is None:
        return "-"
    left, parts = round(value), []
    for unit, size in _UNITS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    if left or not parts:
        parts.append(f"{left} s")
    return " ".join(parts[:2])


def place(value: dict[str, Any] | None) -> str:
    """A record of a topic."""
    return "-" if value is None else f"{value['topic']} {value['partition']}/{value['offset']}"


@contextmanager
def progress() -> Iterator[Phases]:
    """Bars on standard error, one a phase, gone when all is done; nothing where it is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:

        def phase(name: str) -> Callable[[int, int], None]:
            task = bars.add_task(name, total=None)

            def update(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total)

            return update

        yield phase
