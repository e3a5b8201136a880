"""A board that lacks one of its files says so, and comes back by itself: it is not left empty without a word."""

import pytest

from tests.board import scenarios
from tests.board.conftest import Open
from tests.board.fake_api import FakeApi
from tests.board.pages import says

LACKS = "The board is not whole"
AGAIN = 10_000  # milliseconds until the page tries again


@pytest.mark.parametrize("file", ["board.js", "front.js", "dom.js"])
def test_a_page_that_lacks_a_script_says_so_and_comes_back_when_it_is_there(
    api: FakeApi, visit: Open, file: str
) -> None:
    api.put(scenarios.batch("b", filled=2))
    page = visit()
    says(page, "waits for")
    page.clock.install()
    page.route(f"**/board/{file}", lambda route: route.abort("connectionreset"))
    page.goto("about:blank")
    page.goto(f"{api.url}/#/batch/b")
    says(page, LACKS)
    page.unroute_all()
    page.clock.fast_forward(AGAIN)
    page.locator(".sentence", has_text="Waits for").wait_for()
    assert page.get_by_text(LACKS).count() == 0


def test_a_page_that_lacks_its_style_is_asked_for_again(api: FakeApi, visit: Open) -> None:
    page = visit()
    page.clock.install()
    page.route("**/board/base.css", lambda route: route.abort("connectionreset"))
    page.goto("about:blank")
    page.goto(f"{api.url}/")
    says(page, "Nothing is stuck")
    page.unroute_all()
    page.clock.fast_forward(AGAIN)
    page.wait_for_function("getComputedStyle(document.documentElement).getPropertyValue('--ink') !== ''")


def test_a_page_of_which_nothing_but_the_text_came_says_so_after_a_while(api: FakeApi, visit: Open) -> None:
    page = visit()
    says(page, "Nothing is stuck")
    page.goto("about:blank")
    page.route("**/board/*.js", lambda route: route.abort("connectionreset"))
    page.goto(f"{api.url}/")
    note = page.get_by_text(LACKS)
    note.wait_for(state="attached")
    assert not note.is_visible(), "what is only slow is not said to be missing"
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    note.wait_for()


def test_a_page_that_is_only_slow_says_nothing(api: FakeApi, visit: Open) -> None:
    page = visit()
    says(page, "Nothing is stuck")
    page.route("**/board/letters.js", lambda _: None)  # it does not come, and does not fail
    page.goto("about:blank")
    page.goto(f"{api.url}/", wait_until="commit")
    note = page.get_by_text(LACKS)
    note.wait_for(state="attached")
    assert not note.is_visible()
