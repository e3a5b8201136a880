"""Asks a worker, any worker: each answers for all partitions."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import aiohttp
import click
from yarl import URL

from app.api.cluster.membership import Membership
from app.commands.base import DIFFERENT, NOBODY, UNKNOWN_BATCH, USAGE, CommandError, settings

#: A worker that takes longer is not waited for; the next one is asked. An act may take 5 s to be folded.
_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=3)

_STATUSES = {400: USAGE, 404: UNKNOWN_BATCH, 422: USAGE, 503: NOBODY}

url_option = click.option(
    "--url", "urls", multiple=True, metavar="URL", help="A worker to ask; else they are found by way of the broker."
)


class NobodyError(CommandError):
    """No worker answers."""

    def __init__(self, message: str) -> None:
        super().__init__(NOBODY, "nobody_answers", message)


def path(*parts: str) -> str:
    """A path of the API, each part encoded as one."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


async def ask(
    urls: Sequence[str], where: str, *, query: dict[str, Any] | None = None, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The answer of the first worker that gives one: to a POST where there is a ``body``, else to a GET.

    A body is sent to one worker only, once it has been reached: an act must not be done twice. Raises NobodyError, and
    CommandError with what the worker refuses.
    """
    tried: list[str] = []
    last: CommandError | None = None
    candidates = list(urls) or await _workers()
    async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=_credentials(full=body is not None)) as session:
        for url in candidates:
            try:
                return await _ask(session, f"{url.rstrip('/')}{where}", query, body)
            except NobodyError as error:
                last = error  # this one can't say; another one may
            except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
                tried.append(f"{url}: {error}")
            except (TimeoutError, aiohttp.ClientError) as error:
                if body is not None:
                    message = f"{url} was asked and did not answer ({type(error).__name__}): it may have been done"
                    raise NobodyError(message) from error
                tried.append(f"{url}: {type(error).__name__}")
    if last is not None:
        raise last
    if not candidates:
        message = (
            f"no worker of {settings().app_id} with HTTP is in the group on {settings().broker}, or that broker does "
            "not answer"
        )
        raise NobodyError(message)
    message = "no worker answers: " + "; ".join(tried)
    raise NobodyError(message)


async def _ask(
    session: aiohttp.ClientSession, url: str, query: dict[str, Any] | None, body: dict[str, Any] | None
) -> dict[str, Any]:
    params = {name: str(value) for name, value in (query or {}).items() if value is not None}
    method, target = "GET" if body is None else "POST", URL(url, encoded=True).with_query(params)
    # A redirect is not followed: the token goes to a worker or nowhere.
    async with session.request(method, target, json=body, allow_redirects=False) as answer:
        text = await answer.text()
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if answer.status // 100 == 2 and isinstance(found, dict):  # noqa: PLR2004 - HTTP: success
            return found
        code, message = "unexpected_answer", f"{url} answered {answer.status}: {text[:200]}"
        if isinstance(found, dict) and "error" in found:
            code, message = str(found["error"]), str(found.get("message"))
    if answer.status == 503:  # noqa: PLR2004 - HTTP: this worker can't answer now
        raise NobodyError(message)
    if answer.status in {401, 403}:
        tokens = "ROLLCALL_HTTP_READ_TOKEN where that is set to read; ROLLCALL_HTTP_TOKEN else, and to act"
        message = f"{message} (the token sent is {tokens})"
    raise CommandError(_STATUSES.get(answer.status, DIFFERENT), code, message)


async def _workers() -> list[str]:
    """Where the workers of the group answer, as the broker says; those that have HTTP."""
    membership = Membership(settings())
    try:
        return sorted(url for url in await membership.owned() if URL(url).port)
    finally:
        await membership.close()


def _credentials(*, full: bool) -> dict[str, str]:
    """The token to show: the full one to act; to read the read token, or the full one where no other is set."""
    chosen = settings()
    token = chosen.http_token if full else chosen.http_read_token or chosen.http_token
    return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
