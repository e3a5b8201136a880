"""Every expression of every panel, and what each alert compares, ready to be asked of a Prometheus."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from ops.dashboards import FOLDER
from tests.ops.prometheus import RULES

JOB = "rollcall"
RATE_OVER = "30s"  # what Grafana would put for $__rate_interval; the whole load fits into it, on a slow machine too

# Operators between vectors, with what they match on; and the operators that a threshold stands behind.
_SETS = re.compile(r"\b(?:and|or|unless)\b(?:\s+(?:on|ignoring)\s*\([^)]*\))?")
_COMPARISONS = re.compile(r"(?:==|!=|>=|<=|>|<)")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def panels() -> Iterator[tuple[str, str]]:
    """Where each expression of the checked-in dashboards stands, and the expression as Grafana would send it."""
    for path in sorted(FOLDER.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']} {target['refId']}", filled(target["expr"])


def filled(expression: str) -> str:
    """An expression with Grafana's variables filled in."""
    expression = expression.replace("$__rate_interval", RATE_OVER).replace("$job", JOB)
    assert "$" not in expression, f"a variable that Grafana has and this does not: {expression}"
    return expression


def rules() -> Iterator[dict[str, Any]]:
    """The alert rules."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]


def sides(expression: str) -> list[str]:
    """What an alert's expression compares, without the thresholds: each has data whether the alert fires or not."""
    return [
        side.strip()
        for part in _SETS.split(expression)
        for side in _COMPARISONS.split(_outside_of_selectors(part))
        if side.strip() and not _NUMBER.fullmatch(side.strip())
    ]


def _outside_of_selectors(part: str) -> str:
    for selector in re.findall(r"\{[^}]*\}", part):
        assert not re.search("[<>]|==|!=", selector), f"this test does not read {selector}"
    return part
