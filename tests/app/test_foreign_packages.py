"""`app`, `tables` and `agents` are names that others use too: a line says which would be another's."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rollcall
from tests.support.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def run(*command: str, directory: Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "PYTHON"))}
    return subprocess.run(
        command,
        cwd=directory,
        env=kept | {"COLUMNS": "200"} | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,  # a worker that is not refused runs on
    )


def another(folder: Path, name: str) -> Path:
    """A package of that name which is not Rollcall's, and tells when it is imported."""
    (folder / name).mkdir(parents=True)
    path = folder / name / "__init__.py"
    path.write_text("import sys\nsys.stderr.write('imported')\n")
    return path


def test_here_all_are_ours() -> None:
    assert rollcall.foreign() is None


@pytest.mark.parametrize("program", [("rollcall",), ("faust", "-A", "app")])
def test_packages_in_the_directory_are_no_matter(program: tuple[str, ...], tmp_path: Path) -> None:
    """Where it is started, a folder `tables` is somebody's own; `rollcall` passes over a folder `app`, too."""
    for name in ("tables", "agents", *(["app"] if program == ("rollcall",) else [])):
        another(tmp_path, name)
    ran = run(str(BIN / program[0]), *program[1:], "status", "--help", directory=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert " status [OPTIONS]" in ran.stdout


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("app", ("rollcall",)),
        ("tables", ("rollcall",)),
        ("agents", ("rollcall",)),
        ("tables", ("faust", "-A", "app")),
        ("agents", ("faust", "-A", "app")),
    ],
)
def test_a_package_that_comes_first_on_the_path_is_told_and_not_imported(
    name: str, program: tuple[str, ...], tmp_path: Path
) -> None:
    path = another(tmp_path / "path", name)
    ran = run(str(BIN / program[0]), *program[1:], "status", directory=tmp_path, PYTHONPATH=str(path.parent.parent))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"rollcall: the package '{name}' that Python finds is {path}, not {ROOT / name}")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("program", [("rollcall",), ("faust", "-A", "app")])
def test_a_worker_tells_it_in_a_line_of_json(program: tuple[str, ...], tmp_path: Path) -> None:
    folder = another(tmp_path / "path", "tables").parent.parent
    more = {"ROLLCALL_LOG_FORMAT": "json", "PYTHONPATH": str(folder)}
    ran = run(str(BIN / program[0]), *program[1:], "worker", directory=tmp_path, **more)
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = map(json.loads, ran.stderr.splitlines())
    assert line["event"] == "the worker can't start"
    assert "'tables'" in line["error"]
    assert line.keys() >= {"level", "logger", "timestamp"}


def test_a_package_that_was_installed_over_ours_is_told(tmp_path: Path) -> None:
    """An installer puts PyTables' `tables/__init__.py` where ours was, and says nothing."""
    for name in ("app", "tables", "agents"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "rollcall.py", tmp_path)
    (tmp_path / "tables/__init__.py").write_text("import hdf5\n")
    ran = run(sys.executable, "-m", "rollcall", "status", directory=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"rollcall: {tmp_path}/tables/__init__.py is another package's")
