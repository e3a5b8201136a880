"""How tests are spread over processes, and what is told of their progress."""

from pathlib import Path

import pytest

from tests.support import spread
from tests.support.progress import Progress
from tests.support.spread import APART, OWN, SHARED, recorded, unit_of

ROOT = Path(__file__).resolve().parents[2]


def test_every_file_and_directory_that_is_named_exists() -> None:
    assert [name for name in (*APART, *OWN, *SHARED) if not (ROOT / name).exists()] == []


def test_every_recorded_unit_still_exists() -> None:
    assert [unit for unit in recorded() if not (ROOT / unit.partition("::")[0]).exists()] == []


def test_files_that_share_a_dear_fixture_are_one_unit_and_others_are_units_of_their_own() -> None:
    assert unit_of("tests/api/test_group.py::test_a") == unit_of("tests/api/test_stream.py::test_b[x::y]")
    assert unit_of("tests/worker/shared/test_http.py::test_a") == "tests/worker/shared"
    assert unit_of("tests/history/test_late_log.py::test_a") == "tests/history/test_late_log.py"
    assert unit_of("tests/core/test_rules.py::test_a") == "tests/core/test_rules.py"
    assert unit_of("tests/crash/test_mutations.py::test_a[b]") == "tests/crash/test_mutations.py::test_a[b]"


def test_the_progress_names_what_runs_and_weighs_by_the_recorded_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spread, "DURATIONS", tmp_path / "durations.json")
    spread.record({"tests/a.py": 30, "tests/b.py": 90})
    progress = Progress(["tests/a.py::one", "tests/a.py::two", "tests/b.py::three"])
    progress.begin("tests/a.py::one")
    progress.end("tests/a.py::one")
    progress.begin("tests/b.py::three")
    assert ": 13%, 1 of 3 tests; running: tests/b.py::three (" in progress.line()
    progress.end("tests/b.py::three")
    progress.end("tests/a.py::two")
    assert progress.line().endswith(" min: 100%, 3 of 3 tests; running: nothing")


def test_the_progress_is_told_while_a_test_ends() -> None:
    progress = Progress(["tests/a.py::one", "tests/a.py::two"])

    class Meanwhile(dict[str, float]):
        def get(self, key: str, default: float = 0.0) -> float:  # type: ignore[override]  # only this one is asked for
            progress.end("tests/a.py::two")
            return super().get(key, default)

    progress.weights = Meanwhile(progress.weights)
    progress.end("tests/a.py::one")
    assert "1 of 2 tests" in progress.line()
    assert "2 of 2 tests" in progress.line()
