"""The numbered places of a process, and what happens to it there.

Every request to the broker and every local write is an operation with a number. A process is told beforehand where it
is to be struck: on the near side of an effect (it does not happen) or on the far side (it does, and the process never
hears of it). Struck, it dies, or stands still until it is resumed. Requests that were on their way at that moment have
reached the broker or not: a coin of the seed says.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Literal, NamedTuple, TypeVar

from aiokafka.errors import KafkaError

from tests.crash.scenario import Point

T = TypeVar("T")
Kind = Literal["write", "read", "local"]

_SLOWEST_MS = 8  # a request travels 1 to 8 ms each way, so that those under way at the same time overtake each other


class Died(BaseException):
    """The process has died; nothing of it happens any more."""


class Operation(NamedTuple):
    """A numbered place."""

    number: int
    name: str
    kind: Kind


class _Flight:
    """A request on its way: its effect happens at most once."""

    def __init__(self, effect: Callable[[], Any]) -> None:
        self._effect = effect
        self.arrived = False
        self._result: Any = None
        self._error: KafkaError | None = None

    def arrive(self) -> None:
        """Reach the broker."""
        if not self.arrived:
            self.arrived = True
            try:
                self._result = self._effect()
            except KafkaError as error:
                self._error = error

    def outcome(self) -> Any:
        """What the broker answered."""
        if self._error is not None:
            raise self._error
        return self._result


class Operations:
    """Counts operations and strikes at one of them. ``pauses``: the strike only stops it for a while."""

    def __init__(self, seed: str, strike: Point | None, *, pauses: bool) -> None:
        self.operations: list[Operation] = []
        self.struck = False
        self._strike_at = (0, False) if strike is None else (strike.number, strike.reached)
        self._pauses = pauses
        self._rng = Random(seed)  # noqa: S311 - a seed, so that a run can be repeated
        self._coins = Random(f"{seed}/{strike}")  # noqa: S311 - the same
        self._flights: list[_Flight] = []
        self._dead = False
        self._resumed = asyncio.Event()
        self._resumed.set()

    async def operate(self, name: str, effect: Callable[[], T], *, reads: bool = False) -> T:
        """Make a request to the broker. Raises what the broker answers, or Died."""
        await self._standing()
        number = self._count(name, "read" if reads else "write")
        flight = _Flight(effect)
        self._flights.append(flight)
        try:
            await self._travel()
            await self._strike((number, False), flight)
            flight.arrive()
        finally:
            self._flights.remove(flight)
        if not reads:
            await self._strike((number, True), flight)
            await self._travel()
            await self._standing()
        answer: T = flight.outcome()
        return answer

    def kill(self) -> None:
        """Die now."""
        self._be_struck()
        self._dead = True

    def write_locally(self, name: str, effect: Callable[[], None]) -> None:
        """Change local state, at once. Raises Died."""
        number = self._count(name, "local")
        for reached in (False, True):
            if self._strike_at == (number, reached):
                self._be_struck()
            if self._dead:
                raise Died
            if not reached:
                effect()

    def _count(self, name: str, kind: Kind) -> int:
        self.operations.append(Operation(len(self.operations) + 1, name, kind))
        return len(self.operations)

    async def _travel(self) -> None:
        """As `asyncio.sleep`, with less around it: a run does this seven hundred times."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(int(self._rng.random() * _SLOWEST_MS + 1) / 1000, arrived.set_result, None)
        try:
            await arrived
        except BaseException:
            timer.cancel()
            raise

    async def _strike(self, here: tuple[int, bool], flight: _Flight) -> None:
        if self._strike_at == here:
            self._be_struck(flight)
        await self._standing()

    def _be_struck(self, but: _Flight | None = None) -> None:
        self.struck = True
        if self._pauses:
            self._resumed.clear()
        else:
            self._dead = True
        for flight in self._flights:
            if flight is not but and self._coins.random() < 0.5:
                flight.arrive()

    async def _standing(self) -> None:
        if not self._resumed.is_set():
            await self._resumed.wait()
        if self._dead:
            raise Died
