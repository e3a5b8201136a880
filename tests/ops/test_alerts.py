"""The alerts: their form, their tests, and a runbook page for each."""

import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from faust.cli.base import cli

from app import commands
from tests.ops import expressions
from tests.ops.prometheus import PROMTOOL, RULES, needs_promtool
from tests.support.worker import ROOT

RUNBOOKS = ROOT / "ops" / "runbooks"
UNIT_TESTS = sorted((RULES.parent / "tests").glob("*.yml"))
ALERTS = list(expressions.rules())
PLACES = {"PARTITION": "0", "OFFSET": "0"}  # what stands for a number on a page
SECTIONS = ["What it means", "Likely causes", "What to look at", "What to do", "How to know it is over"]


def promtool(*arguments: str | Path) -> None:
    assert PROMTOOL is not None
    run = subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@needs_promtool
def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", "--lint-fatal", RULES)


@needs_promtool
def test_promtool_takes_the_configuration() -> None:
    promtool("check", "config", "--syntax-only", RULES.with_name("prometheus.yml"))


@needs_promtool
@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_the_unit_tests_of_the_rules_pass(path: Path) -> None:
    """Among them: a batch that is left one content short for over five minutes fires."""
    promtool("test", "rules", path)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_says_how_long_how_bad_what_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert all(rule["annotations"].values())
    assert rule["annotations"]["runbook_url"] == f"ops/runbooks/{rule['alert']}.md"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_unit_test_in_which_it_fires_and_one_in_which_it_does_not(rule: dict[str, Any]) -> None:
    expected = [
        bool(case["exp_alerts"])
        for path in UNIT_TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == rule["alert"]
    ]
    assert set(expected) == {True, False}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_page_with_all_that_a_page_has(rule: dict[str, Any]) -> None:
    page = (RUNBOOKS / f"{rule['alert']}.md").read_text()
    assert page.startswith(f"# {rule['alert']}\n")
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == SECTIONS
    assert "faust -A app" in page


def test_there_is_no_page_without_an_alert_and_the_list_has_them_all() -> None:
    names = {rule["alert"] for rule in ALERTS}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == names
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|$", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    assert {(case, other, severity) for case, other, severity in listed} == {
        (rule["alert"], rule["alert"], rule["labels"]["severity"]) for rule in ALERTS
    }


def test_the_pages_link_to_pages_that_exist() -> None:
    for path in RUNBOOKS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_command_that_a_page_names_exists_and_takes_what_it_is_given() -> None:
    found = [
        command
        for path in RUNBOOKS.glob("*.md")
        for command in re.findall(r"(?:^\$ |`)faust -A app ([^`#\n]+)", path.read_text(), re.MULTILINE)
    ]
    assert len(found) > 20
    commands.register()
    for line in found:
        verb, *words = line.split()
        command: click.Command = cli.commands[verb]
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        command.parse_args(click.Context(command), [PLACES.get(word, word) for word in words])  # raises UsageError


def test_the_sides_of_an_alert_are_what_it_compares() -> None:
    assert expressions.sides("sum by (a) (x) > 0") == ["sum by (a) (x)"]
    assert expressions.sides("max(a) > sum(b)") == ["max(a)", "sum(b)"]
    assert expressions.sides('x{l="y"} > 0 unless on (a, b) changes(z[3m]) > 0') == ['x{l="y"}', "changes(z[3m])"]
