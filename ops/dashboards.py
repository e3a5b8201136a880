"""The dashboards, and their JSON as Grafana takes it."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from ops import batches, workers
from ops.panels import SOURCE, Row, built

#: Where the generated files are; a test compares them with what the code makes.
FOLDER = Path(__file__).parent / "grafana" / "dashboards"

_TAG = "rollcall"


def dashboards() -> Iterator[tuple[str, str]]:
    """The name of every file and its text. The same code makes the same text."""
    yield (
        "batches.json",
        _json("rollcall-batches", "Rollcall: batches", "Is every batch on its way to Ready?", batches.ROWS),
    )
    yield (
        "workers.json",
        _json("rollcall-workers", "Rollcall: workers", "Do the workers keep up, and what do they cost?", workers.ROWS),
    )


def _json(uid: str, title: str, description: str, rows: Sequence[Row]) -> str:
    built_dashboard = dashboard.Dashboard(title).uid(uid).description(description).tags([_TAG]).readonly()
    built_dashboard.time("now-1h", "now").refresh("10s").timezone("browser").tooltip(
        model.DashboardCursorSync.CROSSHAIR
    )
    built_dashboard.with_variable(
        dashboard.QueryVariable("job")
        .label("Job")
        .datasource(SOURCE)
        .query("label_values(rollcall_build_info, job)")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    built_dashboard.link(
        dashboard.DashboardLink("Rollcall")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([_TAG])
        .keep_time(keep_time=True)
    )
    numbers = itertools.count(1)
    for row in rows:
        built_dashboard.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            built_dashboard.with_panel(built(panel, next(numbers)))
    return JSONEncoder(sort_keys=True, indent=2).encode(built_dashboard.build()) + "\n"
