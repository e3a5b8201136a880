"""The operators' API as the board sees it, over a dictionary in this process: a test controls every answer."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.board.fake_answers import page, stream_event, summary, waiting
from tests.board.scenarios import Json, ago, explanation, overview, story
from tests.support.patience import PATIENCE

T = TypeVar("T")
BOARD = Path(__file__).resolve().parents[2] / "app" / "board"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
# Nothing but the board's own files, no inline script or style, no markup made from strings, no framing.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
ACCESS = web.RequestKey("access", str)
INCOMPLETE = ("open", "unregistered")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeApi:
    """A server in a thread of its own. What it answers is in plain attributes; a context manager.

    ``listening``: where it takes connections, which stays open when it ends. Of one after the other on the same address
    a browser keeps the board's files, and a page costs half as much.
    """

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.batches: dict[str, Json] = {}
        self.letters: list[Json] = []
        self.missing: list[int] = []
        self.token: str | None = None
        self.read_token: str | None = None
        self.down = False  # every call of the API is cut off without an answer
        self.act_error: tuple[int, Json] | None = None
        self.asked: list[str] = []  # method, path and query of every call of the API
        self.authorizations: list[str | None] = []
        self.acts: list[Json] = []
        self.stories: dict[str, Json] = {}  # timelines that are told as they are here
        self._streams: set[web.StreamResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-api", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = self._call(self._start())
        return self

    def __exit__(self, *_exc: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def put(self, *batches: Json) -> None:
        """Set batches without telling anybody."""
        self.batches |= {batch["batch_id"]: batch for batch in batches}

    def tell(self, *batches: Json, more: bool = False) -> None:
        """Set batches and send them to every board, with the overview; `more`: others changed that are not named."""
        self.put(*batches)
        self._call(
            self._send("batches", {"changed": [summary(batch) for batch in batches], "removed": [], "more": more})
        )
        self._call(self._send("overview", self.overview()))

    def cut(self) -> None:
        """End every stream of events."""
        self._call(self._cut())

    def listeners(self) -> int:
        """Return how many boards listen."""
        return len(self._streams)

    def overview(self) -> Json:
        """Count what there is."""
        return overview(list(self.batches.values()), self.missing)

    # --- the server ---------------------------------------------------------------------------------------------------

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, PATIENCE), self._loop).result()

    async def _start(self) -> str:
        app = web.Application(middlewares=[self._gate])
        app.router.add_get("/", self._file)
        app.router.add_get("/board/{name}", self._file)
        app.router.add_get("/api/overview", self._overview)
        app.router.add_get("/api/batches", self._list)
        app.router.add_get("/api/batches/{id}", self._batch)
        app.router.add_get("/api/batches/{id}/explain", self._explain)
        app.router.add_get("/api/batches/{id}/timeline", self._timeline)
        app.router.add_post("/api/batches/{id}/acts", self._act)
        for rest, handler in (("", self._batch), ("/explain", self._explain), ("/timeline", self._timeline)):
            app.router.add_get(f"/api/batch{rest}", handler)
        app.router.add_post("/api/batch/acts", self._act)
        app.router.add_get("/api/pending", self._pending)
        app.router.add_get("/api/dead-letters", self._letters)
        app.router.add_get("/api/dead-letters/{partition}/{offset}", self._letter)
        app.router.add_post("/api/dead-letters/{partition}/{offset}/replay", self._replay)
        app.router.add_get("/api/events", self._events)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listening.dup()).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _end(self) -> None:
        await self._cut()
        await self._runner.cleanup()

    async def _cut(self) -> None:
        for stream in list(self._streams):
            if stream._req is not None and stream._req.transport is not None:
                stream._req.transport.abort()
        self._streams.clear()

    async def _send(self, event: str, data: Json) -> None:
        for stream in list(self._streams):
            await stream.write(stream_event(event, data))

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/api/"):
            return await handler(request)
        self.asked.append(f"{request.method} {request.rel_url.raw_path_qs}")
        if self.down:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        sent = request.headers.get("Authorization")
        self.authorizations.append(sent)
        full = self.token is None or sent == f"Bearer {self.token}"
        if not full and sent != f"Bearer {self.read_token}":
            return web.json_response({"error": "unauthorized", "message": "a token is needed"}, status=401)
        if request.method == "POST" and not full:
            return web.json_response({"error": "read_only", "message": "this token may only read"}, status=403)
        request[ACCESS] = "full" if full else "read"
        answer = await handler(request)
        if not answer.prepared:
            answer.headers["Rollcall-Access"] = request[ACCESS]
        return answer

    async def _file(self, request: web.Request) -> web.Response:
        file = BOARD / request.match_info.get("name", "index.html")
        if not file.is_file():
            raise web.HTTPNotFound
        kept = "no-cache" if file.suffix == ".html" else "max-age=3600"
        headers = {"Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff", "Cache-Control": kept}
        return web.Response(body=file.read_bytes(), content_type=TYPES[file.suffix], charset="utf-8", headers=headers)

    async def _overview(self, _: web.Request) -> web.Response:
        return web.json_response(self.overview())

    async def _list(self, request: web.Request) -> web.Response:
        asked = request.query
        states = (asked["state"],) if "state" in asked else None if "search" in asked else INCOMPLETE
        found = [
            batch
            for batch in self.batches.values()
            if (states is None or batch["state"] in states)
            and batch["batch_id"].startswith(asked.get("search", ""))
            and (batch["stuck"] or asked.get("stuck") != "true")
        ]
        found.sort(key=lambda batch: (not batch["stuck"], batch["since"], batch["batch_id"]))
        return web.json_response(page(found, asked, summary) | {"missing": self.missing})

    def _known(self, request: web.Request) -> Json:
        batch = self.batches.get(_id(request))
        if batch is None:
            said = {"error": "unknown_batch", "message": "no batch of that id"}
            raise web.HTTPNotFound(text=json.dumps(said), content_type="application/json")
        return batch

    async def _batch(self, request: web.Request) -> web.Response:
        return web.json_response(self._known(request))

    async def _explain(self, request: web.Request) -> web.Response:
        batch_id = _id(request)
        letters = [letter for letter in self.letters if letter["batch_id"] == batch_id]
        return web.json_response(explanation(self.batches.get(batch_id), batch_id, letters))

    async def _timeline(self, request: web.Request) -> web.Response:
        return web.json_response(self.stories.get(_id(request)) or story(self._known(request)))

    async def _act(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.act_error:
            return web.json_response(self.act_error[1], status=self.act_error[0])
        batch = self._known(request)
        self.acts.append(body | {"batch_id": batch["batch_id"]})
        done = batch | {"acts": [*batch["acts"], body | {"offset": 200, "at": None, "time": ago(0), "refused": None}]}
        if body["act"] == "force_complete":
            done |= {"state": "complete", "stuck": False, "closed": "forced", "reason": "was completed by an operator"}
        self.put(done)
        await self._send("batches", {"changed": [summary(done)], "removed": []})
        await self._send("overview", self.overview())
        answer = {
            "act_id": body["act_id"],
            "partition": batch["partition"],
            "offset": 200,
            "applied": True,
            "refused": None,
        }
        return web.json_response(answer, status=202)

    async def _pending(self, request: web.Request) -> web.Response:
        found = [batch for batch in self.batches.values() if batch["pending_list"]]
        found.sort(key=lambda batch: batch["since"])
        return web.json_response(page(found, request.query, waiting) | {"missing": self.missing})

    async def _letters(self, request: web.Request) -> web.Response:
        asked = request.query
        found = [
            letter
            for letter in self.letters
            if all(letter[key] == asked[key] for key in ("reason", "batch_id") if key in asked)
        ]
        found.sort(key=lambda letter: -letter["offset"])
        return web.json_response(page(found, {**asked, "cursor": asked.get("before", "0")}, lambda batch: batch))

    async def _letter(self, request: web.Request) -> web.Response:
        offset = int(request.match_info["offset"])
        return web.json_response(next(letter for letter in self.letters if letter["offset"] == offset))

    async def _replay(self, request: web.Request) -> web.Response:
        self.acts.append(await request.json() | {"replayed": int(request.match_info["offset"])})
        return web.json_response(
            {"topic": "huleedu.file.essay.content.provisioned.v1", "partition": 1, "offset": 9001}, status=202
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "Rollcall-Access": request[ACCESS]}
        stream = web.StreamResponse(headers=headers)
        await stream.prepare(request)
        await stream.write(b": hello\n\n" + stream_event("overview", self.overview()))
        self._streams.add(stream)
        try:
            await asyncio.Event().wait()  # until the listener goes: then the handler is cancelled
        finally:
            self._streams.discard(stream)
        return stream


def _id(request: web.Request) -> str:
    return request.match_info.get("id") or request.query["id"]
