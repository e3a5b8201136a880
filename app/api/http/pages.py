"""The board's files. They hold no state, so they need no token."""

import hashlib
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).resolve().parents[2] / "board"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: Nothing but what this worker serves is loaded or asked, nothing is run that is written into the page, and nobody may
#: put the page into theirs.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


class Pages:
    """The files that there are when the worker starts, and no other path."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {file.name: file for file in folder.glob("*") if file.suffix in _TYPES}

    async def index(self, request: web.Request) -> web.StreamResponse:
        """The page."""
        return self._serve(request, "index.html")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """One of its files."""
        return self._serve(request, request.match_info["name"])

    def _serve(self, request: web.Request, name: str) -> web.StreamResponse:
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound
        body = file.read_bytes()
        tag = hashlib.sha256(body).hexdigest()[:20]
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Cache-Control": "no-cache",
            "ETag": f'"{tag}"',
        }
        if any(candidate.value in {tag, "*"} for candidate in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers={**headers, "Content-Type": _TYPES[file.suffix]})
