"""The front page: what is stuck, why, and what changes while one looks."""

import re

from tests.board import scenarios
from tests.board.conftest import Open
from tests.board.fake_api import FakeApi
from tests.board.pages import announced, ids, live, says, top


def test_the_stuck_batches_are_on_top_with_the_reason_and_then_the_longest_wait(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("young", waited=10), scenarios.batch("old", waited=3000))
    api.put(scenarios.batch("stuck-a", filled=2, waited=900, stuck=True), scenarios.unregistered("early", waited=500))
    api.put(scenarios.batch("stuck-b", filled=1, waited=9000, stuck=True), scenarios.batch("done", filled=3))
    page = visit()
    says(page, "2 batches are stuck")
    page.locator(".rows .row").first.wait_for()
    assert ids(page) == ["stuck-b", "stuck-a", "old", "early", "young"]
    first = page.locator(".rows .row").first
    assert "waits for 2 of 3 slots: essay-1, essay-2" in first.inner_text()
    assert "1 of 3" in first.inner_text()
    assert first.locator(".badge").inner_text() == "stuck"
    assert (
        page.locator(".sub").inner_text()
        == "The longest: stuck-b, for 2 h 30 min. It waits for 2 of 3 slots: essay-1, essay-2."
    )


def test_the_overview_counts_what_there_is(api: FakeApi, visit: Open) -> None:
    api.put(*(scenarios.batch(f"open-{n}") for n in range(4)), scenarios.unregistered("u", pending=3))
    api.put(scenarios.batch("done", filled=3))
    page = visit()
    says(page, "Nothing is stuck")
    tiles = page.locator(".tile").all_inner_texts()
    assert [re.sub(r"\s+", " ", tile) for tile in tiles] == [
        "Incomplete 5",
        "Stuck 0",
        "Open 4",
        "Unregistered 1",
        "Complete 1",
        "Discarded 0",
        "Retired 0",
        "Pending uploads 3 oldest 4 min",
    ]


def test_partitions_that_nobody_answers_for_are_named_in_a_warning(api: FakeApi, visit: Open) -> None:
    api.missing = [1]
    page = visit()
    says(page, "Partition 1 does not answer: counts and lists lack their batches.")
    page.get_by_text("partition 1 not ready").click()
    page.get_by_role("row", name="1 nobody known nobody answers for it").wait_for()


def test_a_batch_fills_and_completes_before_ones_eyes(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", waited=50), scenarios.batch("other", waited=20))
    page = visit()
    row = page.locator(".row", has_text="waits for 3 of 3")
    row.first.wait_for()
    live(page)
    api.tell(scenarios.batch("b", filled=2, waited=50), scenarios.batch("new", waited=1))
    page.locator(".row", has_text="2 of 3").first.wait_for()
    page.locator(".row", has_text="new").wait_for()
    assert ids(page) == ["b", "other", "new"]
    api.tell(scenarios.batch("b", filled=3, waited=50))
    page.locator(".row .badge", has_text="complete").wait_for()
    page.locator(".row", has_text="complete").wait_for(state="detached")  # and leaves the list of what waits
    assert ids(page) == ["other", "new"]


def test_a_batch_that_becomes_stuck_rises_to_the_top_and_is_announced(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("a", waited=300), scenarios.batch("b", waited=200))
    page = visit()
    says(page, "Nothing is stuck")
    live(page)
    assert announced(page) == ""
    api.tell(scenarios.batch("b", waited=200, stuck=True))
    top(page, "b")
    assert announced(page) == "1 batch is stuck"


def test_a_count_of_stuck_ones_that_changes_without_an_event_brings_them_up(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("a", waited=300), scenarios.batch("b", waited=200))
    page = visit()
    says(page, "Nothing is stuck")
    live(page)
    api.put(scenarios.batch("b", waited=200, stuck=True))  # by the passing of time alone
    api.tell()
    top(page, "b")


def test_changes_that_are_not_told_one_by_one_are_fetched(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("a", waited=300), scenarios.batch("b", waited=200), scenarios.batch("c", waited=100))
    page = visit()
    page.locator(".rows .row").nth(2).wait_for()
    live(page)
    api.put(scenarios.batch("a", filled=3, waited=300), scenarios.batch("c", filled=2, waited=100))
    api.tell(more=True)
    page.locator(".row", has_text="2 of 3").first.wait_for()
    page.locator(".row").get_by_text("a", exact=True).wait_for(state="detached")
    assert ids(page) == ["b", "c"]


def test_rows_do_not_move_under_the_pointer(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("a", waited=300), scenarios.batch("b", waited=200))
    page = visit()
    page.locator(".rows .row").nth(1).hover()
    live(page)
    page.mouse.move(300, 500)
    page.locator(".rows .row").nth(1).hover()
    api.tell(scenarios.batch("b", waited=200, stuck=True))
    page.locator(".badge", has_text="stuck").wait_for()
    assert ids(page) == ["a", "b"]  # it says so in its place
    top(page, "b")  # and moves once all is still


def test_search_finds_a_batch_in_any_state_by_the_beginning_of_its_id(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("abc-1"), scenarios.batch("abc-2", filled=3), scenarios.batch("xyz"))
    page = visit()
    page.keyboard.press("/")
    page.keyboard.type("abc")
    page.locator(".row", has_text="abc-2").wait_for()
    assert sorted(ids(page)) == ["abc-1", "abc-2"]
    assert page.url.endswith("#/?search=abc")
    page.keyboard.type("-9")
    says(page, "No batch id begins with abc-9.")
    page.get_by_role("link", name="What is known of exactly this id?").click()
    says(page, "Nothing of it has been read")


def test_a_filter_is_a_link_that_can_be_shared(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("open"), scenarios.batch("done", filled=3), scenarios.unregistered("early"))
    page = visit("#/?state=complete")
    page.locator(".row", has_text="done").wait_for()
    assert ids(page) == ["done"]
    assert page.locator(".tile[aria-current]").inner_text().startswith("Complete")
    page.get_by_role("link", name="Unregistered").click()
    page.locator(".row", has_text="early").wait_for()
    assert ids(page) == ["early"]
    assert page.url.endswith("#/?state=unregistered")


def test_going_back_shows_the_list_where_it_was_left(api: FakeApi, visit: Open) -> None:
    api.put(*(scenarios.batch(f"batch-{n:03d}", waited=1000 - n) for n in range(250)))
    page = visit()
    page.locator(".rows .row").first.wait_for()
    page.mouse.move(600, 600)
    page.mouse.wheel(0, 6000)
    page.locator(".row", has_text="batch-101").wait_for()  # the second page has come
    page.mouse.wheel(0, 3000)
    page.locator(".row", has_text="batch-140").click()
    page.get_by_role("heading", name="batch-140").wait_for()
    page.keyboard.press("Escape")
    page.locator(".row", has_text="batch-140").wait_for()
    assert page.evaluate("scrollY") > 8000


def test_pending_uploads_are_listed_by_age(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.unregistered("young", waited=30), scenarios.unregistered("old", pending=7, waited=7200))
    page = visit("#/pending")
    page.get_by_role("link", name="old").wait_for()
    rows = page.locator("tbody tr").all_inner_texts()
    assert "old" in rows[0]
    assert "7 uploads" in rows[0]
    assert "2 h" in rows[0]
    assert "young" in rows[1]
