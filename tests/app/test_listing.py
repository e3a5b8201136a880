"""Tables of the commands fit the terminal, and no id, topic or code is cut in its middle."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from app.commands import render
from tests.support.events import uid

IDS = [uid("id", number) for number in range(4)]
SLOTS: list[list[object]] = [
    [IDS[0], "filled", IDS[1], IDS[2], "Åsa Öberg - en lång uppsats om våren.docx", None],
    [IDS[3], "missing", None, None, None, None],
]
HEADERS = ["slot", "state", "text", "upload", "file", "error"]


def shown(headers: list[str], rows: list[list[object]], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, soft_wrap=True, highlight=False, markup=False)
    console.print(render.table(headers, rows))
    assert isinstance(console.file, io.StringIO)
    first, *lines, last = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert first == last == "", "empty lines set it apart"
    return lines


@pytest.mark.parametrize("width", [48, 60, 80, 100, 120, 160, 200])
def test_every_word_is_whole_and_every_line_fits(width: int) -> None:
    lines = shown(HEADERS, SLOTS, width)
    words = " ".join(lines).split()
    for row in SLOTS:
        for cell in row:
            assert set(str(cell or "").split()) <= set(words)
    assert max(map(len, lines)) <= width


def test_what_fits_is_a_table_without_columns_that_are_empty() -> None:
    lines = shown(HEADERS, SLOTS, 200)
    assert lines[0].split() == ["slot", "state", "text", "upload", "file"]
    assert len(lines) == 4
    assert lines[3].split() == [IDS[3], "missing", "-", "-", "-"]


def test_long_texts_share_what_short_ones_leave() -> None:
    rows: list[list[object]] = [["b-1", "open", "waits for " + "two of its slots " * 5]]
    lines = shown(["batch", "state", "reason"], rows, 80)
    assert lines[2].startswith("b-1    open   waits for two")
    assert lines[3].startswith(" " * 14 + "of its slots")


def test_what_fits_nowhere_is_names_and_values() -> None:
    assert shown(HEADERS, SLOTS, 80) == [
        f"slot {IDS[0]}  state filled",
        f"    text {IDS[1]}",
        f"    upload {IDS[2]}",
        "    file Åsa Öberg - en lång uppsats om våren.docx",
        f"slot {IDS[3]}  state missing",
    ]


def test_an_id_that_is_longer_than_the_terminal_is_one_word_still() -> None:
    assert f"batch {'x' * 300}" in shown(["batch", "state"], [["x" * 300, "open"]], 80)


def test_rows_that_there_are_not_are_a_head() -> None:
    assert shown(["batch", "uploads"], [], 80)[0].split() == ["batch", "uploads"]


@pytest.mark.parametrize(
    ("time", "short"),
    [
        ("2026-11-26T08:09:10.123000Z", "08:09:10"),
        ("2026-11-25T23:59:59Z", "11-25 23:59"),
        ("2025-12-31T23:59:59+00:00", "2025-12-31"),
        (None, None),
    ],
)
def test_times_are_short(time: str | None, short: str | None) -> None:
    assert render.moment(time, datetime(2026, 11, 26, 12, tzinfo=UTC)) == short
