"""The report of a test that failed ends with what its workers said."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

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


def test_of_a_long_log_it_is_the_end_and_of_a_long_line_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "worker-0").mkdir()
    lines = [f"{number} {'x' * 1000}" for number in range(1000)]
    (tmp_path / "worker-0" / "worker.log").write_text("\n".join(lines))
    [(_, end)] = ends_of_logs({"tmp_path": tmp_path, "number": 3, "stage": SimpleNamespace(home=tmp_path / "none")})
    told = end.splitlines()
    assert (len(told), max(map(len, told))) == (60, 600)
    assert told[-1].startswith("999 ")
