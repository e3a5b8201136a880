"""Who may see and act, what comes from outside, and what happens when the worker goes away."""

from typing import TYPE_CHECKING

import pytest

from tests.board import scenarios
from tests.board.conftest import Open
from tests.board.fake_api import FakeApi
from tests.board.pages import announced, ids, live, says, so_many

if TYPE_CHECKING:
    from playwright.sync_api import Page

FULL, READ = "the-full-token-of-the-test", "the-read-token-of-the-test"
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(2)</script>',
    "a/b?c=d#e&f=%2F%00 g",
    "javascript:alert(3)",
    "åäö 漢字 \u202eright to left",
]


def give(page: "Page", token: str) -> None:
    """Answer the question for a token."""
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Continue").click()


def test_a_token_is_asked_for_once_and_sent_in_the_header_only(api: FakeApi, visit: Open) -> None:
    api.token = FULL
    api.put(scenarios.batch("b", filled=2))
    page = visit()
    assert page.get_by_label("Token", exact=True).get_attribute("type") == "password"
    give(page, FULL)
    page.locator(".row", has_text="waits for").first.wait_for()
    live(page)
    assert page.get_by_role("dialog").count() == 0
    page.goto(f"{api.url}/#/batch/b")
    page.locator(".sentence", has_text="Waits for").wait_for()
    assert f"Bearer {FULL}" in api.authorizations
    assert FULL not in page.url
    assert FULL not in page.content()
    assert all(FULL not in asked for asked in api.asked)
    assert page.evaluate("JSON.stringify({...localStorage})") == "{}"
    assert page.context.cookies() == []
    page.get_by_role("button", name="Forget token").click()
    page.get_by_label("Token", exact=True).wait_for()
    assert page.evaluate("sessionStorage.getItem('rollcall.token')") is None


def test_a_wrong_token_is_refused_and_asked_for_again(api: FakeApi, visit: Open) -> None:
    api.token = FULL
    page = visit()
    give(page, "not-the-token-of-this-worker")
    says(page, "That token was not accepted.")
    give(page, FULL)
    says(page, "Nothing is stuck")


def test_closing_the_question_for_a_token_leaves_a_way_to_give_it(api: FakeApi, visit: Open) -> None:
    api.token = FULL
    page = visit()
    page.get_by_label("Token", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Give a token").click()
    give(page, FULL)
    says(page, "Nothing is stuck")


def test_with_a_read_token_acts_are_shown_as_not_permitted(api: FakeApi, visit: Open) -> None:
    api.token, api.read_token = FULL, READ
    api.put(scenarios.batch("b", filled=2))
    page = visit("#/batch/b")
    give(page, READ)
    says(page, "The token that this page holds may only read.")
    acts = page.get_by_role("region", name="What you can do").get_by_role("button")
    so_many(acts, 5)
    assert all(acts.nth(n).is_disabled() for n in range(5))


def test_an_act_that_the_worker_forbids_is_explained(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=2))
    api.act_error = (403, {"error": "read_only", "message": "acts need the full token"})
    page = visit("#/batch/b")
    page.get_by_role("button", name="Complete as it is").click()
    page.get_by_label("Who").fill("Anna")
    page.get_by_label("Why").fill("The pupil is ill")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("dialog").get_by_role("button", name="Complete as it is").click()
    said = page.get_by_role("dialog").get_by_role("alert")
    said.wait_for()
    assert "acts need the full token. The token that this page holds may only read." in said.inner_text()
    page.keyboard.press("Escape")
    says(page, "choose “Forget token” and give that one")


def test_ids_from_outside_are_text_and_lead_to_their_batch(api: FakeApi, visit: Open) -> None:
    for number, hostile in enumerate(HOSTILE):
        api.put(scenarios.batch(hostile, filled=1, waited=900 - number, stuck=True, reason=f"waits for {hostile}"))
    page = visit()
    page.locator(".rows .row").nth(len(HOSTILE) - 1).wait_for()
    # What turns the text around it is shown by its name.
    shown = [hostile.replace("\u202e", "⟨U+202E⟩") for hostile in HOSTILE]
    assert [text.split() for text in ids(page)] == [text.split() for text in shown]
    assert page.locator("main img, main script").count() == 0
    for number in range(len(HOSTILE)):
        page.goto(f"{api.url}/#/")
        page.locator(".rows .row-id").nth(number).click()
        page.locator(".sentence", has_text="Waits for").wait_for()
        assert page.locator("h1").inner_text().split() == shown[number].split()
        page.get_by_role("region", name="Timeline").get_by_text("BatchEssaysRegistered").wait_for()


@pytest.mark.parametrize("hostile", HOSTILE[:2])
def test_what_an_operator_or_a_dead_letter_says_is_text_too(api: FakeApi, visit: Open, hostile: str) -> None:
    api.put(scenarios.batch("b", filled=1))
    api.letters = [scenarios.dead_letter(1, reason=hostile, text=hostile, batch_id="b", detail=hostile, key=hostile)]
    page = visit("#/dead-letters")
    page.get_by_role("link", name=hostile).click()
    page.locator("pre.content", has_text=hostile).wait_for()
    page.goto(f"{api.url}/#/batch/b")
    page.get_by_role("region", name="Dead letters").get_by_text(hostile).first.wait_for()
    assert page.locator("main img, main script").count() == 0


def test_a_lost_connection_is_shown_and_comes_back_with_what_was_missed(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", waited=100))
    page = visit()
    live(page)
    page.locator(".row", has_text="0 of 3").first.wait_for()
    api.down = True
    api.cut()
    page.locator("#live[data-state=waiting]").wait_for()
    assert "Not live" in page.locator("#live").inner_text()
    assert announced(page).startswith("Not live")
    assert ids(page) == ["b"]  # what was known stays in sight
    api.put(scenarios.batch("b", filled=2, waited=100), scenarios.batch("first", waited=500))
    api.down = False
    live(page)
    page.locator(".row", has_text="2 of 3").first.wait_for()
    assert ids(page) == ["first", "b"]
    assert announced(page) == "Live again"


def test_a_worker_that_does_not_answer_is_said_until_it_does(api: FakeApi, visit: Open) -> None:
    api.down = True
    page = visit()
    says(page, "The worker does not answer.")
    api.down = False
    says(page, "No batches here.")


def test_an_answer_that_is_lost_can_be_asked_for_again(visit: Open) -> None:
    page = visit()
    live(page)
    page.route("**/api/batches?*", lambda route: route.abort())
    page.get_by_role("link", name="Unregistered").click()
    says(page, "The worker does not answer.")
    page.unroute("**/api/batches?*")
    page.get_by_role("button", name="Try again").click()
    says(page, "No batches here.")
