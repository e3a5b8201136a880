"""Which of the two runs, and who says so."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from app import native
from app.settings import Settings
from tests.support.worker import ROOT

SAYS = "import json; from app import native; print(json.dumps([native.AVAILABLE, native.RUNS, native.WHY_NOT]))"
EVERY = "from app.settings import Settings; from app.topology import topology; print(topology(Settings()).bulk)"


def said(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("value", ["1", "true", "yes", "on"])
def test_the_twin_is_chosen_by_an_environment_variable(value: str) -> None:
    assert json.loads(said(SAYS, ROLLCALL_PURE=value)) == [False, "python", "chosen by ROLLCALL_PURE"]
    assert Settings(_env_file=None, pure=value).pure  # type: ignore[call-arg,arg-type]


@pytest.mark.parametrize("value", ["0", "false", "no", ""])
def test_no_is_no(value: str) -> None:
    available, _, why_not = json.loads(said(SAYS, ROLLCALL_PURE=value))
    assert "chosen" not in why_not
    if native.AVAILABLE:  # else these tests run with the twin, which may have been chosen for them
        assert available


def test_without_the_native_part_the_application_is_made_without_its_native_side() -> None:
    assert said(EVERY, ROLLCALL_PURE="1") == "None"


def test_a_native_part_of_another_interface_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "app.native._native", SimpleNamespace(INTERFACE=native.INTERFACE + 1))
    monkeypatch.delenv(native.PURE, raising=False)
    assert native.loaded() == (None, "the native part was built from other sources")
