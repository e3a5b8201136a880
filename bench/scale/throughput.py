"""8, 4, 2 and 1 workers at fixed rates and over a backlog: what a further worker costs.

The workers share one core, whatever their number, and brokers and sender have the others: so the events/s of the
backlog say what becomes of one core when it is split among more workers. At a fixed rate their CPU is what counts.

The most workers come first, and warm the brokers up: so many small transactions a second make a broker's JVM compile
what a single worker, with its pace, would have it do for minutes.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import correctness
from bench.process import ContestantError
from bench.scale.field import Cores, Field, Scaled, send
from bench.stage import Stage, say
from bench.workload import Part

#: Of the internal topics and of the inputs: three for each of eight workers.
PARTITIONS = 24

#: Seconds. Nobody is to be missed while the workers stand still and a backlog is loaded.
_SESSION_SECONDS = 60

#: After a rate has begun, until what is measured begins: the turns of a second that each worker has kept are used up
#: by then (400 events/s on two workers are 100 a second too many on each, of 100 kept).
_RUN_IN = 2.0

#: For how long the rate goes on behind it: as long as the counters may take to answer.
_RUN_OUT = 1.0

#: Of a rate: 300 of 50 events/s, in six seconds, gave costs that were 10 % apart from one time to the next.
_LEAST_EVENTS = 900

#: At the end of a backlog, until the last commits are made.
_SETTLE = 1.0

#: Of a core: above it, what is to be done waits for its turn there. Of the brokers' cores less, which they share with
#: who sends the events and reads what comes of them (a tenth).
_FULL, _BROKERS_FULL = 0.75, 0.65

#: Backlogs before anything is measured: a broker's JVM compiles what it runs often, with CPU that is no event's.
_WARM_UP = 3


@dataclass(frozen=True)
class Seen:
    """What was seen in some seconds of one cell.

    Attributes:
        brokers: how many.
        workers: how many.
        rate: events/s that were sent; 0: a backlog.
        seconds: for how long it was looked at.
        busy: until the last batch was ready, of a backlog; else as long.
        events: re-keyed in this time.
        chunks: of the log, a transaction each.
        polls: of the workers' consumers that ended in this time: a fetch that brought something, or a second without.
        worker_cpu: CPU seconds of all workers.
        broker_cpu: of all brokers, but for what their JVMs compiled meanwhile.
        broker_cores: on how many cores all brokers were together.

    """

    brokers: int
    workers: int
    rate: float
    seconds: float
    busy: float
    events: float
    chunks: float
    polls: float
    worker_cpu: float
    broker_cpu: float
    broker_cores: int = 1

    @property
    def full(self) -> bool:
        """Whether the workers' core, or the brokers', had nothing left at a fixed rate: then workers gather by waiting
        for it, and ask again and again for what takes long.
        """
        of_brokers = self.broker_cpu > _BROKERS_FULL * self.broker_cores * self.seconds
        return self.rate > 0 and (self.worker_cpu > _FULL * self.seconds or of_brokers)

    @property
    def writes(self) -> float:
        """Batches of slot events, about, and of re-keyed inputs (:func:`written`)."""
        return written(self.events, self.chunks, self.polls)

    @property
    def listed(self) -> float:
        """Partitions of the log in all requests of the polls: each one and its answer list all that its worker owns."""
        return self.polls * PARTITIONS / self.workers


def written(events: float, chunks: float, polls: float) -> float:
    """To how many partitions so many chunks and polls write: a chunk to those that it has slots for, a poll of inputs
    to those of the log that it has keys for. An event is read twice, so half of the polls bring inputs.
    """
    return sum(turns * spread(events / turns) for turns in (chunks, polls / 2) if turns)


def spread(records: float) -> float:
    """Over how many partitions of a topic so many records go, on average: each by its own key, of PARTITIONS at random.

    A partition gets none of n records with a chance of (1 - 1/PARTITIONS)^n.
    """
    return PARTITIONS * (1.0 - math.pow(1.0 - 1.0 / PARTITIONS, records))


async def throughput(
    stage: Stage,
    cores: Cores,
    workers: Sequence[int],
    rates: Sequence[float],
    seconds: float,
    backlog: int,
    *,
    saw: Callable[[Seen], None],
) -> None:
    """Measure each number of workers, the most first, at each rate and over a backlog; ``saw`` is told of each cell.

    The workers go on, but for those that are too many. Raises ContestantError where one ends by itself, or where what
    came out is wrong.
    """
    warm = False
    async with Field(stage, PARTITIONS, Scaled(_SESSION_SECONDS), cores) as field:
        for count in sorted(workers, reverse=True):
            begun = time.monotonic()
            while len(field.workers) > count:
                await asyncio.to_thread(field.workers.pop().stop)
            while len(field.workers) < count:
                field.start()
            ready = await field.spread()
            say(f"{count} workers on {stage.replicas} brokers: the partitions are spread after {ready - begun:.1f} s")
            if not warm:
                await _warm_up(field, rates, backlog)
                warm = True
            for rate in (*rates, 0.0):
                long = max(seconds, _LEAST_EVENTS / rate) if rate else 0.0
                seen = await (_at_rate(field, rate, long) if rate else _backlog(field, backlog))
                say(told(seen))
                saw(seen)
        for process in field.workers:
            process.stop()
    await correctness.check(stage.bootstrap, stage.partitions, field.running.expected)


def told(seen: Seen) -> str:
    """A line about it."""
    rate = f"{seen.rate:,.0f} events/s" if seen.rate else f"a backlog, {seen.events / seen.busy:,.0f} events/s"
    workers, brokers = (cpu / seen.events * 1e6 for cpu in (seen.worker_cpu, seen.broker_cpu))
    return f"{seen.workers} workers, {seen.brokers} brokers, {rate}: {workers:.0f} + {brokers:.0f} us CPU an event"


async def _warm_up(field: Field, rates: Sequence[float], backlog: int) -> None:
    """At last a trickle: what the broker's JVM has begun to compile is compiled meanwhile."""
    for turn in range(_WARM_UP):
        await _backlog(field, backlog, f"warm-{turn}")
        await _at_rate(field, max(rates), _WARM_UP, f"warm-{turn}")
    await _at_rate(field, min(rates), 2 * _WARM_UP, "warm")


async def _at_rate(field: Field, rate: float, seconds: float, name: str = "") -> Seen:
    part = Part.of_events(f"{name}{len(field.workers)}-{rate}", int(rate * (_RUN_IN + seconds + _RUN_OUT)), PARTITIONS)
    _expect(field, part)
    bootstrap, events = field.running.stage.bootstrap, part.events()
    looked_at = itertools.islice(events, int(rate * (_RUN_IN + seconds + _RUN_OUT)))
    sending = asyncio.create_task(send(bootstrap, looked_at, rate))
    await asyncio.sleep(_RUN_IN)
    look = _Look(field, await asyncio.to_thread(_counters, field))
    await asyncio.sleep(seconds)
    seen = await look.seen(rate, look.seconds)
    await sending
    await send(bootstrap, events)  # the markers, which at this rate would take longer than all that was looked at
    await field.running.watcher.wait(field.workers)
    return seen


async def _backlog(field: Field, events: int, name: str = "") -> Seen:
    part = Part.of_events(f"{name}{len(field.workers)}-backlog", events, PARTITIONS)
    _expect(field, part)
    before = await asyncio.to_thread(_counters, field)
    for process in field.workers:
        process.pause()
    try:
        await send(field.running.stage.bootstrap, part.events())
        look = _Look(field, before)
    finally:
        for process in field.workers:
            process.resume()
    await field.running.watcher.wait(field.workers)
    busy = look.seconds
    await asyncio.sleep(_SETTLE)
    return await look.seen(0.0, busy)


class _Look:
    """CPU and time from here on. The counters are asked for outside of it: answering costs the workers CPU, too."""

    def __init__(self, field: Field, counters: tuple[float, ...]) -> None:
        self._field = field
        self._counters = counters
        self._begun = time.monotonic()
        self._cpu, self._broker = field.cpu(), field.running.stage.broker_work()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._begun

    async def seen(self, rate: float, busy: float) -> Seen:
        """What there was until now. Raises ContestantError where it was nothing."""
        field, stage = self._field, self._field.running.stage
        cpu, work, seconds = field.cpu() - self._cpu, stage.broker_work(), self.seconds
        broker = sum(used - self._broker.get(thread, 0.0) for thread, used in work.items())
        counters = await asyncio.to_thread(_counters, field)
        events, chunks, polls = (now - then for now, then in zip(counters, self._counters, strict=True))
        if not events:
            message = field.workers[0].with_log(f"nothing was re-keyed within {seconds:.0f} s")
            raise ContestantError(message)
        return Seen(
            stage.replicas,
            len(field.workers),
            rate,
            seconds,
            busy,
            events,
            chunks,
            polls,
            cpu,
            broker,
            len(field.cores.rest),
        )


def _expect(field: Field, part: Part) -> None:
    expected = part.expected()
    field.running.expected |= expected
    field.running.watcher.expect(batch for batch, outcome in expected.items() if outcome.ready)


def _counters(field: Field) -> tuple[float, ...]:
    names = "rollcall_rekeyed_records_total", "rollcall_chunk_records_count", "rollcall_poll_seconds_count"
    return tuple(field.total(name) for name in names)
