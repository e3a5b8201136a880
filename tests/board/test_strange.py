"""Ids and names that are strange, or too long: each can be opened and acted on, is seen for what it is, and fits."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.board import scenarios
from tests.board.conftest import Open
from tests.board.fake_api import FakeApi
from tests.board.pages import live, says
from tests.board.test_batch import fill_in
from tests.engine.harness import until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

STRANGE = [
    ".",
    "..",
    "%2E",
    "./..",
    "../../health/live",
    "/",
    "\\..\\",
    "a/b",
    "%",
    "a?b#c",
    "a&b=c",
    "+",
    " ",
    "  two  spaces ",
    "'\"<b>&amp;",
    "😀" * 30,
    "__proto__",
    "\n",
    "a\r\nb",
]

#: What JavaScript's encodeURIComponent leaves as it is, beside letters and digits.
UNCODED = "-_.!~*'()"

#: What is not seen, or turns what is around it, with what is shown in its place.
UNSEEN = {
    "\x1b[31mred": "␛[31mred",
    "a\x07b": "a␇b",
    "a\x7fb": "a␡b",
    "a\x85b": "a⟨U+85⟩b",
    "a\u202efdp.exe": "a⟨U+202E⟩fdp.exe",
    "a\u2066b": "a⟨U+2066⟩b",
    "a\u200fb": "a⟨U+200F⟩b",
    "a\u200bb": "a⟨U+200B⟩b",
    "a\u2028b": "a⟨U+2028⟩b",
    "\ufeffa": "⟨U+FEFF⟩a",
    "a\nb": "a␊b",
    "a\tb": "a␉b",
    "a\U000e0041b": "a⟨U+E0041⟩b",
}


def opened(api: FakeApi, visit: Open, names: Iterable[str]) -> Iterator[tuple[str, str, "Page"]]:
    """Open batches of these names from the list, each with how the list wrote it.

    In one page, one after the other: each view is made anew, and a load costs more than all else here.
    """
    api.put(*(scenarios.batch(name, slots=2, filled=1) for name in names))
    page = visit()
    live(page)
    for name in names:
        page.goto(f"{api.url}/#/")
        row = page.locator(f'.rows .row-id[href="#/batch/{quote(name, safe=UNCODED)}"]')
        written = _text_of(row, page, api)
        row.click()
        page.locator(".plain:visible").first.wait_for()
        yield name, written, page


def _text_of(row: "Locator", page: "Page", api: FakeApi) -> str:
    """What a row says. Where it does not come, what the page says instead, and what it has asked for last."""
    from playwright.sync_api import TimeoutError as NotThere  # noqa: PLC0415 - without it these tests are skipped

    try:
        return row.text_content() or ""
    except NotThere as error:
        message = f"{row}: {page.url} says {page.locator('body').inner_text()!r} and asked {api.asked[-10:]}"
        raise AssertionError(message) from error


def test_a_batch_of_any_name_is_opened_from_the_list_and_acted_on(api: FakeApi, visit: Open) -> None:
    for number, (name, _, page) in enumerate(opened(api, visit, STRANGE)):
        page.locator(".ways li").first.wait_for()
        page.locator(".story > li").first.wait_for()
        fill_in(page, "Discard the batch", why="a test")
        page.get_by_role("dialog").get_by_role("button", name="Discard the batch").click()
        says(page, "Done: discard")
        until(partial(lambda before: len(api.acts) > before, number), f"the act on {name!r}")
        assert api.acts[-1]["batch_id"] == name
    assert [act["batch_id"] for act in api.acts] == STRANGE


def test_what_is_not_seen_is_shown_by_its_name(api: FakeApi, visit: Open) -> None:
    for name, written, page in opened(api, visit, UNSEEN):
        assert written == UNSEEN[name]
        assert UNSEEN[name] in (page.locator("h1").first.text_content() or "")
        assert any(quote(name, safe="") in url for url in api.asked)


LONG = "0123456789abcdef" * 60
WIDTHS = (360, 700, 900, 1280)


@pytest.fixture
def scene(api: FakeApi) -> None:
    """Everything that has a name has a long one without a place to break it."""
    put_long_names(api)


def put_long_names(api: FakeApi) -> None:
    long = scenarios.batch("long", slots=4, filled=2, failed=1)
    for slot in long["slot_list"]:
        slot |= {
            name: LONG for name, value in slot.items() if isinstance(value, str) and name not in {"state", "moment"}
        }
    long["excess"] = [{"file_upload_id": LONG, "text_storage_id": LONG, "file_name": f"{LONG}.docx"}]
    long |= {"reason": LONG, "user_id": LONG, "class_id": LONG, "org_id": LONG, "owner": f"http://{LONG[:200]}:1"}
    early = scenarios.unregistered("early", pending=2)
    for held in early["pending_list"]:
        held |= {"file_name": f"{LONG}.docx", "file_upload_id": LONG + str(held["offset"]), "text_storage_id": LONG}
    api.put(long, early, scenarios.batch(LONG, slots=1))
    api.letters = [scenarios.dead_letter(1, batch_id=LONG, detail=LONG, key=LONG, text=LONG)]


def overflow(page: "Page") -> int:
    """By how much the page is wider than its window."""
    page.locator("main[aria-busy=false]").wait_for()
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("width", WIDTHS)
def test_no_name_widens_the_page(api: FakeApi, visit: Open, width: int) -> None:
    page = visit(width=width)
    for path in (
        "#/",
        "#/batch/long",
        "#/batch/early",
        f"#/batch/{LONG}",
        "#/pending",
        "#/dead-letters",
        "#/dead-letters/0/1",
    ):
        page.goto(f"{api.url}/{path}")
        page.locator(":is(.rows .row, .plain, pre.content, .about):visible").first.wait_for()
        assert overflow(page) <= 0, path
    page.goto(f"{api.url}/#/batch/early")
    page.get_by_role("button", name="Discard a pending upload").click()
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.evaluate("(d => d.scrollWidth - d.clientWidth)(document.querySelector('dialog[open]'))") <= 0
    assert overflow(page) <= 0
