"""What came of it: a table for people, JSON for everything else."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import Outcome, Results
from bench.machine import machine
from bench.statistics import spread

#: The columns of the table of cells.
_COLUMNS = (
    ("events/s", "main.events_per_second"),
    ("CPU s/M", "main.cpu_seconds_per_million"),
    ("broker CPU s/M", "main.broker_cpu_seconds_per_million"),
    ("cold CPU s", "cold.cpu_seconds"),
    ("peak MB", "peak_mb"),
)
_THOUSAND = 1000


def as_json(
    options: Mapping[str, Any], results: Results, outcomes: Sequence[Outcome], failed: Mapping[str, str]
) -> Any:
    """Everything, as JSON types: machine, options, each cell's spreads and values, each figure."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "options": dict(options),
        "cells": {
            cell: {
                quantity: _spread(cell, quantity, results)
                for quantity in sorted({q for measured in rounds for q in measured})
            }
            for cell, rounds in results.items()
        },
        "figures": [
            {
                "name": outcome.figure.name,
                "title": outcome.figure.title,
                "cell": outcome.figure.cell,
                "quantity": outcome.figure.quantity,
                "against": outcome.best,
                "value": outcome.value,
                "minimum": outcome.spread.minimum,
                "maximum": outcome.spread.maximum,
                "pairs": list(outcome.pairs),
                "goal": outcome.figure.goal,
                "stretch": outcome.figure.stretch,
                "at": "most" if outcome.figure.most else "least",
                "reached": outcome.reached,
            }
            for outcome in outcomes
        ],
        "failed": dict(failed),
    }


def _spread(cell: str, quantity: str, results: Results) -> dict[str, Any]:
    values = [measured[quantity] for measured in results[cell] if quantity in measured]
    return {**spread(values)._asdict(), "values": values}


def write(path: Path, content: Any) -> None:
    """Write JSON; the file is there whole or not at all."""
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)


def table(results: Results, outcomes: Sequence[Outcome], failed: Mapping[str, str]) -> str:
    """Two tables: cells with their spreads, figures with their goals; then what failed."""
    heads = ["", *(title for title, _ in _COLUMNS)]
    rows = [[cell, *(_cell(rounds, quantity) for _, quantity in _COLUMNS)] for cell, rounds in results.items()]
    lines = ["median (minimum to maximum); main phase unless it says cold", *_aligned([heads, *rows]), ""]
    heads = ["figure", "", "value", "pair by pair", "goal", ""]
    lines += _aligned([heads, *(_figure(outcome) for outcome in outcomes)])
    lines += [
        "",
        *(f"FAILED {cell}: {reason.splitlines()[0]} (the JSON has all of it)" for cell, reason in failed.items()),
    ]
    return "\n".join(lines) + "\n"


def _cell(rounds: Sequence[Mapping[str, float]], quantity: str) -> str:
    values = [measured[quantity] for measured in rounds if quantity in measured]
    if not values:
        return "-"
    found = spread(values)
    return f"{number(found.median)} ({number(found.minimum)} to {number(found.maximum)})"


def _figure(outcome: Outcome) -> list[str]:
    figure, found = outcome.figure, outcome.spread
    against = f" [{outcome.best}]" if outcome.best and len(figure.against) > 1 else ""
    sign = "<=" if figure.most else ">="
    goal = "reported" if figure.goal is None else f"{sign} {figure.goal:g}"
    goal += "" if figure.stretch is None else f" ({sign} {figure.stretch:g})"
    reached = {None: "", True: "reached", False: "NOT REACHED"}[outcome.reached]
    span = f"{number(found.minimum)} to {number(found.maximum)}"
    return [figure.name, figure.title + against, number(outcome.value), span, goal, reached]


def number(value: float) -> str:
    """Three digits, or whole thousands set apart."""
    return f"{value:,.0f}" if abs(value) >= _THOUSAND else f"{value:.3g}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
