"""A real browser, headless, for the tests of the board; where there is none they are skipped, and say why."""

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import pytest

from tests.board.fake_api import FakeApi
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

Open = Callable[..., "Page"]


@pytest.fixture(scope="package")
def browser() -> Iterator["Browser"]:
    """One Chromium for all tests of the package."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the board's tests need playwright")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"the board's tests need a Chromium: none of {', '.join(BROWSERS)} is on the path")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """An API with no batches."""
    with FakeApi() as made:
        yield made


@pytest.fixture
def visit(browser: "Browser", api: FakeApi) -> Iterator[Open]:
    """Open the board at a hash, in a context of its own. No script may fail, and the security policy may not be hit."""
    wrong: list[str] = []
    contexts = []

    def refuse(dialog: "Dialog") -> None:
        wrong.append(f"a dialog of the browser: {dialog.message}")
        dialog.dismiss()

    def visit(
        path: str = "#/", *, width: int = 1280, height: int = 860, color_scheme: Literal["light", "dark"] = "light"
    ) -> "Page":
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=color_scheme)
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)  # milliseconds
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Security Policy" in said.text else None)
        page.on("dialog", refuse)
        page.goto(f"{api.url}/{path}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []
