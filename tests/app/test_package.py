"""A release: the wheel and the sdist have what they must, and a wheel runs where there is no checkout."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.demo.test_whole import processes_of
from tests.support.forks import run_all
from tests.support.installed import Installed
from tests.support.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "tables", "agents", "demo")
BIN = Path(sys.executable).parent
LOCAL = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", ".cache", "build", "dist", "rollcall-data",
    ".env", "bench-results.json", "target", "*.so",
)  # fmt: skip
# Of the repository's files, those that the sdist has no use for.
NOT_IN_SDIST = {".gitignore", ".ci/run"}
# What setuptools puts in.
BY_SETUPTOOLS = {"PKG-INFO", "setup.cfg"}


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")} | {"COLUMNS": "120"}


def run(*command: str, directory: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, env=environment(), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout's files without what is local."""
    return Path(shutil.copytree(ROOT, tmp_path_factory.mktemp("source") / "rollcall", ignore=LOCAL))


@pytest.fixture(scope="module")
def files(source: Path) -> set[str]:
    return {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def dist(source: Path, files: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001 - before it
    """What `python -m build` makes: an sdist, and a wheel out of the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    # What the build needs is missed by itself where it lacks: to ask first, twice, is a quarter of what it takes.
    options = ["--no-isolation", "--skip-dependency-check", "--outdir", str(folder)]
    built = run(sys.executable, "-m", "build", *options, ".", directory=source)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("environment"), wheel)


def test_the_sdist_is_the_whole_repository(dist: Path, files: set[str]) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        packed = {name.partition("/")[2] for name in sdist.getnames() if not sdist.getmember(name).isdir()}
    ours = {name for name in packed - BY_SETUPTOOLS if ".egg-info/" not in name}
    assert ours == files - NOT_IN_SDIST


def test_the_wheel_has_every_file_of_the_packages_and_nothing_else(wheel: Path, files: set[str]) -> None:
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if ".dist-info/" not in name and ".data/" not in name}
    assert packed == {name for name in files if name.startswith(tuple(f"{name}/" for name in PACKAGES))} | {
        "rollcall.py"
    }


def test_the_wheel_has_the_alert_rules_the_dashboards_and_the_runbooks(installed: Installed) -> None:
    """They are installed below share/rollcall, as they are in the checkout."""
    for folder in ("grafana/dashboards", "grafana/provisioning", "runbooks"):
        expected = {path.relative_to(ROOT / "ops"): path.read_text() for path in (ROOT / "ops" / folder).rglob("*.*")}
        found = {
            path.relative_to(installed.share): path.read_text() for path in (installed.share / folder).rglob("*.*")
        }
        assert found == expected
        assert found
    for name in ("alerts.yml", "prometheus.yml"):
        assert (installed.share / "prometheus" / name).read_text() == (ROOT / "ops/prometheus" / name).read_text()


def test_the_wheel_has_the_licence_and_the_notices(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        assert {Path(name).name for name in opened.namelist() if ".dist-info/licenses/" in name} == {
            "LICENSE",
            "THIRD_PARTY.md",
        }


def test_the_packages_that_others_may_import_are_marked_as_typed() -> None:
    assert [name for name in ("app", "tables", "agents") if not (ROOT / name / "py.typed").exists()] == []


def test_what_is_installed_is_imported_from_the_wheel_alone(installed: Installed, tmp_path: Path) -> None:
    """Else the tests below would run the checkout."""
    names = (*PACKAGES, "rollcall")
    code = f"import {', '.join(names)}\nfor module in ({', '.join(names)}): print(module.__file__)"
    ran = installed.run("python", "-c", code, directory=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert all(Path(line).is_relative_to(installed.packages) for line in ran.stdout.split())


@pytest.mark.kafka
class TestRunsWithoutTheCheckout:
    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[Stage]:
        with Stage(tmp_path) as made:
            yield made

    def test_a_worker_from_an_empty_directory(self, installed: Installed, stage: Stage, tmp_path: Path) -> None:
        worker = stage.worker(settings={"ROLLCALL_LOG_FORMAT": "json"})
        empty = tmp_path / "empty"
        empty.mkdir()
        settings = {name: value for name, value in worker.env.items() if name.startswith("ROLLCALL_")}
        with worker.log.open("wb") as log:
            worker.process = subprocess.Popen(
                [str(installed.bin / "faust"), "-A", "app", "worker"],
                cwd=empty,
                env=installed.environment(**settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        worker.wait_ready()
        assert worker.get("/")[0] == 200
        for path in (ROOT / "app/board").glob("*.*s"):
            assert worker.get(f"/board/{path.name}") == (200, path.read_text())
        assert f'version="{version("rollcall")}"' in worker.get("/metrics")[1]
        shown = installed.run("rollcall", "status", directory=empty, **settings)
        assert shown.returncode == 0, shown.stderr
        worker.stop()
        assert worker.exit_code == 0
        assert list(empty.iterdir()) == []

    def test_the_demo_ends_by_itself_with_every_batch_right_and_leaves_nothing(
        self, installed: Installed, tmp_path: Path
    ) -> None:
        """From an empty directory. Those who have a checkout have the same code."""
        empty, temporary = tmp_path / "empty", tmp_path / "temporary"
        empty.mkdir()
        temporary.mkdir()
        command = ["python", "-m", "demo", "--batches", "12", "--essays", "4"]
        ran = installed.run(*command, directory=empty, TMPDIR=str(temporary))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        figures = " ".join(ran.stdout.split())
        assert "complete under Rollcall 12" in figures
        assert "outcomes right 12 of 12" in figures
        hung = re.search(r"hung under the old rule (\d+)", figures)
        assert hung is not None
        assert 0 < int(hung[1]) < 12, "some must hang under it, and those for which nothing came early must not"
        assert processes_of(temporary) == []
        assert list(temporary.iterdir()) == list(empty.iterdir()) == []


def test_rollcall_is_faust_with_the_application(tmp_path: Path) -> None:
    """From any directory: the packages are found where they are installed."""
    short = run(str(BIN / "rollcall"), "--help", directory=tmp_path)
    (full,) = run_all([["--help"]], environment())
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout == full.stdout.replace("Usage: faust ", "Usage: rollcall ")
    assert "\n  status " in short.stdout
    assert "\n  worker " in short.stdout


def test_bash_is_told_how_to_complete_rollcall_as_the_document_says(tmp_path: Path) -> None:
    document = (ROOT / "docs/how-to/operate.md").read_text()
    assert '$ eval "$(_ROLLCALL_COMPLETE=bash_source rollcall)"' in document
    script = run("env", "_ROLLCALL_COMPLETE=bash_source", str(BIN / "rollcall"), directory=tmp_path)
    assert (script.returncode, script.stderr) == (0, "")
    assert "_ROLLCALL_COMPLETE=bash_complete" in script.stdout


COMPLETED = {"st": "status", "wo": "worker", "batch show --w": "--watch", "dlq re": "replay"}


def asked(words: str) -> dict[str, str]:
    """The variables by which bash asks, by click's convention."""
    count = str(len(words.split()))
    return {"COMP_WORDS": f"rollcall {words}", "COMP_CWORD": count, "_ROLLCALL_COMPLETE": "bash_complete"}


@pytest.mark.parametrize(("words", "completed"), COMPLETED.items())
def test_rollcall_is_completed_by_the_shell(words: str, completed: str) -> None:
    (ran,) = run_all([[]], environment() | asked(words), application="")
    assert (ran.returncode, ran.stdout) == (0, f"plain,{completed}\n")


def test_rollcall_is_completed_by_the_shell_from_any_directory(tmp_path: Path) -> None:
    """As a process that is begun from nothing."""
    words, completed = "batch show --w", COMPLETED["batch show --w"]
    variables = [f"{name}={value}" for name, value in asked(words).items()]
    ran = run("env", *variables, str(BIN / "rollcall"), directory=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, f"plain,{completed}\n")


def test_rollcall_takes_no_other_application() -> None:
    for ran in run_all([["-A", "other"], ["--app", "other"], ["--app=other"]], environment(), application=""):
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.startswith("rollcall: its application is always 'app'")


def test_rollcall_says_which_release_it_is(tmp_path: Path) -> None:
    ran = run(str(BIN / "rollcall"), "--version", directory=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"rollcall {version('rollcall')}, on Faust {version('faust-streaming')}\n"
