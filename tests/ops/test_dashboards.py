"""The dashboards that are checked in: what the code makes, and fit for those who read them."""

import json
from itertools import combinations
from typing import Any

import pytest
import yaml

from ops.dashboards import FOLDER, dashboards
from ops.panels import GRID_WIDTH, SOURCE
from tests.support.worker import ROOT

PROVISIONING = ROOT / "ops" / "grafana" / "provisioning"
NAMES = sorted(path.name for path in FOLDER.glob("*"))


def loaded(name: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return made


def test_the_files_are_what_the_code_makes() -> None:
    made = dict(dashboards())
    assert sorted(made) == NAMES
    stale = [name for name, text in made.items() if (FOLDER / name).read_text() != text]
    assert not stale, f"run python -m ops: {stale}"


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_a_number_of_its_own_a_text_and_a_place_of_its_own(name: str) -> None:
    panels = loaded(name)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["id"] > 0 for panel in panels)
    rows = [panel for panel in panels if panel["type"] == "row"]
    assert len(rows) >= 3
    assert not [panel["title"] for panel in panels if panel not in rows and not panel.get("description")]
    places = [(panel["title"], panel["gridPos"]) for panel in panels]
    for (board, a), (other, b) in combinations(places, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, f"{board} and {other} overlap"
    assert all(place["x"] + place["w"] <= GRID_WIDTH for _, place in places)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_asks_the_data_source_that_is_provisioned(name: str) -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert (source["uid"], source["type"]) == (SOURCE.uid, SOURCE.type_val)
    for panel in loaded(name)["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == source["uid"]
            assert panel["targets"], panel["title"]
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {source["uid"]}


@pytest.mark.parametrize("name", NAMES)
def test_every_query_keeps_to_the_chosen_job_and_rates_fit_the_scrape_interval(name: str) -> None:
    for panel in loaded(name)["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            assert expression.count("{") == expression.count('job="$job"'), expression
            # A window that does not follow the scrape interval is a day for the day's figure, and else a mistake.
            assert "[" not in expression.replace("[$__rate_interval]", "").replace("[24h]", ""), expression


def test_the_dashboards_have_uids_titles_and_a_tag_to_find_each_other_by() -> None:
    made = [loaded(name) for name in NAMES]
    assert len({board["uid"] for board in made}) == len(made) == 2
    for board in made:
        assert board["title"].startswith("Rollcall: ")
        assert board["tags"] == ["rollcall"]
        assert board["links"][0]["tags"] == board["tags"]
