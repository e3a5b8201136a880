"""What is fitted to what, and what follows for a rate.

CPU seconds of all workers in a cell = worker x workers x seconds + poll x polls + listed x listed + chunk x chunks +
write x writes + event x events, for each number of brokers by itself: what a chunk or a poll asks is asked of each of
them. A worker costs what it does with nothing to do; a poll a fetch that brought something, and to re-key it; what is
listed is a partition in a poll: request and answer name each that the worker owns, whatever there is to read, so a poll
of one worker that has all of them costs more than one of eight; a chunk what it costs whatever is in it (a transaction,
its round trips); a write what each partition costs that a chunk has outputs for, or a poll inputs to re-key (a
partition of the transaction, a batch, its acknowledgement): one record has one, hundreds have all of them; an event the
rest. CPU seconds of the brokers, but for what their JVMs compile, = idle x seconds + the same of workers (their
heartbeats, and fetches that wait), polls and so on.
A cell is left out in which a core was full at a fixed rate, the workers' or the brokers': several things that wait for
the one are done in one turn of a loop, for less, and while the other lags what takes long is asked for again. A worker
that had nothing to do between two rebalances, with the fewest partitions, is a cell more.
Seconds of a rebalance = base + partition x partitions that come to a worker; seconds of a restore = base + record x
records.

How many workers a rate needs follows from what they do in a backlog, with long chunks: that is what they come to before
they fall behind. What they use at the rate itself is more, since small chunks are begun as often as the pace has it
(:mod:`app.engine.pace`): so many a second, whatever the rate is above it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from statistics import median

from app.engine.pace import MOST_TAKEN, REST
from app.engine.record_queue import ENOUGH_RECORDS
from app.settings import Settings
from bench.scale.fit import Fit, fit
from bench.scale.rebalance import Moved
from bench.scale.restored import Restored
from bench.scale.throughput import Seen, written

#: Of a core, that a worker is planned to use: so that a backlog is worked off, and one that is away is made up for.
PLANNED_LOAD = 0.6

#: Of the internal topics, for each planned worker: so that they divide evenly after one has gone.
PARTITIONS_A_WORKER = 3

RATES = (1_000, 100_000, 1_000_000)

#: On how many brokers costs are measured.
BROKERS = (1, 3)

#: Small chunks that a worker begins a second at most, as shipped, and polls: above that rate they rest in between.
CHUNK_RATE = float(Settings.model_fields["chunks_per_second"].default)
POLL_RATE = 1.0 / REST

#: A clock that ticks in hundredths (CPU, in /proc) or is looked at each tenth of a second says 0 of what is shorter.
_LEAST = 0.01


@dataclass(frozen=True)
class Results:
    """What was measured. What is empty was left out."""

    seen: Sequence[Seen] = ()
    moved: Sequence[Moved] = ()
    restored: Sequence[Restored] = ()


@dataclass(frozen=True)
class Model:
    """The fits, by name; where too little was measured for one, it is missing.

    ``chunk_records`` are the records of a chunk while a backlog is worked off, the middle of what was seen, and
    ``poll_records`` the events for each poll.
    """

    fits: Mapping[str, Fit] = field(default_factory=dict)
    chunk_records: float = 0.0
    poll_records: float = 0.0


@dataclass(frozen=True)
class Prediction:
    """What follows for a rate: not run.

    Attributes:
        rate: events/s.
        brokers: on which its costs were measured: how many there must be follows from bytes.
        workers: so that each is at its planned load, of what it does in a backlog.
        chunks: of each worker, a second: one an event, or as many as the pace has.
        polls: of each worker, a second: two an event, or as many as their rests have.
        writes: of each worker, a second.
        cores: of all workers together, at this rate.
        partitions: of the internal topics.
        broker_cores: of all brokers.
        restore_records: of one worker that lost its directory, if each event of a day left a record.
        restore_seconds: for it; None where no restore was measured.
        takeover_seconds: until the partitions of a worker that was stopped are served; None where none was measured.

    """

    rate: int
    brokers: int
    workers: int
    chunks: float
    polls: float
    writes: float
    cores: float
    partitions: int
    broker_cores: float
    restore_records: float
    restore_seconds: float | None
    takeover_seconds: float | None


_DAY = 86_400


def fitted(results: Results) -> Model:
    """Fit all that there are enough observations for. Raises FitError for what does not settle its coefficients."""
    fits = {}
    rows: list[tuple[float, ...]]
    workers, brokers = ("worker", *_TURNS), ("idle", "worker", *_TURNS)
    idle = min(results.moved, key=attrgetter("partitions"), default=None)
    for count in sorted({seen.brokers for seen in results.seen}):
        cells = [seen for seen in results.seen if seen.brokers == count and not seen.full]
        if len(cells) < len(brokers):
            continue
        rows = [(seen.workers * seen.seconds, *_turns(seen)) for seen in cells]
        observed = [seen.worker_cpu for seen in cells]
        if idle is not None:  # a worker with nothing to do: a second of it has one poll
            rows.append((1.0, 1.0, float(idle.partitions), 0.0, 0.0, 0.0))
            observed.append(max(_LEAST / 10, idle.idle_cpu))
        fits[f"workers on {count}"] = fit(workers, rows, observed)
        rows = [(seen.seconds, seen.workers * seen.seconds, *_turns(seen)) for seen in cells]
        fits[f"{count} brokers"] = fit(brokers, rows, [seen.broker_cpu for seen in cells])
    line = ("base", "partition")
    if len({moved.partitions for moved in results.moved}) >= len(line):
        for name, coming in (("first", 1.0), ("join", 0.5), ("term", 0.5), ("kill", 0.5)):
            rows = [(1.0, moved.partitions * coming) for moved in results.moved]
            fits[name] = fit(line, rows, [max(_LEAST, getattr(moved, name)) for moved in results.moved])
        rows = [(1.0, float(moved.partitions)) for moved in results.moved]
        fits["memory_mb"] = fit(line, rows, [moved.memory_mb for moved in results.moved])
    if len({restored.records for restored in results.restored}) >= len(line):
        rows = [(1.0, restored.records) for restored in results.restored]
        seconds = [max(_LEAST, restored.seconds) for restored in results.restored]
        fits["restore"] = fit(("base", "record"), rows, seconds)
    backlogs = [seen for seen in results.seen if not seen.rate and seen.chunks and seen.polls]
    if not backlogs:
        return Model(fits)
    chunk_records, poll_records = (
        median(seen.events / turns for seen, turns in zip(backlogs, map(attrgetter(name), backlogs), strict=True))
        for name in ("chunks", "polls")
    )
    return Model(fits, chunk_records, poll_records)


_TURNS = ("poll", "listed", "chunk", "write", "event")


def _turns(seen: Seen) -> tuple[float, ...]:
    return seen.polls, seen.listed, seen.chunks, seen.writes, seen.events


def poll_cost(costs: Fit) -> float:
    """CPU seconds of a poll of a worker that owns as many partitions as are planned for one."""
    return costs["poll"] + costs["listed"] * PARTITIONS_A_WORKER


def backlog_cost(model: Model, brokers: int) -> float:
    """CPU seconds of an event in a backlog: chunks and polls are as long as they were seen there."""
    costs = model.fits[f"workers on {brokers}"]
    chunks, polls = 1.0 / model.chunk_records, 1.0 / model.poll_records
    writes = written(1.0, chunks, polls)
    return costs["event"] + costs["chunk"] * chunks + poll_cost(costs) * polls + costs["write"] * writes


def paced(rate: float) -> float:
    """Chunks a second of a worker at so many events/s: one for each event, or those whose turns are its turns a second.

    A chunk of n records takes 1 + (n - 1) / 16 turns (:func:`app.engine.pace.taken`), c of them rate / c records each:
    c + (rate - c) / 16 = CHUNK_RATE. From n = 65 on each takes five, and one with enough records waits for none.
    """
    if rate <= CHUNK_RATE:
        return rate
    return max((CHUNK_RATE - rate / 16) * 16 / 15, CHUNK_RATE / MOST_TAKEN, rate / ENOUGH_RECORDS)


def predicted(model: Model, rate: int, brokers: int) -> Prediction | None:
    """What follows for ``rate`` events/s; None where the costs were not measured on so many brokers."""
    costs, broker_costs = model.fits.get(f"workers on {brokers}"), model.fits.get(f"{brokers} brokers")
    if costs is None or broker_costs is None or not model.chunk_records:
        return None
    workers = max(1, math.ceil(backlog_cost(model, brokers) * rate / (PLANNED_LOAD - costs["worker"])))
    worker_rate = rate / workers
    chunks = paced(worker_rate)
    polls = POLL_RATE if worker_rate > CHUNK_RATE else 2 * worker_rate
    writes = written(worker_rate, chunks, polls)
    of_one = (polls, polls * PARTITIONS_A_WORKER, chunks, writes, worker_rate)
    cores = workers * costs.predict((1.0, *of_one))
    broker_cores = broker_costs.predict((1.0, *(workers * quantity for quantity in (1.0, *of_one))))
    records = rate * _DAY / workers
    restore, term = model.fits.get("restore"), model.fits.get("term")
    return Prediction(
        rate,
        brokers,
        workers,
        chunks,
        polls,
        writes,
        cores,
        workers * PARTITIONS_A_WORKER,
        broker_cores,
        records,
        restore.predict((1.0, records)) if restore else None,
        term.predict((1.0, PARTITIONS_A_WORKER)) if term else None,
    )
