"""What tests look for on a page."""

from typing import TYPE_CHECKING

from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def ids(page: "Page") -> list[str]:
    """Return the batch ids of the rows, in their order on the page."""
    found: list[str] = page.locator(".rows .row-id").all_inner_texts()
    return found


def says(page: "Page", words: str) -> None:
    """Wait until the page says something."""
    page.get_by_text(words).first.wait_for()


def live(page: "Page") -> None:
    """Wait until events arrive."""
    page.locator("#live[data-state=live]").wait_for()


def rows(page: "Page", count: int) -> None:
    """Wait until the table has so many rows: those of the answer before may still stand there."""
    so_many(page.locator("tbody tr"), count)


def so_many(found: "Locator", count: int) -> None:
    """Wait until so many are found: what a page shows comes with an answer."""
    from playwright.sync_api import expect  # noqa: PLC0415 - without it the tests that need it are skipped

    expect(found).to_have_count(count, timeout=PATIENCE * 1000)  # milliseconds


def top(page: "Page", batch_id: str) -> None:
    """Wait until a batch is the first of the list."""
    page.locator(".rows .row:first-child .row-id").get_by_text(batch_id, exact=True).wait_for()


def announced(page: "Page") -> str:
    """Return what a screen reader was told last."""
    told: str = page.locator("#announce").inner_text()
    return told
