"""A Prometheus of one's own, and what of it is needed: `up` after a first scrape, and the value of an expression."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from demo.kafka import free_port
from tests.support.patience import PATIENCE
from tests.support.worker import LAUNCHER, ROOT

RULES = ROOT / "ops" / "prometheus" / "alerts.yml"
PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
WHERE = "it comes with the package prometheus of Debian and Ubuntu"

needs_prometheus = pytest.mark.skipif(PROMETHEUS is None, reason=f"there is no prometheus here: {WHERE}")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason=f"there is no promtool here: {WHERE}")


class QueryError(Exception):
    """Prometheus refused an expression. The message is its own."""


class Prometheus:
    """Scrapes targets each second as the job `rollcall`, with the project's rules. A context manager."""

    def __init__(self, home: Path, targets: Sequence[str], token: str) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{free_port()}"
        home.mkdir(parents=True, exist_ok=True)
        secret = home / "token"
        secret.write_text(token)
        job = {
            "job_name": "rollcall",
            "authorization": {"credentials_file": str(secret)},
            "static_configs": [{"targets": list(targets)}],
        }
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [job],
        }
        (home / "prometheus.yml").write_text(yaml.safe_dump(config))

    def __enter__(self) -> Self:
        assert PROMETHEUS is not None
        address = self.url.removeprefix("http://")
        options = [
            f"--config.file={self.home / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.home / 'data'}",
            f"--web.listen-address={address}",
        ]
        with (self.home / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, str(os.getpid()), PROMETHEUS, *options], stdout=log, stderr=log
            )
        try:
            self.wait(self._ready, "ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)

    def wait(self, true: Any, what: str, within: float = PATIENCE) -> None:
        """Wait until something is true. Raises AssertionError with the end of the log."""
        deadline = time.monotonic() + within
        while not true():
            log = (self.home / "prometheus.log").read_text()[-2000:]
            assert self._process.poll() is None, f"prometheus ended\n{log}"
            assert time.monotonic() < deadline, f"prometheus: not {what} within {within} s\n{log}"
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/-/ready", timeout=2) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except OSError:
            return False

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer of the HTTP API. Raises QueryError."""
        try:
            address = f"{self.url}/api/v1/{path}?{urlencode(parameters)}"
            with urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 - loopback
                return json.load(answer)["data"]
        except HTTPError as error:
            raise QueryError(error.read().decode()) from error

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The series that an expression gives now: labels and value. Raises QueryError."""
        data = self.get("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]

    def value(self, expression: str) -> float | None:
        """The value of an expression that gives one series, or None where it gives none."""
        found = self.query(expression)
        assert len(found) <= 1, f"{expression} gives {len(found)} series"
        return found[0][1] if found else None
