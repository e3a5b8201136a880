"""What a worker serves, served in-process: the real web server and its connections, and partitions of one's own."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from aiohttp import web

from agents.processor import JoinProcessor
from app.core.events import Content, Registration
from app.core.facts import Fact, Placed, Registered
from app.engine.faust import App
from app.engine.faust.connection import Limits
from app.engine.faust.connections import Connections
from app.engine.faust.http_server import Web
from app.engine.task import Task
from app.main import create_app
from app.settings import Settings
from app.topology import topology
from tables import batches, waiting
from tests.support.patience import PATIENCE

NOON = 1_700_000_000_000


class Served(NamedTuple):
    """An app and where it listens."""

    app: App
    port: int

    @property
    def web(self) -> Web:
        """Its web server."""
        return cast("Web", self.app.web)

    @property
    def connections(self) -> Connections:
        """Its connections."""
        return cast("Connections", self.web._runner.server)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return sum(connection.transport is not None for connection in self.connections.connections)


@lru_cache
def settings_of(**settings: Any) -> Settings:
    """These settings and nothing of the environment's ``.env``, with a broker that nobody is; made once in a process.

    They can't be changed, and to make them takes as long as what most tests do with them.
    """
    return Settings(_env_file=None, **{"broker": "127.0.0.1:1", **settings})  # type: ignore[call-arg]


@asynccontextmanager
async def serving(limits: Limits | None = None, **settings: Any) -> AsyncIterator[Served]:
    """Serve with these settings; nothing of Kafka is started, or reached."""
    app = create_app(settings_of(**settings))
    server = cast("Web", app.web)
    server.bound(limits or Limits())
    await server._runner.setup()
    site = web.TCPSite(server._runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield Served(app, port)
    finally:
        await server._runner.cleanup()
        for task in app.engine.tasks.values():
            task._runner.cancel()  # type: ignore[union-attr]
            task.store.close()


def own(served: Served, home: Path, *facts: tuple[str, Iterable[Fact]], partition: int = 0) -> Task[JoinProcessor]:
    """Make the app the owner of a partition in which these batches are, counted and ready."""
    settings = served.app.settings.model_copy(update={"datadir": home})
    task = Task(partition, settings, topology(settings), cast("Any", None), lambda _: None)
    task.store.open()
    rows: dict[bytes, bytes | None] = {}
    for batch_id, found in facts:
        kept = list(found)
        for start in range(0, len(kept), 1000):
            key, value = batches.row(batch_id, kept[start : start + 1000])
            rows[key] = value
        waits = waiting.key_for(batches.batch_of(batch_id, [batches.row(batch_id, kept)[1]]))
        if waits is not None:
            rows[waits] = b""
    task.store.write(rows, len(rows))
    task._runner = asyncio.create_task(asyncio.sleep(3600))
    processor = task._processor = topology(settings).processor(
        partition, task.store, settings.cache_uploads, task.clock.moment
    )
    for _ in processor.background():
        pass
    served.app.engine.tasks[partition] = task
    return task


def filled(slots: int, uploads: int, at: int = 0) -> list[Fact]:
    """The facts of a batch with so many slots, of which the first have a content."""
    ids = tuple(f"essay-{number:06}" for number in range(slots))
    registration = Registration(ids, "ENG5", "user", None, None, None, None, "c", NOON * 1000)
    placed = [
        Placed(at + 1 + number, number, -1, Content(f"u-{number}", f"t-{number}", "file.txt", "c", NOON * 1000))
        for number in range(uploads)
    ]
    return [Registered(at, NOON, registration), *placed]


class Raw:
    """A client that sends what it likes, as it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def rest(self) -> bytes:
        """What comes until the other side closes."""
        try:
            return await asyncio.wait_for(self.reader.read(-1), PATIENCE)
        except ConnectionError:
            return b""

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """One answer that says its length: status, headers and body."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(first.split()[1]), headers, body

    def close(self) -> None:
        """Hang up."""
        self.writer.close()


async def connect(served: Served, data: bytes = b"") -> Raw:
    """Connect and send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(data)
    await writer.drain()
    return Raw(reader, writer)


def get(path: str, *lines: str) -> bytes:
    """A request that reads."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode("utf-8", "surrogateescape")


async def live(served: Served) -> bool:
    """Whether health answers, and is true."""
    client = await connect(served, get("/health/live"))
    status, _, body = await client.answer()
    client.close()
    return status == 200 and json.loads(body)["status"] == "live"


async def until(what: Any, within: float = PATIENCE) -> None:
    """Wait until something is the case. The bound is for a machine that is busy with other things."""
    async with asyncio.timeout(within):
        while not what():  # noqa: ASYNC110 - what is waited for is the server's own, which tells nobody
            await asyncio.sleep(0.01)
