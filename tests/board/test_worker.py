"""The board of a real worker on a real Kafka, from a batch that is one short to the end of its story."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.board.pages import live, says, top
from tests.oracle import topics
from tests.support.events import content, essay_ids, message, registration
from tests.support.stage import Stage
from tests.support.worker import Worker

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.kafka

SHORT = "7A/ <spring> é"  # an id from outside may hold anything
TOKEN = "a-token-for-the-board"  # noqa: S105 - of a worker that lives as long as the test
SETTINGS = {"ROLLCALL_STUCK_AFTER_SECONDS": "1", "ROLLCALL_HTTP_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def stage(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A Kafka; none is started where there is no browser."""
    assert browser.is_connected()
    with Stage(tmp_path_factory.mktemp("board"), settings=SETTINGS) as made:
        yield made


@pytest.fixture(scope="module")
def worker(stage: Stage) -> Worker:
    """A worker that has a batch one short, a complete one, and one that fills."""
    own = stage.worker()
    own.start()
    send(stage, SHORT, 3, 2)
    send(stage, "whole", 2, 2)
    stage.wait_taken()
    return own


def send(stage: Stage, batch: str, slots: int, contents: int) -> None:
    """Register a batch and send some of its contents."""
    uploads = [content(batch, f"{batch}-upload-{n}", f"{batch}-text-{n}", second=n) for n in range(contents)]
    stage.io.produce([message(event) for event in [registration(batch, essay_ids(batch, slots)), *uploads]])


def test_a_batch_left_one_short_is_seen_explained_and_completed(
    browser: "Browser", stage: Stage, worker: Worker, tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Security Policy" in said.text else None)
    try:
        page.goto(f"http://127.0.0.1:{worker.port}/")
        page.get_by_label("Token", exact=True).fill(TOKEN)
        page.get_by_role("button", name="Continue").click()
        says(page, "1 batch is stuck")
        top(page, SHORT)
        missing = essay_ids(SHORT, 3)[2]
        row = page.locator(".rows .row").first
        assert f"waits for 1 of 3 slots: {missing}" in row.inner_text()
        assert "2 of 3" in row.inner_text()
        live(page)

        send(stage, "later", 2, 1)  # fills before ones eyes
        page.locator(".rows .row", has_text="later").get_by_text("1 of 2", exact=True).wait_for()

        row.locator(".row-id").click()
        page.locator(".sentence", has_text=f"Waits for 1 of 3 slots: {missing}").wait_for()
        says(page, "1 more upload: contents or failures, of any file")
        page.get_by_role("region", name="Timeline").locator("li.record").nth(2).wait_for()
        page.screenshot(path=tmp_path / "stuck.png", full_page=True)

        page.get_by_role("button", name="Complete as it is").click()
        page.get_by_label("Who").fill("Anna")
        page.get_by_label("Why").fill("The pupil is ill")
        page.get_by_role("button", name="Continue").click()
        says(page, "BatchEssaysReady goes out with 2 of 3 essays.")
        page.get_by_role("dialog").get_by_role("button", name="Complete as it is").click()
        page.locator(".state .badge", has_text="complete").wait_for()
        says(page, "Done: complete as it is")

        story = page.get_by_role("region", name="Timeline").locator("li.record")
        story.get_by_text("The pupil is ill").first.wait_for()
        last = story.last.inner_text()
        assert "Anna" in last
        assert "batch.essays.ready" in last
        page.get_by_role("region", name="Outputs").get_by_text("batch.essays.ready").wait_for()
        page.screenshot(path=tmp_path / "complete.png", full_page=True)

        page.keyboard.press("Escape")
        page.locator(".tile[data-key=complete]").click()
        page.locator(".rows .row", has_text="completed by an operator").wait_for()
        assert wrong == []
    finally:
        context.close()
    ready = stage.reader()
    ready.require(
        lambda records: any(record.topic == topics.READY and record.key == SHORT.encode() for record in records),
        "Ready of the batch",
    )
