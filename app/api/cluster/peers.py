"""Questions to other workers, over HTTP: their own partitions only, so that no question ever goes round.

Whatever another one answers, or doesn't, ends in an answer or an UnreachableError, and in a line: its address comes
from the group, which anybody may join who may read the topics, and what listens there may be anything.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TypeVar

import aiohttp
from yarl import URL

from app.api.cluster.peer_models import LocalRows
from app.api.errors import ApiError
from app.api.offload import offload
from app.api.present.model import Error, Model
from app.engine.http.access import Gate
from app.lazy_log import Logger

log = Logger(__name__)

M = TypeVar("M", bound=Model)

#: How long another worker may take to answer, in seconds; and to send a batch whole, as long as something comes.
PATIENCE = 2.0
PATIENCE_WITH_ROWS = 10.0

#: How much it may answer, in bytes: the rows of a batch of 100,000 slots are about 50 MB as Base64.
LARGEST_ANSWER = 128 * 1024 * 1024

#: From how many bytes on an answer is read apart from the event loop.
_LARGE = 256 * 1024

#: Between two lines of the log about the same worker, in seconds, and of how many workers that is remembered.
_QUIET_SECONDS = 60.0
_MOST_REMEMBERED = 1000


class UnreachableError(Exception):
    """Another worker did not answer, or not as a worker does."""


class Peers:
    """Asks other workers, as one who may read. Redirects are not followed: the token goes to a worker or nowhere."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._session: aiohttp.ClientSession | None = None
        self._told: dict[str, float] = {}

    async def ask(self, url: str, path: str, params: Mapping[str, str], answer: type[M]) -> M:
        """GET a path, already encoded, of the worker at ``url``.

        Raises UnreachableError for anything but such an answer, and ApiError 503 where the worker says that itself.
        """
        try:
            return await self._ask(url, path, params, answer)
        except (UnreachableError, ApiError):
            raise
        except Exception as error:
            message = f"{url} does not answer as a worker does ({type(error).__name__})"
            raise UnreachableError(message) from error

    async def ask_all(self, urls: Iterable[str], path: str, params: Mapping[str, str], answer: type[M]) -> dict[str, M]:
        """The answers of those that answer."""

        async def answer_of(url: str) -> tuple[str, M] | None:
            try:
                return url, await self.ask(url, path, params, answer)
            except (UnreachableError, ApiError) as error:
                self.missing(url, str(error))
                return None

        found = await asyncio.gather(*(answer_of(url) for url in urls))
        return dict(answer for answer in found if answer is not None)

    def missing(self, url: str, why: str) -> None:
        """Say that a worker's partitions are missing from what is answered: once a minute for each of them."""
        now = time.monotonic()
        if now - self._told.get(url, float("-inf")) > _QUIET_SECONDS:
            if len(self._told) >= _MOST_REMEMBERED:
                self._told.clear()
            self._told[url] = now
            log.warning("a worker of the group can't be asked: its partitions are missing", worker=url, why=why[:500])

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(self, url: str, path: str, params: Mapping[str, str], answer: type[M]) -> M:
        target = URL(f"{url}{path}", encoded=True).with_query(dict(params))
        if target.port == 0:
            message = f"{url} has no HTTP (its ROLLCALL_HTTP_PORT is 0)"
            raise UnreachableError(message)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"User-Agent": "Rollcall", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        total = PATIENCE_WITH_ROWS if answer is LocalRows else PATIENCE
        limit = aiohttp.ClientTimeout(total=total, sock_connect=PATIENCE, sock_read=PATIENCE)
        asking = self._session.get(target, headers=self._gate.credentials, allow_redirects=False, timeout=limit)
        async with asking as response:
            status, body = response.status, await _read(response, url)
        if status == 200:  # noqa: PLR2004 - HTTP: success
            if len(body) > _LARGE:
                return await offload(lambda: answer.model_validate_json(body))
            return answer.model_validate_json(body)
        if status == 503:  # noqa: PLR2004 - HTTP: it can't say now
            error = Error.model_validate_json(body)
            raise ApiError(503, error.error[:100], error.message[:2000])
        hint = ": have both the same tokens?" if status in {401, 403} else ""
        message = f"{url} answers {status}{hint}"
        raise UnreachableError(message)


async def _read(response: aiohttp.ClientResponse, url: str) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > LARGEST_ANSWER:
            message = f"{url} answers with more than {LARGEST_ANSWER} bytes"
            raise UnreachableError(message)
    return bytes(body)
