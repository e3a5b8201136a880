"""For everybody: on a phone, in light and dark, by keyboard, and for a screen reader."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.board import scenarios
from tests.board.conftest import Open
from tests.board.fake_api import FakeApi
from tests.board.pages import ids, says, so_many

if TYPE_CHECKING:
    from playwright.sync_api import Page

LONG = "batch-" + "0123456789abcdef" * 6
VIEWS = {
    "front": "#/",
    "batch": f"#/batch/{LONG}",
    "early": "#/batch/early",
    "pending": "#/pending",
    "letters": "#/dead-letters",
    "letter": "#/dead-letters/0/1",
}
AA_TEXT = 4.5  # WCAG 2.2, 1.4.3: text below 24 px, or 18.7 px in bold
AA_LARGE = 3.0
PROBES = Path(__file__).with_name("probes")
TEXTS = (PROBES / "texts.js").read_text("utf-8")
FAULTS = (PROBES / "faults.js").read_text("utf-8")


@pytest.fixture
def scene(api: FakeApi) -> None:
    """Something of everything, under names that are too long for a line."""
    conflict = [{"topic": "huleedu.batch.essays.registered.v1", "partition": 2, "offset": 77}]
    excess = [{"file_upload_id": LONG, "text_storage_id": LONG, "file_name": f"{LONG}.docx"}]
    api.put(
        scenarios.batch(LONG, slots=9, filled=5, failed=2, waited=9000, stuck=True, conflicts=conflict, excess=excess)
    )
    api.put(
        scenarios.unregistered("early", pending=3), scenarios.batch("b", filled=1), scenarios.unregistered(f"u{LONG}")
    )
    api.letters = [scenarios.dead_letter(1, batch_id=LONG, detail=LONG, key=LONG, text=f'{{"id": "{LONG}"}}')]
    api.missing = [2]


def ready(page: "Page") -> None:
    """Wait until a view has its data."""
    page.locator("main[aria-busy=false]").wait_for()
    page.locator(":is(.rows .row, .plain, pre.content):visible").first.wait_for()


@pytest.mark.usefixtures("scene")
def test_no_view_scrolls_sideways_on_a_phone(api: FakeApi, visit: Open) -> None:
    page = visit(width=360, height=740)
    for name, path in VIEWS.items():
        page.goto(f"{api.url}/{path}")
        ready(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
    page.goto(f"{api.url}/#/batch/early")
    page.get_by_role("button", name="Discard the batch").click()
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


@pytest.mark.usefixtures("scene")
def test_what_is_stuck_is_seen_on_a_phone_without_scrolling(visit: Open) -> None:
    page = visit(width=360, height=740)
    ready(page)
    box = page.get_by_role("heading", name="1 batch is stuck").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 300


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(
    api: FakeApi, visit: Open, theme: Literal["light", "dark"]
) -> None:
    page = visit(color_scheme=theme)
    poor, seen = [], 0
    for name, path in VIEWS.items():
        page.goto(f"{api.url}/{path}")
        ready(page)
        for text in page.evaluate(TEXTS):
            seen += 1
            ratio = contrast(text["colour"], text["behind"])
            if ratio < (AA_LARGE if text["large"] else AA_TEXT):
                poor.append(f"{name}: {ratio:.2f} {text['text']}")
    assert poor == []
    assert seen > 150


def test_the_theme_follows_the_system_until_one_is_chosen(visit: Open) -> None:
    page = visit(color_scheme="dark")
    says(page, "Nothing is stuck")

    def paper() -> str:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    dark = paper()
    button = page.get_by_role("button", name=re.compile("Theme"))
    button.click()
    assert button.inner_text() == "Theme: light"
    light = paper()
    assert luminance(numbers(light)) > 0.8
    assert luminance(numbers(dark)) < 0.05
    page.reload()
    assert paper() == light  # kept, and there from the first paint


@pytest.mark.usefixtures("scene")
def test_nothing_that_a_screen_reader_needs_is_missing(api: FakeApi, visit: Open) -> None:
    page = visit()
    for name, path in VIEWS.items():
        page.goto(f"{api.url}/{path}")
        ready(page)
        assert page.evaluate(FAULTS) == [], name
    page.goto(f"{api.url}/#/batch/early")
    page.get_by_role("button", name="Discard upload upload-1").click()
    assert page.evaluate(FAULTS) == []


@pytest.mark.usefixtures("scene")
def test_a_screen_reader_meets_tables_with_headings_and_rows(visit: Open) -> None:
    page = visit()
    ready(page)
    snapshot = page.locator("main").aria_snapshot()
    assert 'heading "1 batch is stuck" [level=1]' in snapshot
    assert 'table "Batches"' in snapshot
    assert 'columnheader "Batch, and what it waits for"' in snapshot
    assert re.search(rf'row "{LONG} waits for 2 of 9 slots: essay-5, essay-6 stuck 5 of 9, 2 failed', snapshot)
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("link", name="Pending", exact=True).click()
    page.get_by_role("row", name="early").wait_for()  # still a row, though it looks like a card
    so_many(page.get_by_role("cell", name="3 uploads"), 1)


def test_everything_is_reached_by_keyboard(api: FakeApi, visit: Open) -> None:
    api.put(*(scenarios.batch(f"batch-{n}", waited=900 - n, filled=1) for n in range(40)))
    page = visit()
    page.locator(".rows .row").first.wait_for()
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("ArrowDown")
    assert focused(page) == "batch-0"
    assert page.evaluate("getComputedStyle(document.activeElement, '::after').outlineStyle") == "solid"
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    assert focused(page) == "batch-30"
    page.keyboard.press("Tab")
    assert focused(page) == "batch-31"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator(".sentence", has_text="Waits for").wait_for()
    assert focused(page) == "batch-30"  # the heading: a screen reader begins there
    page.get_by_role("button", name="Complete as it is").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    assert focused(page) == "Complete as it is …"
    page.keyboard.press("Escape")
    page.locator(".rows .row").first.wait_for()
    assert focused(page) == "batch-30"
    assert "batch-30" in ids(page)


def test_nothing_moves_for_those_who_asked_for_less_motion(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=1))
    page = visit()
    ready(page)
    moving = "getComputedStyle(document.querySelector('.bar-filled')).transitionDuration"
    assert page.evaluate(moving) != "0s"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == "0s"


def focused(page: "Page") -> str:
    """Return the text of what has the focus."""
    text: str = page.evaluate("document.activeElement.textContent")
    return text


def numbers(colour: str) -> list[float]:
    """Return the parts of a colour as CSS writes it."""
    return [float(part) for part in re.findall(r"[\d.]+", colour)]


def luminance(colour: list[float]) -> float:
    """Return the relative luminance of WCAG: 0 is black, 1 is white."""
    parts = [part / 255 for part in colour[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: list[float], other: list[float]) -> float:
    """Return the contrast ratio of WCAG, between 1 and 21."""
    dark, light = sorted((luminance(text), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
