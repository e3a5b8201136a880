"""The pace of small pieces: how often a worker begins a chunk that is small, and how soon it asks for more.

What a chunk costs whatever is in it, with a transaction 1 to 2.5 ms of the worker's CPU and as much of the broker's,
and 0.2 ms for each partition of the outputs that it writes to, is nothing where it has a thousand records, and nearly
everything where it has one (17 us). So small chunks are begun in turns, over all partitions of a worker, and what comes
meanwhile is in the same chunk: more events cost little more. The same holds of polls, which begin with what is there
and re-key it: one costs 1.3 to 2 ms.

Kafka Streams gathers by time alone (``commit.interval.ms``, 100 ms with exactly once), at any rate: also the event that
comes alone waits for the commit. Here nothing waits while a worker has less to do than its turns: it is a token bucket.

Guaranteed:

* While chunks, and records of polls, are fewer than the setting says (over a second) nothing waits.
* A chunk waits for :data:`LONGEST_WAIT` at most, also where there are more partitions than turns in that time.
* A chunk that has enough records or bytes (:mod:`app.engine.record_queue`) does not wait, nor does a poll behind one
  that brought hundreds: a backlog is worked off as fast as without any of this.
* Turns go round: who has waited for longest is next, and who has had its turn is behind all that wait.
* What closes a queue ends its wait at once.
"""

import asyncio
from collections.abc import Callable

from app.engine.record_queue import RecordQueue

#: Seconds that a chunk waits for its turn at most. A quarter of a second is 25 turns at the shipped 100 a second, so 25
#: partitions of a worker get theirs in it; where it has more, some begin without.
LONGEST_WAIT = 0.25

#: What a chunk takes for each record behind the first, and at most: it writes to as many partitions more, each a fifth
#: of what it costs by itself; outputs that have 24 get most of them from 64 records on.
_RECORD_TAKES = 1 / 16
MOST_TAKEN = 5.0

#: Seconds between two small polls of a worker that is above its rate: 40 polls of 1.6 ms are a sixteenth of a core.
REST = 0.025

#: A poll that brought so many records is not small: of 1.6 ms these are 6 us a record, which costs 17 in all else.
_MANY_POLLED = 256

#: An event is read twice: as an input, and as a record of the log.
_READS = 2

#: Sums of seconds differ in their last bits: a token that lacks so little is whole.
_NEARLY = 1e-6


def taken(records: float) -> float:
    """The tokens that a chunk of so many records takes: one of one record takes one."""
    return min(MOST_TAKEN, 1.0 + _RECORD_TAKES * max(0.0, records - 1))


class Bucket:
    """Tokens, so many a second, of which those of one second can be kept; it begins full.

    ``debt``: so many more than there are may be taken.
    """

    def __init__(self, rate: float, debt: float = 0.0) -> None:
        self.rate = rate
        self._least = -debt
        self._most = max(1.0, rate)
        self._tokens = self._most
        self._at = 0.0

    def tokens(self, now: float) -> float:
        """How many there are at this moment (seconds)."""
        self._tokens = min(self._most, self._tokens + self.rate * max(0.0, now - self._at))
        self._at = now
        return self._tokens

    def take(self, count: float, now: float) -> bool:
        """Take so many, or those that may be taken; whether all of them were there."""
        kept = self.tokens(now)
        self._tokens = max(self._least, kept - count)
        return kept + _NEARLY >= count


class ChunkPace:
    """The turns of all tasks of a worker: at most ``rate`` small chunks a second begin; 0: as many as there are.

    That is the number of those of one record; one of more counts for up to five (:func:`taken`).

    ``begun`` is told of each chunk, whatever its size, how long it has waited, in seconds.
    """

    def __init__(self, rate: float, begun: Callable[[float], None]) -> None:
        self._bucket = Bucket(rate, MOST_TAKEN)
        self._begun = begun
        #: Who waits, the longest first.
        self._waiting: dict[asyncio.Future[None], RecordQueue] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, queue: RecordQueue) -> None:
        """Return when the task of this queue may begin a chunk with what is in it, or when the queue is closed."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        if self._bucket.rate and not queue.ample and (self._waiting or not self._begins(queue, begun)):
            await self._wait(queue, loop)
        if not queue.closed.is_set():
            self._begun(loop.time() - begun)

    async def _wait(self, queue: RecordQueue, loop: asyncio.AbstractEventLoop) -> None:
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting[turn] = queue
        queue.waits_for = turn
        latest = loop.call_later(LONGEST_WAIT, queue.wait_no_longer)
        self._arm(loop)
        try:
            await turn
        finally:
            latest.cancel()
            queue.waits_for = None
            self._waiting.pop(turn, None)
            if not self._waiting and self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look again when the next token is there."""
        if self._timer is None and self._waiting:
            lacking = max(0.0, 1.0 - self._bucket.tokens(loop.time()))
            self._timer = loop.call_later(lacking / self._bucket.rate, self._give, loop)

    def _give(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        for turn, queue in list(self._waiting.items()):
            if turn.done():  # it has enough, is closed, or has waited for long enough: that is no turn
                continue
            if not self._begins(queue, loop.time()):
                break
            del self._waiting[turn]
            turn.set_result(None)
        self._arm(loop)

    def _begins(self, queue: RecordQueue, now: float) -> bool:
        """Take what the chunk takes, if there is a token: what it takes beyond that the next ones wait for."""
        if self._bucket.tokens(now) + _NEARLY < 1:
            return False
        self._bucket.take(taken(queue.records), now)
        return True


class PollPace:
    """How long a worker rests between two polls; 0 as long as it reads no more than ``rate`` events a second."""

    def __init__(self, rate: float) -> None:
        self._bucket = Bucket(_READS * rate)
        self._rests = False

    def polled(self, records: int, now: float) -> None:
        """Note that a poll brought so many records."""
        self._rests = not self._bucket.take(records, now) and records < _MANY_POLLED

    @property
    def rest(self) -> float:
        """Seconds until the next poll should begin."""
        return REST if self._bucket.rate and self._rests else 0.0
