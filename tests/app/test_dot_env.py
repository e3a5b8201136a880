"""A file ``.env`` that says nothing, and settings that are none: told, where they were passed over in silence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import dot_env, environment
from app.environment import SettingsError
from tests.support.worker import ROOT

P = "ROLLCALL_"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(P):
            monkeypatch.delenv(name)
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ('A=1\nROLLCALL_PARTITIONS="4\nX=y', 2, "ROLLCALL_PARTITIONS"),
        ("# a remark\n\nROLLCALL_BROKER\n", 3, "ROLLCALL_BROKER"),
        ("rollcall_broker 127.0.0.1:9092\n", 1, "rollcall_broker 127.0.0.1:9092"),
    ],
)
def test_a_line_of_which_a_setting_would_be_lost_is_refused(here: Path, text: str, line: int, name: str) -> None:
    here.write_text(text)
    with pytest.raises(SettingsError, match=rf"\.env line {line} can't be read, and {name} would be lost"):
        environment.load()


@pytest.mark.parametrize(
    "text", ['OTHER="4\n', "OTHER\n", "", "\ufeffROLLCALL_PARTITIONS=6\n", "export ROLLCALL_PARTITIONS='6' # six\n"]
)
def test_what_is_no_matter_of_ours_is_let_be(here: Path, text: str) -> None:
    here.write_text(text)
    assert environment.load().partitions in {3, 6}


def test_what_is_no_file_is_refused(here: Path) -> None:
    here.mkdir()
    with pytest.raises(SettingsError, match=r"\.env is a directory \(Docker makes one"):
        environment.load()
    here.rmdir()
    here.symlink_to("/nowhere")
    with pytest.raises(SettingsError, match=r"\.env is a link to /nowhere"):
        environment.load()
    here.unlink()
    os.mkfifo(here)
    with pytest.raises(SettingsError, match=r"\.env is no file"):
        environment.load()
    assert environment.json_logs_wanted() in {True, False}  # and does not wait for somebody who writes into it


def test_what_looks_like_a_setting_and_is_none_is_named_with_what_may_be_meant(here: Path) -> None:
    here.write_text("ROLLCALL_BROKERS=a:1\nOTHER=1\nROLLCALL_APP_ID=x\n")
    given = {"ROLLCALL_PROCESSING_GARANTEE": "exactly_once", "rollcall_partitions": "3", "ROLLCALL_QQQ": "1"}
    assert environment.unknown(given) == {
        "ROLLCALL_BROKERS": "is ROLLCALL_BROKER meant?",
        "ROLLCALL_PROCESSING_GARANTEE": "is ROLLCALL_PROCESSING_GUARANTEE meant?",
        "ROLLCALL_QQQ": "there is none of this name",
    }
    assert dot_env.unknown({"ROLLCALL_A"}, {"ROLLCALL_A": None}, P) == {}


def test_a_worker_says_both_in_lines_of_json(here: Path) -> None:
    here.write_text('ROLLCALL_PARTITIONS="3\nOTHER="x\n')
    faust = str(Path(sys.executable).parent / "faust")
    env = {name: value for name, value in os.environ.items() if not name.startswith(P)}
    ended = subprocess.run(
        [faust, "-A", "app", "worker"],
        cwd=here.parent,
        env=env | {"PYTHONPATH": str(ROOT), "ROLLCALL_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert lines[-1]["event"] == "the worker can't start"
    assert ".env line 1 can't be read" in lines[-1]["error"]
