"""A real browser, headless, for the tests of the board; where there is none they are skipped, and say why."""

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.board.browser_log import BrowserLog
from tests.board.fake_api import FakeApi
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The first one has no windows at all, and needs half the CPU of the others.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--in-process-gpu", "--disable-background-networking", "--no-first-run"]

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


@pytest.fixture(scope="package")
def listening() -> Iterator[socket.socket]:
    """The address of every API of the package, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture
def api(listening: socket.socket) -> Iterator[FakeApi]:
    """An API with no batches."""
    with FakeApi(listening) as made:
        yield made


@pytest.fixture(scope="package")
def kept(browser: "Browser") -> "Page":
    """A page that test after test opens the board in: a window of its own costs each of them a second of CPU.

    Nothing of the board's is carried over: ``visit`` has it forget what it stored, since a port may come again.
    """
    context = browser.new_context()
    context.set_default_timeout(PATIENCE * 1000)  # milliseconds
    return context.new_page()


@pytest.fixture
def visit(browser: "Browser", kept: "Page", api: FakeApi, tmp_path: Path) -> Iterator[Open]:
    """Open the board at a hash. No script may fail, and the security policy may not be hit.

    The first time in the page that is kept, after that in a window of its own: what another person sees.
    """
    opened: list[Page] = []
    with BrowserLog(tmp_path) as log:

        def visit(
            path: str = "#/", *, width: int = 1280, height: int = 860, color_scheme: Literal["light", "dark"] = "light"
        ) -> "Page":
            page = browser.new_context().new_page() if opened else kept
            opened.append(page)
            log.hear(page)
            page.set_default_timeout(PATIENCE * 1000)  # milliseconds
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=color_scheme)
            page.goto(f"{api.url}/{path}")
            return page

        yield visit
    for page in opened[1:]:
        page.context.close()
    if opened:
        kept.unroute_all(behavior="ignoreErrors")
        if kept.url.startswith(api.url):
            kept.evaluate("for (const stored of [localStorage, sessionStorage]) stored.clear()")
        kept.goto("about:blank")
    assert log.wrong == []
