"""What is fitted to what, and what follows for a rate.

CPU seconds of all workers in a cell = worker x workers x seconds + poll x polls + chunk x chunks + event x events. A
worker costs what it does with nothing to do; a poll a fetch that brought something, and to re-key it; a chunk what it
costs whatever is in it (a transaction, its round trips); an event the rest. CPU seconds of the brokers =
idle x seconds + poll x polls + chunk x chunks + event x events, for each number of brokers by itself.
Seconds of a rebalance = base + partition x partitions that come to a worker; seconds of a restore = base + record x
records.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from statistics import median

from bench.scale.fit import Fit, fit
from bench.scale.rebalance import Moved
from bench.scale.restored import Restored
from bench.scale.throughput import Seen

#: Of a core, that a worker is planned to use: so that a backlog is worked off, and one that is away is made up for.
PLANNED_LOAD = 0.6

#: Of the internal topics, for each planned worker: so that they divide evenly after one has gone.
PARTITIONS_A_WORKER = 3

RATES = (1_000, 100_000, 1_000_000)

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
        cores: of all workers, at work.
        workers: so that each is at its planned load.
        partitions: of the internal topics.
        broker_cores: of all brokers, by how many there were when it was measured; their number follows from bytes.
        restore_records: of one worker that lost its directory, if each event of a day left a record.
        restore_seconds: for it; None where no restore was measured.
        takeover_seconds: until the partitions of a worker that was stopped are served; None where none was measured.

    """

    rate: int
    cores: float
    workers: int
    partitions: int
    broker_cores: Mapping[str, float]
    restore_records: float
    restore_seconds: float | None
    takeover_seconds: float | None


_DAY = 86_400


def fitted(results: Results) -> Model:
    """Fit all that there are enough observations for. Raises FitError for what does not settle its coefficients."""
    fits = {}
    rows: list[tuple[float, ...]]
    workers = ("worker", "poll", "chunk", "event")
    if len(results.seen) >= len(workers):
        rows = [(seen.workers * seen.seconds, seen.polls, seen.chunks, seen.events) for seen in results.seen]
        fits["workers"] = fit(workers, rows, [seen.worker_cpu for seen in results.seen])
    brokers = ("idle", "poll", "chunk", "event")
    for count in sorted({seen.brokers for seen in results.seen}):
        cells = [seen for seen in results.seen if seen.brokers == count]
        if len(cells) >= len(brokers):
            rows = [(seen.seconds, seen.polls, seen.chunks, seen.events) for seen in cells]
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


def predicted(model: Model, rate: int) -> Prediction | None:
    """What follows for ``rate`` events/s; None where the workers' costs were not measured."""
    costs = model.fits.get("workers")
    if costs is None or not model.chunk_records:
        return None
    chunks, polls = rate / model.chunk_records, rate / model.poll_records
    cores = costs["event"] * rate + costs["chunk"] * chunks + costs["poll"] * polls
    workers = max(1, math.ceil(cores / (PLANNED_LOAD - costs["worker"])))
    brokers = {
        name: found["idle"] + found["poll"] * polls + found["chunk"] * chunks + found["event"] * rate
        for name, found in model.fits.items()
        if name.endswith(" brokers")
    }
    records = rate * _DAY / workers
    restore, term = model.fits.get("restore"), model.fits.get("term")
    return Prediction(
        rate,
        cores,
        workers,
        workers * PARTITIONS_A_WORKER,
        brokers,
        records,
        restore.predict((1.0, records)) if restore else None,
        term.predict((1.0, PARTITIONS_A_WORKER)) if term else None,
    )
