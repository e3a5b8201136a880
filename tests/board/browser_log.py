"""What a browser says while a test looks at the board; what of it is wrong whatever the test is about."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import ConsoleMessage, Dialog, Error, Page, Request


class BrowserLog:
    """Writes ``browser.log`` below a directory; the end of that is in the report of a test that fails.

    An answer that is an error is among what the browser says itself. ``wrong``: scripts that failed, what the security
    policy refused, and the browser's own dialogs.
    """

    def __init__(self, home: Path) -> None:
        self.wrong: list[str] = []
        self._file = (home / "browser.log").open("w", encoding="utf-8", buffering=1)  # by line
        self._heard: list[Page] = []
        self._events: dict[str, Callable[..., None]] = {
            "pageerror": self._failed,
            "console": self._said,
            "dialog": self._dialog,
            "requestfailed": self._unanswered,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for page in self._heard:
            for event, listener in self._events.items():
                page.remove_listener(event, listener)
        self._file.close()

    def hear(self, page: "Page") -> None:
        """Listen to a page, to the end of the log."""
        self._heard.append(page)
        on: Callable[[str, Callable[..., None]], None] = page.on  # type: ignore[assignment]  # by name, one each
        for event, listener in self._events.items():
            on(event, listener)

    def _failed(self, error: "Error") -> None:
        self._is_wrong(f"a script failed: {error}")

    def _said(self, message: "ConsoleMessage") -> None:
        if "Security Policy" in message.text:
            self._is_wrong(message.text)
        else:
            self._file.write(f"{message.type}: {message.text}\n")

    def _dialog(self, dialog: "Dialog") -> None:
        self._is_wrong(f"a dialog of the browser: {dialog.message}")
        dialog.dismiss()

    def _unanswered(self, request: "Request") -> None:
        self._file.write(f"{request.method} {request.url} failed: {request.failure}\n")

    def _is_wrong(self, what: str) -> None:
        self.wrong.append(what)
        self._file.write(f"{what}\n")
