"""Errors of HTTP that are answered as such: status, code and message."""

from collections.abc import Mapping

from aiohttp import web


class HttpError(Exception):
    """Answered with ``status`` and ``{"error": code, "message": message}``."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def error_answer(error: HttpError) -> web.Response:
    """An error as JSON."""
    headers = dict(error.headers)
    if error.status == 401:  # noqa: PLR2004 - HTTP: who are you?
        headers["WWW-Authenticate"] = 'Bearer realm="rollcall"'
    return web.json_response({"error": error.code, "message": error.message}, status=error.status, headers=headers)
