"""The alert rules as the Prometheus Operator takes them: the very groups of ``ops/prometheus/alerts.yml``."""

from pathlib import Path

import yaml

_ROOT = Path(__file__).resolve().parent.parent
ALERTS = _ROOT / "ops" / "prometheus" / "alerts.yml"

#: The generated file; a test compares it with what the code makes.
RULES = _ROOT / "deploy" / "components" / "monitoring" / "prometheusrule.yaml"

_HEAD = "# Made by `python -m ops` from ops/prometheus/alerts.yml: change that one.\n"


def prometheus_rule() -> str:
    """The PrometheusRule, as YAML. The same alerts make the same text."""
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "rollcall", "labels": {"app.kubernetes.io/name": "rollcall"}},
        "spec": yaml.safe_load(ALERTS.read_text()),
    }
    return _HEAD + yaml.safe_dump(rule, sort_keys=False, width=120, allow_unicode=True)
