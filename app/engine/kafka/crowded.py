"""A broker that takes a connection and closes it at once: most likely it has as many open as it allows.

At ``max.connections.per.ip`` Kafka accepts and closes, without a word (its own log has "Too many connections from …"),
so a client sees a broker that is there and never answers. Trying again is right, since others may leave; somebody who
reads the log has to know what for.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Final

from aiokafka.client import collect_hosts
from aiokafka.errors import KafkaConnectionError

from app.errors import OperatorError
from app.lazy_log import Logger
from app.settings import Settings

log = Logger(__name__)

#: Seconds that a connection may take, and that it is then watched: one that is turned away is closed within
#: milliseconds. A broker says nothing before it is asked, so of one that stays open nothing is read.
_PATIENCE: Final = 3.0
_WATCHED: Final = 1.0

CAUSE: Final = (
    'most likely it has as many open as max.connections.per.ip allows: its log then says "Too many connections"'
)


#: Seconds until a broker is told again. One look of :mod:`app.engine.kafka.broker_diagnosis` is as long.
AGAIN: Final = 30.0
_told: dict[str, float] = {}


#: One each of the consumer, the group's coordinator, the shared producer, the admin client, what is restored, and a
#: diagnosis and a command beside them: 7. Where transactions are written, each partition's producer has one, and one to
#: its coordinator. A worker with 3 partitions was seen with 12.
REMEDY: Final = (
    "raise max.connections.per.ip (or max.connections.per.ip.overrides) on the brokers: each worker behind this "
    "address holds up to 7 to a broker, and with exactly_once 2 more for each of its partitions"
)

#: A connection that is closed before it was any use, so often and for so many seconds, is no broker that just restarts.
_CLOSED_OFTEN: Final = 5
_CLOSED_FOR: Final = 5.0


class NoConnectionError(OperatorError):
    """No broker could be used for as long as a send is retried. The message names the brokers, and the likely cause."""


def no_connection(settings: Settings, seconds: float, error: BaseException) -> NoConnectionError:
    """The error of a client that was not let in for so long."""
    return NoConnectionError(
        f"ROLLCALL_BROKER={settings.broker}: no connection for {seconds:.0f} s ({error}). Where the broker is there "
        f"and closes connections at once, {CAUSE}: {REMEDY}; then start again. Nothing was lost"
    )


def addresses(settings: Settings) -> list[tuple[str, int]]:
    """Host and port of each broker that the setting names."""
    return [(host, port) for host, port, _ in collect_hosts(settings.broker.split(","))]


async def closing(addresses: Iterable[tuple[str, int]]) -> list[str]:
    """Those of the addresses that take a connection and close it at once, as ``host:port``."""
    return [f"{host}:{port}" for host, port in dict.fromkeys(addresses) if await _closes(host, port)]


async def _closes(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    try:
        async with asyncio.timeout(_WATCHED):
            return not await reader.read(1)
    except TimeoutError:
        return False
    except OSError:  # reset
        return True
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def tell(brokers: Iterable[str]) -> None:
    """Log the brokers that turn this worker away, whichever of its clients has found it: each every half minute."""
    now = time.monotonic()
    for broker in brokers:
        if now - _told.get(broker, -AGAIN) < AGAIN:
            continue
        _told[broker] = now
        log.warning(
            "a broker closes connections as soon as they are made; trying again",
            broker=broker,
            cause=CAUSE,
            remedy=REMEDY,
        )


class Closings:
    """The connections of one client to a node that were closed before they were any use, since the last that was."""

    def __init__(self) -> None:
        self._count = 0
        self._since = 0.0

    def connected(self) -> None:
        """One is of use."""
        self._count = 0

    def failed(self, host: str, port: int, error: BaseException) -> None:
        """One could not be had: tell it where the node takes connections and closes them, again and again."""
        taken = isinstance(error, ConnectionResetError) or (
            isinstance(error, KafkaConnectionError) and str(error).endswith(" closed")
        )
        if not taken:
            self._count = 0
            return
        self._count += 1
        now = time.monotonic()
        if self._count == 1:
            self._since = now
        elif self._count >= _CLOSED_OFTEN and now - self._since >= _CLOSED_FOR:
            tell([f"{host}:{port}"])
