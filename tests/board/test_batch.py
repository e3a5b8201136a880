"""A batch's page: the answer to "why is it not ready, and what can I do?", and doing it."""

from typing import TYPE_CHECKING

from tests.board import scenarios
from tests.board.conftest import Open
from tests.board.fake_api import FakeApi
from tests.board.pages import announced, live, rows, says

if TYPE_CHECKING:
    from playwright.sync_api import Page


def fill_in(page: "Page", act: str, *, who: str = "Anna", why: str = "The pupil is ill") -> None:
    """Open the dialog of an act and give who and why."""
    page.get_by_role("button", name=act).click()
    page.get_by_label("Who").fill(who)
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name="Continue").click()


def test_it_says_in_one_sentence_why_the_batch_is_not_ready_and_what_would_finish_it(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=2, waited=4000, stuck=True))
    page = visit("#/batch/b")
    page.locator(".sentence", has_text="Waits for 1 of 3 slots: essay-2.").wait_for()
    assert page.locator(".ways li").all_inner_texts() == [
        "A content or a failure for each of essay-2",
        "An operator who completes it",
    ]
    assert page.locator(".state .badge").inner_text() == "stuck"
    assert "2 of 3, waiting for 1 h 6 min" in page.locator(".figures").inner_text()


def test_slots_pending_uploads_excess_and_conflicts_are_shown(api: FakeApi, visit: Open) -> None:
    excess = [{"file_upload_id": "late-1", "text_storage_id": "text-9", "file_name": "Sen.docx"}]
    conflicts = [{"topic": "huleedu.batch.essays.registered.v1", "partition": 2, "offset": 77}]
    api.put(scenarios.batch("b", slots=4, filled=2, failed=1, excess=excess, conflicts=conflicts))
    api.put(scenarios.unregistered("early", pending=2))
    page = visit("#/batch/b")
    outcomes = page.get_by_role("region", name="Slots").locator(".outcome")
    outcomes.nth(3).wait_for()
    assert [text.split()[0] for text in outcomes.all_inner_texts()] == ["filled", "filled", "empty", "failed"]
    assert "EMPTY_CONTENT" in outcomes.nth(3).inner_text()
    assert "late-1" in page.get_by_role("region", name="Excess").inner_text()
    assert "huleedu.batch.essays.registered.v1/2@77" in page.get_by_role("region", name="Conflicts").inner_text()
    page.goto(f"{api.url}/#/batch/early")
    page.get_by_role("region", name="Pending uploads").get_by_text("Åsa Öberg 1.docx").wait_for()


def test_the_timeline_tells_every_record_with_its_effect_and_what_was_sent(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=2))
    page = visit("#/batch/b")
    entries = page.get_by_role("region", name="Timeline").locator("li.record")
    entries.nth(2).wait_for()
    first, second = entries.nth(0).inner_text(), entries.nth(1).inner_text()
    assert "record 3" in first
    assert "BatchEssaysRegistered with 3 slots" in first
    assert "3 slots are open" in first
    assert "record 10" in second
    assert "takes essay-0" in second
    assert "essay.slot.assigned" in second
    outputs = page.get_by_role("region", name="Outputs")
    assert "assigned-b-0" in outputs.inner_text()


def test_a_timeline_whose_first_records_are_gone_is_marked(api: FakeApi, visit: Open) -> None:
    batch = scenarios.batch("b", filled=2)
    api.put(batch)
    api.stories["b"] = scenarios.late_story(batch)
    page = visit("#/batch/b")
    timeline = page.get_by_role("region", name="Timeline")
    timeline.locator(".note.warn").get_by_text(
        "begins at offset 10 (2026-03-02T09:00:00Z): what was before is gone"
    ).wait_for()
    entries = timeline.locator("li.record")
    first, second = entries.nth(0), entries.nth(1)
    assert "up to record 9" in first.inner_text()
    assert "before the log begins" in first.inner_text()
    assert "the batch is open" in first.inner_text()
    assert [entry.evaluate("(node) => getComputedStyle(node).borderLeftStyle") for entry in (first, second)] == [
        "dashed",
        "solid",
    ]
    assert "record 10" in second.inner_text()


def test_a_batch_left_one_short_is_completed_with_who_and_why_and_everyone_sees_it(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=2, waited=4000, stuck=True))
    page = visit("#/batch/b")
    fill_in(page, "Complete as it is")
    dialog = page.get_by_role("dialog")
    assert "BatchEssaysReady goes out with 2 of 3 essays. Without an outcome: essay-2." in dialog.inner_text()
    assert "Anna" in dialog.inner_text()
    assert "The pupil is ill" in dialog.inner_text()
    assert api.acts == []  # nothing is sent before it is confirmed
    live(page)
    dialog.get_by_role("button", name="Complete as it is").click()
    page.locator(".state .badge", has_text="complete").wait_for()
    says(page, "Done: complete as it is, record 200 of partition 1.")
    story = page.get_by_role("region", name="Timeline").locator("li.record").last
    story.get_by_text("Complete as it is by Anna: The pupil is ill").wait_for()
    page.get_by_role("region", name="Outputs").get_by_text("batch.essays.ready").wait_for()
    [sent] = api.acts
    assert {key: sent[key] for key in ("act", "who", "why", "batch_id")} == {
        "act": "force_complete",
        "who": "Anna",
        "why": "The pupil is ill",
        "batch_id": "b",
    }
    assert len(sent["act_id"]) == 36
    assert page.get_by_role("button", name="Complete as it is").is_disabled()
    assert "complete" in announced(page)


def test_an_act_needs_who_and_why(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=2))
    page = visit("#/batch/b")
    fill_in(page, "Discard the batch", why="   ")
    page.get_by_role("button", name="Continue").wait_for()
    page.get_by_label("Why").fill("A test batch")
    page.get_by_role("button", name="Continue").click()
    says(page, "The batch is closed and no ready event goes out")


def test_a_refused_act_says_why_and_a_second_try_is_the_same_act(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=2))
    api.act_error = (409, {"error": "refused", "message": "the batch has completed meanwhile"})
    page = visit("#/batch/b")
    fill_in(page, "Complete as it is")
    page.get_by_role("dialog").get_by_role("button", name="Complete as it is").click()
    page.get_by_role("alert").get_by_text("the batch has completed meanwhile", exact=True).wait_for()
    api.act_error = None
    page.get_by_role("dialog").get_by_role("button", name="Complete as it is").click()
    says(page, "Done: complete as it is")


def test_each_act_sends_its_own_fields(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.unregistered("early", pending=2), scenarios.batch("done", filled=3), scenarios.batch("open"))
    page = visit("#/batch/early")
    page.get_by_role("button", name="Discard upload upload-1").click()
    page.get_by_label("Who").fill("Anna")
    page.get_by_label("Why").fill("A wrong file")
    page.get_by_role("button", name="Continue").click()
    says(page, "The pending upload upload-1 is given up")
    page.get_by_role("dialog").get_by_role("button", name="Discard a pending upload").click()
    says(page, "Done: discard a pending upload")
    page.goto(f"{api.url}/#/batch/open")
    page.get_by_role("button", name="Extend the deadline").click()
    page.get_by_label("Hours more").fill("1.5")
    page.get_by_label("Why").fill("The school is closed")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("dialog").get_by_role("button", name="Extend the deadline").click()
    says(page, "Done: extend the deadline")
    page.goto(f"{api.url}/#/batch/done")
    page.get_by_role("button", name="Re-open for more").click()
    page.get_by_label("New slots").fill("essay-7\n\n  essay-8 ")
    page.get_by_label("Why").fill("Two more came")
    page.get_by_role("button", name="Continue").click()
    says(page, "with 2 new slots: essay-7 and essay-8")
    page.get_by_role("dialog").get_by_role("button", name="Re-open for more").click()
    says(page, "Done: re-open for more")
    fields = ("act", "file_upload_id", "seconds", "essay_ids", "who")
    assert [{key: act[key] for key in fields if key in act} for act in api.acts] == [
        {"act": "discard_upload", "file_upload_id": "upload-1", "who": "Anna"},
        {"act": "extend", "seconds": 5400, "who": "Anna"},
        {"act": "reopen", "essay_ids": ["essay-7", "essay-8"], "who": "Anna"},
    ]


def test_what_cannot_be_done_now_says_why(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("done", filled=3))
    page = visit("#/batch/done")
    says(page, "Not now: only an open batch can be completed.")
    assert page.get_by_role("button", name="Complete as it is").is_disabled()
    assert page.get_by_role("button", name="Re-open for more").is_enabled()


def test_the_page_follows_the_batch_without_losing_the_focus(api: FakeApi, visit: Open) -> None:
    api.put(scenarios.batch("b", filled=1))
    page = visit("#/batch/b")
    page.get_by_role("button", name="Extend the deadline").focus()
    live(page)
    api.tell(scenarios.batch("b", filled=2))
    page.locator(".sentence", has_text="Waits for 1 of 3 slots").wait_for()
    assert page.evaluate("document.activeElement.dataset.act") == "extend"


def test_a_dead_letter_shows_its_content_as_it_is_and_goes_out_again(api: FakeApi, visit: Open) -> None:
    text = '{"id":12345678901234567890,"a":{"b":[1,"x, {y}: \\"z\\""]},"none":{}}'
    api.letters = [
        scenarios.dead_letter(1, batch_id="b"),
        scenarios.dead_letter(2, reason="upload_conflict", text=text),
    ]
    page = visit("#/dead-letters")
    page.get_by_role("link", name="upload_conflict").click()
    content = page.locator("pre.content")
    content.wait_for()
    assert content.inner_text().split("\n") == [
        "{",
        '  "id": 12345678901234567890,',
        '  "a": {',
        '    "b": [',
        "      1,",
        '      "x, {y}: \\"z\\""',
        "    ]",
        "  },",
        '  "none": {}',
        "}",
    ]
    fill_in(page, "Send it again", why="The schema was put right")
    says(page, "The original bytes and key go to huleedu.file.essay.content.provisioned.v1 again")
    page.get_by_role("dialog").get_by_role("button", name="Send it again").click()
    says(page, "Sent again: huleedu.file.essay.content.provisioned.v1, partition 1, offset 9,001.")
    assert api.acts == [{"who": "Anna", "why": "The schema was put right", "replayed": 2}]


def test_dead_letters_are_asked_for_by_reason_and_by_batch(api: FakeApi, visit: Open) -> None:
    api.letters = [scenarios.dead_letter(n, reason="malformed", batch_id=f"b{n % 2}") for n in range(4)]
    api.letters.append(scenarios.dead_letter(9, reason="upload_conflict", batch_id="b1"))
    page = visit("#/dead-letters?reason=malformed")
    rows(page, 4)
    page.get_by_label("Batch").fill("b1")
    page.get_by_role("button", name="Show").click()
    rows(page, 2)
    assert "batch_id=b1" in page.url
