"""How rows are laid out: as a table where it fits the terminal, else each over several lines. No word is ever cut.

Ids, topics and codes have no spaces: they stay whole, to be read, selected and searched for. Where even the longest
words of all columns don't fit beside each other, a row becomes names and values, as many on a line as fit.
"""

from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

#: Between two columns (one of padding, and one for the line that the box doesn't draw), and two values on a line.
_GAP = 2
_INDENT = 4


class Listing:
    """Rows under headers. ``cells`` are texts that are visible already; None is a value that there is not.

    A column that has no value in any row is left out.
    """

    def __init__(self, headers: Sequence[str], rows: Sequence[Sequence[Text | None]]) -> None:
        kept = [number for number in range(len(headers)) if not rows or any(row[number] for row in rows)]
        self.headers = [headers[number] for number in kept]
        self.rows = [[row[number] for number in kept] for row in rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich asks for it, at the width of the terminal; an empty line before it and behind it."""
        yield Text()
        widths = self._widths(options.max_width)
        if widths is not None:
            yield self._table(widths)
        else:
            for line in (line for row in self.rows for line in self._lines(row, options.max_width)):
                if options.no_wrap:  # printed as it is: the terminal wraps what is longer, and it can be searched for
                    line.no_wrap, line.overflow = True, "ignore"
                yield line
        yield Text()

    def _widths(self, room: int) -> list[int] | None:
        """The width of each column, or None where their longest words do not fit into the room."""
        columns = [
            [Text(header), *(row[number] or Text("-") for row in self.rows)]
            for number, header in enumerate(self.headers)
        ]
        least = [max(_longest_word(cell.plain) for cell in column) for column in columns]
        most = [max(cell_len(cell.plain) for cell in column) for column in columns]
        left = room - _GAP * (len(columns) - 1) - sum(least)
        if left < 0:
            return None
        widths = list(least)
        # The narrowest wishes first: what is short stays on one line, what is long shares the rest.
        wishes = sorted(range(len(columns)), key=lambda number: most[number] - least[number])
        for done, number in enumerate(wishes):
            more = min(most[number] - least[number], left // (len(wishes) - done))
            widths[number] += more
            left -= more
        return widths

    def _table(self, widths: list[int]) -> Table:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        for header, width in zip(self.headers, widths, strict=True):
            made.add_column(header, width=width)
        for row in self.rows:
            made.add_row(*(Text("-") if cell is None else cell for cell in row))
        return made

    def _lines(self, row: Sequence[Text | None], room: int) -> Iterator[Text]:
        """Names and values, as many on a line as fit. A value of several words goes on in the next line."""
        line = Text()
        for header, cell in zip(self.headers, row, strict=True):
            if cell is None:
                continue
            whole = len(header) + 1 + cell_len(cell.plain)
            if line and cell_len(line.plain) + _GAP + whole > room >= _INDENT + whole:
                yield line
                line = Text(" " * _INDENT)
            for number, word in enumerate(cell.split(" ")):
                part = word if number or not header else Text.assemble((f"{header} ", "bold"), word)
                gap = "" if not line.plain.strip() else " " if number else " " * _GAP
                if line.plain.strip() and cell_len(line.plain) + len(gap) + cell_len(part.plain) > room:
                    yield line
                    line, gap = Text(" " * _INDENT), ""
                line = Text.assemble(line, gap, part)
        yield line


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)
