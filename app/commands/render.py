"""How answers look for people: tables, durations, progress bars."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from app.commands.layout import Listing
from app.printable import visible, visible_lines

if TYPE_CHECKING:
    from app.history.verify.replay import Phases

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


class _Visible:
    """What is to be printed, with each character that isn't seen as an escape; its own lines and styles stay."""

    def __init__(self, printed: RenderableType) -> None:
        self._printed = printed

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._printed, options):
            yield segment if segment.control else Segment(visible_lines(segment.text), segment.style)


class _Guard(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Visible(printed) for printed in renderables]


def terminal() -> Console:
    """Standard output, onto which nothing of a message gets that a terminal would obey.

    Texts are made visible before they are laid out (:func:`styled`); what was forgotten there is caught here.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    console.push_render_hook(_Guard())
    return console


def styled(*parts: str | tuple[str, str]) -> Text:
    """A line of texts, each plain or with a style. Of what comes from messages, nothing is markup or a control."""
    return Text.assemble(
        *(visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts), end="\n"
    )


def table(headers: Iterable[str], rows: Iterable[Iterable[object]]) -> Listing:
    """A table that fits the terminal; what is None is shown as a dash, and nothing is taken for markup."""
    cells = [[None if cell is None else styled(str(cell)) for cell in row] for row in rows]
    return Listing([*headers], cells)


def facts(pairs: Mapping[str, object]) -> Table:
    """Names and values, one pair a line."""
    drawn = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        drawn.add_row(styled(name), styled(text(value)))
    return drawn


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


def moment(value: str | None, now: datetime | None = None) -> str | None:
    """A time (ISO 8601, UTC) in short: of today its time, of this year its day and minute, else its day.

    What is no time, in an answer that is not ours to vouch for, is shown as it came.
    """
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    now = now or datetime.now(UTC)
    if found.date() == now.date():
        return f"{found:%H:%M:%S}"
    return f"{found:%m-%d %H:%M}" if found.year == now.year else f"{found:%Y-%m-%d}"


def place(value: dict[str, Any] | None) -> str:
    """A record of a topic."""
    return "-" if value is None else f"{value['topic']} {value['partition']}/{value['offset']}"


@contextmanager
def progress() -> Iterator["Phases"]:
    """Bars on standard error, one a phase, gone when all is done; nothing where it is no terminal."""
    console = Console(stderr=True)
    from rich.progress import (  # noqa: PLC0415 - few commands have bars
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:

        def phase(name: str) -> Callable[[int, int], None]:
            task = bars.add_task(name, total=None)

            def update(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total)

            return update

        yield phase


def log_begin(*, partition: int, begins_at: int, begins_time: str | None, **_: object) -> str:
    """Where a partition of the log begins that lacks its first records, as a sentence."""
    since = "" if begins_time is None else f" ({begins_time})"
    return f"Log partition {partition} begins at offset {begins_at}{since}: what was before is gone."
