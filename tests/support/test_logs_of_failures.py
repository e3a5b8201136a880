"""The report of a test that failed ends with what its workers said."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from demo.kafka import EmbeddedKafka
from tests.support import shared_jvm as module
from tests.support.logs_of_failures import ends_of_logs

ROOT = Path(__file__).resolve().parents[2]

#: A test whose worker has said something, by way of both kinds of fixtures, and which fails.
FAILS = """
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def stage(tmp_path):
    (tmp_path / "shared" / "worker-1").mkdir(parents=True)
    (tmp_path / "shared" / "worker-1" / "worker.log").write_text("the second was here")
    return SimpleNamespace(home=tmp_path / "shared")


def test_it(tmp_path: Path, stage):
    (tmp_path / "worker-0").mkdir()
    (tmp_path / "worker-0" / "worker.log").write_text("the first was here")
    assert False
"""


def test_the_report_of_a_failed_test_has_the_ends_of_its_workers_logs(tmp_path: Path) -> None:
    (tmp_path / "test_fails.py").write_text(FAILS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path / "test_fails.py")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    ends = ran.stdout.partition("the end of")[2]
    for words in ("worker-0/worker.log", "the first was here", "worker-1/worker.log", "the second was here"):
        assert words in ends, ran.stdout


def test_what_brokers_and_their_jvm_said_is_there_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = {name: tmp_path / name / "broker.log" for name in ("lent", "of-a-stage", "silent")}
    for name, log in logs.items():
        log.parent.mkdir()
        log.write_text("" if name == "silent" else f"{name} was here\n")
    lent, of_a_stage, silent = (EmbeddedKafka(data_dir=log.parent) for log in logs.values())
    (tmp_path / "jvm.log").write_text("all of them were here\n")
    monkeypatch.setattr(module._Shared, "jvm", SimpleNamespace(log=tmp_path / "jvm.log"))
    stage = SimpleNamespace(home=tmp_path / "none", kafka=of_a_stage)
    told = dict(ends_of_logs({"kafka": lent, "stage": stage, "other": silent, "closed": EmbeddedKafka()}))
    assert told == {
        f"the end of {tmp_path.name}/jvm.log": "all of them were here",
        "the end of lent/broker.log": "lent was here",
        "the end of of-a-stage/broker.log": "of-a-stage was here",
    }


def test_of_a_long_log_it_is_the_end_and_of_a_long_line_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker-0").mkdir()
    lines = [f"{number} {'x' * 1000}" for number in range(1000)]
    (tmp_path / "worker-0" / "worker.log").write_text("\n".join(lines))
    monkeypatch.setattr(module._Shared, "jvm", None)
    [(_, end)] = ends_of_logs({"tmp_path": tmp_path, "number": 3, "stage": SimpleNamespace(home=tmp_path / "none")})
    told = end.splitlines()
    assert (len(told), max(map(len, told))) == (60, 600)
    assert told[-1].startswith("999 ")
