"""The JSON of `run.py scale`: written after each cell, and read again by ``--resume``, which measures what it lacks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import machine
from bench.scale.model import BROKERS, RATES, Model, Results, predicted
from bench.scale.rebalance import Moved
from bench.scale.restored import Restored
from bench.scale.throughput import Seen


class DocumentError(ValueError):
    """A file is not what an earlier call has written; the message names it."""


def as_json(options: dict[str, Any], results: Results, model: Model, failed: Sequence[str]) -> dict[str, Any]:
    """Everything, as JSON types: machine, options, what was measured, the fits with their residuals, what follows."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "options": options,
        "throughput": [asdict(seen) for seen in results.seen],
        "rebalances": [asdict(moved) for moved in results.moved],
        "restores": [asdict(restored) for restored in results.restored],
        "fits": {
            name: {"coefficients": dict(zip(found.names, found.values, strict=True)), "residuals": found.residuals}
            for name, found in model.fits.items()
        },
        "chunk_records": model.chunk_records,
        "poll_records": model.poll_records,
        "predictions": [
            asdict(found)
            for rate in RATES
            for brokers in BROKERS
            if (found := predicted(model, rate, brokers)) is not None
        ],
        "failed": list(failed),
    }


def measured(document: Mapping[str, Any]) -> Results:
    """What a document says was measured. Raises DocumentError where it is another kind of document."""
    try:
        return Results(
            [Seen(**seen) for seen in document["throughput"]],
            [Moved(**moved) for moved in document["rebalances"]],
            [Restored(**restored) for restored in document["restores"]],
        )
    except (KeyError, TypeError) as error:
        message = f"no results of this version of `run.py scale`: {error}"
        raise DocumentError(message) from error


def read(path: Path) -> Results:
    """What the file of an earlier call has; nothing where there is none yet. Raises DocumentError."""
    try:
        return measured(json.loads(path.read_text()))
    except FileNotFoundError:
        return Results()
    except (json.JSONDecodeError, DocumentError) as error:
        message = f"{path}: {error}"
        raise DocumentError(message) from error


def lacking(seen: Sequence[Seen], brokers: int, workers: Sequence[int], rates: Sequence[float]) -> list[int]:
    """The numbers of workers of which a rate, or the backlog, was not seen yet on so many brokers."""
    cells = {(cell.workers, cell.rate) for cell in seen if cell.brokers == brokers}
    return [count for count in workers if not all((count, rate) in cells for rate in (*rates, 0.0))]
