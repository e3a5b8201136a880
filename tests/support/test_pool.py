"""Several processes share tests: what they report is told as if one had run them, and a lost process loses nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from tests.support.pool import in_units

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = """
import os

from tests.support.pool import Pool

def let_go():
    os.write(1, b"let go\\n")

def pytest_configure(config):
    config.addinivalue_line("markers", "kafka: needs a broker")
    config.pluginmanager.register(Pool(PROCESSES, let_go=let_go), "pool")
"""

TWO = CONFTEST.replace("PROCESSES", "2")
MARKED = "import pytest\npytestmark = pytest.mark.kafka\n"
ONE_AND_ONE_BESIDE = CONFTEST.replace("PROCESSES", "1, 1")

Run = Callable[..., tuple[int, str]]


def started(directory: Path, *options: str) -> "subprocess.Popen[str]":
    """Pytest with two processes over the files of a directory."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", f"--basetemp={directory / 'made'}", *options],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the tests of some files, by name, in two processes; returns the exit status and what was told."""

    def run(files: dict[str, str], *options: str) -> tuple[int, str]:
        for name, text in ({"conftest": TWO} | files).items():
            (tmp_path / f"{name}.py").write_text(text, "utf-8")
        with started(tmp_path, *options) as process:
            told, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, told

    return run


def outcomes(told: str) -> dict[str, str]:
    """The outcome of each test as the closing summary has it."""
    return {name: outcome for outcome, name in re.findall(r"^(PASSED|FAILED|ERROR) (\S+)", told, re.MULTILINE)}


def test_a_unit_is_a_file_and_keeps_its_place() -> None:
    assert list(in_units(["tests/b.py::x", "tests/b.py::y", "tests/a.py::x"])) == [[0, 1], [2]]


def test_a_directory_that_is_a_unit_is_two_where_some_files_have_tests_with_a_broker() -> None:
    files = ["test_fuzz.py::a", "test_group.py::a", "test_group.py::b", "test_floods.py::a"]
    assert list(in_units([f"tests/api/{name}" for name in files], {2})) == [[0, 3], [1, 2]]
    assert list(in_units([f"tests/api/{name}" for name in files])) == [[0, 1, 2, 3]]


def test_all_outcomes_are_told_once_from_processes_of_their_own(run: Run) -> None:
    one = "import os\nimport pytest\ndef test_good(): print('by', os.getpid(), os.getppid())\n"
    one += "@pytest.mark.skip(reason='on purpose')\ndef test_skipped(): ...\n"
    other = "import os, warnings\ndef test_bad():\n print('by', os.getpid(), os.getppid())\n assert 1 == 2\n"
    other += "def test_warns(): warnings.warn('mind this')\n"
    status, told = run({"test_one": one, "test_other": other})
    assert status == pytest.ExitCode.TESTS_FAILED
    good = {"test_one.py::test_good": "PASSED", "test_other.py::test_warns": "PASSED"}
    assert outcomes(told) == good | {"test_other.py::test_bad": "FAILED"}
    assert "1 failed, 2 passed, 1 skipped, 1 warning in" in told
    assert "assert 1 == 2" in told
    assert "UserWarning: mind this" in told
    (first, parent), (second, same) = re.findall(r"^by (\d+) (\d+)$", told, re.MULTILINE)
    assert first != second
    assert parent == same


def test_a_process_that_ends_in_the_middle_of_a_test_fails_that_one_and_another_runs_the_rest(run: Run) -> None:
    dies = "import os\ndef test_before(): ...\ndef test_dies(): os._exit(7)\ndef test_after(): ...\n"
    status, told = run({"test_dies": dies, "test_lives": "def test_it(): ...\n"})
    assert status == pytest.ExitCode.TESTS_FAILED
    assert outcomes(told).pop("test_dies.py::test_dies") == "FAILED"
    assert "ended in the middle of it, with 7" in told
    assert "1 failed, 3 passed in" in told


def test_a_process_that_ends_badly_after_its_tests_fails_the_run(run: Run) -> None:
    bad = "import atexit, os\ndef test_it(): atexit.register(os._exit, 3)\n"
    status, told = run({"test_bad": bad})
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "a process of tests ended with 3" in told


def test_after_the_first_failure_no_further_test_begins_if_so_wanted(run: Run) -> None:
    first = "import pytest, time\ndef test_fails(): assert False\n"
    first += "@pytest.mark.parametrize('n', range(1000))\ndef test_next(n): time.sleep(0.01)\n"
    status, told = run({"test_first": first}, "-x")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "stopping after 1 failures" in told
    assert list(outcomes(told).values()).count("FAILED") == 1
    assert len(outcomes(told)) < 1000


def test_an_error_of_collecting_runs_nothing(run: Run) -> None:
    status, told = run({"test_broken": "import nothing_of_this_name\n", "test_it": "def test_it(): ...\n"})
    assert status == pytest.ExitCode.INTERRUPTED
    assert outcomes(told) == {"test_broken.py": "ERROR"}


def test_what_tests_write_at_the_same_time_stays_apart(run: Run) -> None:
    text = "def test_{0}():\n for n in range(400): print('{0}', n, flush=True)\n"
    status, told = run({f"test_{name}": text.format(name) for name in "ab"})
    assert status == pytest.ExitCode.OK
    for name in "ab":
        said = told.partition(f" test_{name} _")[2].partition("\n____")[0].partition("\n====")[0]
        assert re.findall(r"^(\w) (\d+)$", said, re.MULTILINE) == [(name, str(n)) for n in range(400)]


def test_processes_share_neither_directories_nor_random_numbers(run: Run) -> None:
    text = "import random\ndef test_it(tmp_path): print('got', tmp_path, random.random())\n"
    _, told = run({"test_a": text, "test_b": text})
    (one, first), (other, second) = re.findall(r"^got (\S+) (\S+)$", told, re.MULTILINE)
    assert Path(one).parent != Path(other).parent
    assert first != second


def test_what_a_file_shares_ends_with_it(run: Run) -> None:
    text = "import pytest\n@pytest.fixture(scope='module')\ndef thing():\n yield 1\n print('ended', __name__)\n"
    text += "def test_a(thing): print('ran', __name__)\ndef test_b(thing): print('ran', __name__)\n"
    _, told = run({f"test_{number}": text for number in range(3)})
    said = re.findall(r"^(ran|ended) (test_\d)$", told, re.MULTILINE)
    for number in range(3):
        assert [verb for verb, name in said if name == f"test_{number}"] == ["ran", "ran", "ended"]


def test_what_is_kept_for_tests_with_a_broker_goes_before_the_first_unit_that_is_followed_by_none(run: Run) -> None:
    # A line at a call: what two processes print in pieces is mixed up.
    text = "import os, time\ndef test_it(): time.sleep(0.1); os.write(1, f'ran {__name__}\\n'.encode())\n"
    marked = "import pytest\npytestmark = pytest.mark.kafka\n" + text
    _, told = run({"test_1": marked, "test_2": marked, "test_3": marked, "test_4": text, "test_5": text}, "-s")
    said = re.findall(r"let go|ran test_\d", told)
    assert said.index("let go") > said.index("ran test_1")
    assert said.index("let go") < min(said.index("ran test_4"), said.index("ran test_5"))
    assert "ran test_3" in said


@pytest.mark.parametrize("marked", [True, False])
def test_what_all_have_in_common_begins_before_the_first_test_and_is_told_whether_one_needs_a_broker(
    run: Run, *, marked: bool
) -> None:
    before = TWO.replace("let_go=let_go", "before=lambda kafka: os.write(1, b'before %d\\n' % kafka)")
    text = MARKED * marked + "import os\ndef test_it(): os.write(1, b'ran\\n')\n"
    _, told = run({"conftest": before, "test_1": text, "test_2": "def test_it(): ...\n"}, "-s")
    assert re.findall(r"before \d|ran", told) == [f"before {marked:d}", "ran"]


def test_ctrl_c_ends_all_processes(tmp_path: Path) -> None:
    text = "import os, time\nfrom pathlib import Path\ndef test_it():\n"
    text += f" Path({str(tmp_path)!r}, f'pid-{{os.getpid()}}').touch()\n time.sleep({PATIENCE})\n"
    for name in ("test_a", "test_b"):
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
    (tmp_path / "conftest.py").write_text(TWO, "utf-8")
    with started(tmp_path) as process:
        deadline = time.monotonic() + PATIENCE
        while len(begun := list(tmp_path.glob("pid-*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in told
    assert len(begun) == 2
    assert [name for name in begun if Path("/proc", name.name.removeprefix("pid-")).exists()] == []


TELLS = "import os, pathlib, time\ndef tell(): os.write(1, f'{__name__} {os.getpid()}\\n'.encode())\n"


def test_tests_without_a_broker_run_beside_those_with_one_in_a_process_of_their_own(run: Run) -> None:
    waits = "def test_it():\n tell()\n until = time.monotonic() + 60\n"
    waits += " while not pathlib.Path('found').exists(): assert time.monotonic() < until; time.sleep(0.01)\n"
    files = {
        "conftest": ONE_AND_ONE_BESIDE,
        "test_1": MARKED + TELLS + waits,
        "test_2": MARKED + TELLS + "def test_it(): tell()\n",
        "test_3": TELLS + "def test_it(): tell(); pathlib.Path('found').touch()\n",
    }
    status, told = run(files, "-s")
    assert status == pytest.ExitCode.OK
    said = dict(re.findall(r"(test_\d) (\d+)", told))
    assert said["test_1"] == said["test_2"] != said["test_3"]


def test_what_a_lost_process_leaves_is_run_by_another_of_either_kind(run: Run) -> None:
    text = TELLS + "def test_before(): os._exit(7)\ndef test_after(): tell()\n"
    status, told = run({"conftest": ONE_AND_ONE_BESIDE, "test_1": MARKED + text, "test_2": text}, "-s")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "2 failed, 2 passed" in told
