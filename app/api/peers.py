"""Questions to other workers, over HTTP: their own partitions only, so that no question ever goes round."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TypeVar

import aiohttp
import structlog
from pydantic import ValidationError
from yarl import URL

from app.api.access import Gate
from app.api.errors import ApiError
from app.api.models import Error, Model

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=Model)

#: How long another worker may take to answer, in seconds.
PATIENCE = 2.0


class UnreachableError(Exception):
    """Another worker did not answer, or not as a worker does."""


class Peers:
    """Asks other workers, as one who may read. Redirects are not followed: the token goes to a worker or nowhere."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, url: str, path: str, params: Mapping[str, str], answer: type[M]) -> M:
        """GET a path, already encoded, of the worker at ``url``.

        Raises UnreachableError, and ApiError where the worker answers with an error of its own.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE), trust_env=False)
        if URL(url).port == 0:
            message = f"{url} has no HTTP (its ROLLCALL_HTTP_PORT is 0)"
            raise UnreachableError(message)
        try:
            target = URL(f"{url}{path}", encoded=True).with_query(dict(params))
            async with self._session.get(target, headers=self._gate.credentials, allow_redirects=False) as response:
                body = await response.read()
                if response.status == 200:  # noqa: PLR2004
                    return answer.model_validate_json(body)
                said = Error.model_validate_json(body)
                raise ApiError(response.status, said.error, said.message)
        except (aiohttp.ClientError, TimeoutError, OSError, ValidationError, ValueError) as error:
            message = f"{url} does not answer ({type(error).__name__})"
            raise UnreachableError(message) from error

    async def ask_all(self, urls: Iterable[str], path: str, params: Mapping[str, str], answer: type[M]) -> dict[str, M]:
        """The answers of those that answer."""

        async def one(url: str) -> tuple[str, M] | None:
            try:
                return url, await self.ask(url, path, params, answer)
            except (UnreachableError, ApiError) as error:
                log.debug("a worker can't be asked", url=url, error=str(error))
                return None

        found = await asyncio.gather(*(one(url) for url in urls))
        return dict(answer for answer in found if answer is not None)

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
