"""The tables: what was measured, what was fitted to it and what that leaves, and what follows."""

from collections.abc import Iterable, Sequence
from itertools import product

from bench.scale.fit import Fit
from bench.scale.model import (
    BROKERS,
    PARTITIONS_A_WORKER,
    PLANNED_LOAD,
    RATES,
    Model,
    Results,
    backlog_cost,
    poll_cost,
    predicted,
)
from bench.scale.throughput import Seen

#: What the coefficients of each fit are told in: factor and unit. Seconds and megabytes as they are.
_UNITS = {
    "worker": (1000.0, "ms CPU a second and worker"),
    "idle": (1000.0, "ms CPU a second, all brokers"),
    "chunk": (1e6, "us CPU a chunk"),
    "poll": (1e6, "us CPU a poll"),
    "listed": (1e6, "us CPU a partition of a poll"),
    "write": (1e6, "us CPU a partition written to"),
    "event": (1e6, "us CPU an event"),
    "record": (1e6, "us a record"),
}

#: A fit that leaves more than this share of an observation says that something else was measured as well.
_UNEXPLAINED = 0.15


def tables(results: Results, model: Model) -> str:
    """All of it, as text of at most 100 columns."""
    parts = [_throughput(results), _rebalances(results), _restores(results), _fits(model), _predictions(model)]
    return "\n".join(part for part in parts if part)


def _throughput(results: Results) -> str:
    rows = [
        (
            str(seen.brokers),
            str(seen.workers),
            _events(seen),
            f"{seen.events / max(1.0, seen.chunks):,.1f}",
            f"{seen.events / max(1.0, seen.polls):,.1f}",
            f"{seen.worker_cpu / seen.events * 1e6:,.0f}",
            f"{seen.broker_cpu / seen.events * 1e6:,.0f}",
            f"{seen.broker_cpu / (seen.worker_cpu + seen.broker_cpu):.0%}",
        )
        for seen in results.seen
    ]
    head = ("brokers", "workers", "events", "a chunk", "a poll", "us CPU an event", "brokers' us", "brokers' share")
    return _table("Throughput; all workers on one core", head, rows)


def _events(seen: Seen) -> str:
    if not seen.rate:
        return f"backlog {seen.events / seen.busy:,.0f}/s"
    return f"{'full core, ' if seen.full else ''}{seen.rate:,.0f}/s"


def _rebalances(results: Results) -> str:
    rows = [
        (
            str(moved.partitions),
            *(f"{seconds:.1f}" for seconds in (moved.first, moved.join, moved.term, moved.kill)),
            f"{moved.first_cpu:.1f}",
            f"{moved.idle_cpu:.3f}",
            f"{moved.memory_mb:,.0f}",
            f"{moved.sockets:.0f}",
            f"{moved.files:.0f}",
        )
        for moved in results.moved
    ]
    head = ("partitions", "first s", "join s", "stop s", "kill s", "first CPU s", "idle", "MB", "sockets", "files")
    return _table("Rebalances; seconds until all is served again, kill without the session time-out", head, rows)


def _restores(results: Results) -> str:
    rows = [
        (
            f"{restored.records:,.0f}",
            f"{restored.seconds:.2f}",
            f"{restored.records / max(0.01, restored.seconds):,.0f}",
            f"{restored.start_cpu:.1f}",
        )
        for restored in results.restored
    ]
    return _table("Restores of a wiped directory", ("records", "s", "records/s", "CPU s from the start"), rows)


def _fits(model: Model) -> str:
    rows = [
        (name, coefficient, _coefficient(coefficient, value, name), f"{found.worst:.0%}" if first else "")
        for name, found in model.fits.items()
        for first, coefficient, value in _coefficients(found)
    ]
    return _table("The model, fitted by least squares of shares", ("fit", "of", "value", "worst residual"), rows)


def _coefficients(found: Fit) -> Iterable[tuple[bool, str, float]]:
    return [(not n, name, value) for n, (name, value) in enumerate(zip(found.names, found.values, strict=True))]


def _coefficient(name: str, value: float, fit_name: str) -> str:
    factor, unit = _UNITS.get(name, (1.0, "MB" if fit_name == "memory_mb" else "s"))
    return f"{value * factor:,.3g} {unit}"


def _predictions(model: Model) -> str:
    lines = [
        f"The fit {name} leaves up to {found.worst:.0%} unexplained: not to be relied on, measure on an idle machine"
        for name, found in model.fits.items()
        if found.worst > _UNEXPLAINED
    ]
    lines += [
        f"The fit {name} has nothing for {', '.join(lacking)}: its observations do not tell it from the rest"
        for name, found in model.fits.items()
        if (lacking := [of for of, value in zip(found.names, found.values, strict=True) if not value])
    ]
    for rate, brokers in product(RATES, BROKERS):
        found = predicted(model, rate, brokers)
        if found is None:
            continue
        costs = model.fits[f"workers on {brokers}"]
        lines.append(f"{rate:,} events/s, costs as on {brokers} brokers:")
        lines.append(
            f"  {backlog_cost(model, brokers) * 1e6:.1f} us an event in a backlog x {rate:,} / ({PLANNED_LOAD} - "
            f"{costs['worker']:.3f} of a core when idle)\n"
            f"  = {found.workers} workers, x {PARTITIONS_A_WORKER} = {found.partitions} partitions"
        )
        lines.append(
            f"  a second of one: {found.chunks:.0f} chunks, {found.polls:.0f} polls, {found.writes:,.0f} writes, "
            f"{rate / found.workers:,.0f} events:\n"
            f"  {costs['worker']:.3f} + {costs['chunk'] * 1e6:.0f} us x {found.chunks:.0f} + "
            f"{poll_cost(costs) * 1e6:.0f} us x {found.polls:.0f} + "
            f"{costs['write'] * 1e6:.0f} us x {found.writes:,.0f} + "
            f"{costs['event'] * 1e6:.1f} us x {rate / found.workers:,.0f}\n"
            f"  = {found.cores / found.workers:.2f} cores, x {found.workers} = {found.cores:.2f} cores of workers"
        )
        lines.append(f"  all brokers: {found.broker_cores:.2f} cores")
        if found.restore_seconds is not None:
            lines.append(
                f"  a worker without its directory: {rate:,} x 86,400 / {found.workers} = "
                f"{found.restore_records:,.0f} records, {found.restore_seconds:,.0f} s"
            )
        if found.takeover_seconds is not None:
            lines.append(f"  the {PARTITIONS_A_WORKER} partitions of a stopped worker: {found.takeover_seconds:.1f} s")
    return "\n".join(["What follows, by arithmetic; not run", *lines, ""]) if lines else ""


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join([title, *lines, ""])
