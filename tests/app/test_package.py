"""What is installed: every file of the packages, the marker of typed packages, and the program ``rollcall``."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "tables", "agents", "demo")
BIN = Path(sys.executable).parent
BUILD = "from setuptools.build_meta import build_wheel; print(build_wheel('.'))"


def run(*command: str, directory: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return subprocess.run(
        command, cwd=directory, env=environment | {"COLUMNS": "120"}, capture_output=True, text=True, check=False
    )


def test_the_wheel_has_every_file_of_the_four_packages_and_nothing_else(tmp_path: Path) -> None:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    files = {str(path.relative_to(tmp_path)) for name in PACKAGES for path in (tmp_path / name).rglob("*.*")}
    built = run(sys.executable, "-c", BUILD, directory=tmp_path)
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(tmp_path / built.stdout.splitlines()[-1]) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == files


def test_the_packages_that_others_may_import_are_marked_as_typed() -> None:
    assert [name for name in ("app", "tables", "agents") if not (ROOT / name / "py.typed").exists()] == []


def test_rollcall_is_faust_with_the_application(tmp_path: Path) -> None:
    """From any directory: the packages are found where they are installed."""
    short = run(str(BIN / "rollcall"), "--help", directory=tmp_path)
    full = run(str(BIN / "faust"), "-A", "app", "--help")
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout == full.stdout.replace("Usage: faust ", "Usage: rollcall ")
    assert "\n  status " in short.stdout
    assert "\n  worker " in short.stdout


def test_rollcall_takes_no_other_application() -> None:
    for options in (["-A", "other"], ["--app", "other"], ["--app=other"]):
        ran = run(str(BIN / "rollcall"), *options, "status")
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.startswith("rollcall: its application is always 'app'")
