"""The reference says what the code says."""

import re

import pytest

from app.api.http.routes import ROUTES
from app.core import names
from app.reference.metrics import metrics
from app.reference.pages import pages
from app.reference.settings import default
from app.settings import PREFIX, Settings
from tests.docs.documents import ROOT

REFERENCE = ROOT / "docs" / "reference"
PAGES = pages()


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_as_the_code_makes_it(page: str) -> None:
    assert (REFERENCE / page).read_text() == PAGES[page], "make it again: python -m app.reference"


def test_every_setting_is_there_with_its_default_and_its_meaning() -> None:
    rows = {row[0]: row for row in rows_of((REFERENCE / "settings.md").read_text())}
    for field, info in Settings.model_fields.items():
        row = rows.pop(f"`{PREFIX}{field.upper()}`")
        assert info.description, f"{field} has no description"
        assert (row[1], row[3]) == (f"`{default(info)}`" if default(info) else "", info.description)
    assert set(rows) == {"setting"}


def test_what_the_readme_says_of_a_setting_is_so() -> None:
    rows = [row for row in rows_of((ROOT / "README.md").read_text()) if row[0].startswith(f"`{PREFIX}")]
    assert rows
    for setting, value, _ in rows:
        assert value == f"`{default(Settings.model_fields[setting.strip('`').removeprefix(PREFIX).lower()])}`", setting


def test_no_setting_is_named_that_there_is_not() -> None:
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    texts = (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "ops" / "runbooks").glob("*.md"))
    # Not `_ROLLCALL_COMPLETE`, which is click's.
    named = {word for path in texts for word in re.findall(rf"(?<!_){PREFIX}[A-Z_]+[A-Z]", path.read_text())}
    assert named - known == set()


def test_every_metric_topic_and_route_is_named() -> None:
    shown = (REFERENCE / "metrics.md").read_text()
    assert [name for name, *_ in metrics() if f"`{name}`" not in shown] == []
    shown = (REFERENCE / "topics.md").read_text()
    assert [topic for topic in (*names.INPUTS, *names.OUTPUTS) if f"`{topic}`" not in shown] == []
    shown = (REFERENCE / "http-api.md").read_text()
    assert [route.path for route in ROUTES if f"`{route.method} {route.path}`" not in shown] == []


def test_the_demos_summary_has_the_lines_that_the_readme_shows() -> None:
    source = (ROOT / "demo" / "summary.py").read_text()
    block = re.search(r"```text\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    labels = [re.split(r"  +", line.strip())[0] for line in block[1].splitlines()]
    assert len(labels) > 5
    assert [label for label in labels if f'"{label}"' not in source] == []


def rows_of(text: str) -> list[list[str]]:
    """The rows of all tables of a page."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ]
