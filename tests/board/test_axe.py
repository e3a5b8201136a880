"""Axe-core finds nothing on any page of the board, light and dark. Axe is in ``tests/board/axe``, under MPL-2.0."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.board import scenarios
from tests.board.conftest import Open
from tests.board.fake_api import FakeApi
from tests.board.pages import says

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
# WCAG 2.2 to AA, and what axe calls good practice.
RULES = """{runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}"""
FOUND = f"""async () => (await axe.run(document, {RULES})).violations.map(
  ({{id, nodes}}) => [id, ...nodes.slice(0, 3).map((node) => node.html.slice(0, 200))])"""

#: What runs once, such as a colour that changes by and by with the scheme, is over.
AT_REST = "document.getAnimations().forEach((one) => one.effect.getTiming().iterations < 9 && one.finish())"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

PAGES = {
    "front": ("#/", "Nothing is stuck|stuck"),
    "none": ("#/?search=none", "No batch id begins"),
    "open": ("#/batch/open", "Waits for"),
    "complete": ("#/batch/complete", "Outputs"),
    "unregistered": ("#/batch/early", "Pending uploads"),
    "unknown": ("#/batch/nobody", "There is no such batch"),
    "partitions": ("#/partitions", "all ready"),
    "pending": ("#/pending", "early"),
    "dead letters": ("#/dead-letters", "malformed"),
    "dead letter": ("#/dead-letters/1/1", "malformed"),
}


@pytest.fixture(autouse=True)
def _full(api: FakeApi) -> None:
    """An API with something of everything."""
    api.put(
        scenarios.batch("open", filled=1, failed=1, waited=900, stuck=True),
        scenarios.batch("complete", filled=3),
        scenarios.unregistered("early"),
    )
    api.letters = [scenarios.dead_letter(1, batch_id="open")]


def violations(page: "Page") -> list[list[str]]:
    """What axe finds, light and dark: the scheme, its rule, and where."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)
    found: list[list[str]] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.evaluate(AT_REST)
        found += [[scheme, *violation] for violation in page.evaluate(FOUND)]
    page.emulate_media(color_scheme=SCHEMES[0])
    return found


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit: Open, name: str) -> None:
    path, words = PAGES[name]
    page = visit(path)
    page.locator("main").get_by_text(words.split("|")[0]).or_(
        page.locator("main").get_by_text(words.split("|")[-1])
    ).first.wait_for()
    page.locator("main:not([aria-busy=true])").wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
    assert violations(page) == []


def test_axe_finds_nothing_in_what_is_asked_before_an_act(visit: Open) -> None:
    page = visit("#/batch/open")
    page.get_by_role("button", name="Complete as it is").click()
    page.get_by_label("Who").wait_for()
    assert violations(page) == []
    page.get_by_label("Who").fill("Anna")
    page.get_by_label("Why").fill("The pupil is ill")
    page.get_by_role("button", name="Continue").click()
    says(page, "Written to the log for ever")
    page.get_by_text("The same as a command").click()
    assert violations(page) == []


def test_axe_finds_nothing_in_the_last_hour(visit: Open) -> None:
    page = visit()
    says(page, "stuck")
    told = json.dumps(scenarios.recent([(1, 2, 3, 4)] * 40, ["http://10.0.0.7:6066"]))
    page.route("**/api/recent", lambda route: route.fulfill(body=told, content_type="application/json"))
    page.get_by_text("The last hour").click()
    page.get_by_role("img").first.wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("path", ["#/partitions", "#/batch/open"])
def test_axe_finds_nothing_where_the_log_begins_late(api: FakeApi, visit: Open, path: str) -> None:
    now = scenarios.late(scenarios.overview([], []))
    api.overview = lambda: now  # type: ignore[method-assign]
    api.stories["open"] = scenarios.late_story(scenarios.batch("open", filled=1, failed=1))
    page = visit(path)
    page.locator("main").get_by_text("went with the log's retention").or_(
        page.locator("main").get_by_text("before the log begins")
    ).first.wait_for()
    assert violations(page) == []


def test_axe_finds_nothing_in_the_keys(visit: Open) -> None:
    page = visit()
    says(page, "stuck")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    assert violations(page) == []


def test_axe_finds_nothing_where_a_token_is_asked_for(api: FakeApi, visit: Open) -> None:
    api.token = "the-full-token-of-the-test"  # noqa: S105 - of the fake
    page = visit()
    page.get_by_label("Token", exact=True).wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_sees_what_is_wrong(visit: Open, *, dark: bool) -> None:
    """Else that it finds nothing would say nothing."""
    page = visit()
    says(page, "stuck")
    page.evaluate(
        "(bad) => {document.querySelector('main h1').style.color = bad;"
        "document.querySelector('#search').labels[0].remove()}",
        "light-dark(#fff, #333)" if dark else "#ddd",
    )
    found = {(scheme, rule) for scheme, rule, *_ in violations(page)}
    assert ("dark" if dark else "light", "color-contrast") in found
