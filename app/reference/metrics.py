"""The page of the metrics."""

import importlib
from typing import Any

from prometheus_client import REGISTRY

from app.reference.markdown import GENERATED, code, table

_HEAD = f"""\
{GENERATED}
# Metrics

Every worker serves these at `/metrics`, in the Prometheus text format, beside those of the process and of Python
(`process_…`, `python_…`). Labels are bounded: topics, reasons, partitions, states, never a batch id. Histograms have
the usual `_bucket`, `_sum` and `_count`. Times are in seconds.

What to watch and when to act is in the [alerts' runbooks](../../ops/runbooks/README.md); [`ops`](../../ops) has the
dashboards.
"""


def page() -> str:
    """The page: every metric of the registry that is Rollcall's own."""
    rows = [[code(name), kind, ", ".join(map(code, labels)), text] for name, kind, labels, text in metrics()]
    return f"{_HEAD}\n{table(['metric', 'type', 'labels', 'meaning'], rows)}"


def metrics() -> list[tuple[str, str, tuple[str, ...], str]]:
    """Name, type, labels and help of each, in order of name."""
    importlib.import_module("app.main")  # whatever a worker registers is registered by then
    collectors: set[Any] = set(REGISTRY._collector_to_names)  # noqa: SLF001 - what the registry offers has no labels
    found = []
    for collector in collectors:
        labels = getattr(collector, "_labelnames", None)
        if labels is None:  # the collectors of the process and of Python
            continue
        for metric in collector.describe():
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            found.append((name, metric.type, tuple(labels), metric.documentation))
    return sorted(found)
