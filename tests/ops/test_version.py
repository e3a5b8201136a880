"""A release's number is written once, in pyproject.toml, and by a command wherever it can't be read there."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from ops.version import PLACES, ReleaseError, release, version, written
from tests.support.worker import ROOT

TODAY = date(2026, 12, 1)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("CHANGELOG.md", *(place for place, _ in PLACES)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_every_place_has_the_number_of_the_project() -> None:
    assert {number for _, number in written()} == {version()}
    assert {name for name, _ in written()} == {name for name, _ in PLACES}


def test_no_image_of_ours_is_named_elsewhere_with_a_number() -> None:
    """Else a place is missing in the list."""
    places = [path for folder in ("deploy", "docs", "ops") for path in (ROOT / folder).rglob("*.*")]
    places += [path for path in ROOT.iterdir() if path.is_file()]
    naming = {
        str(path.relative_to(ROOT))
        for path in places
        if path.suffix in {".md", ".yml", ".yaml", ""} and re.search(r"\brollcall(-demo)?:\d+\.\d", path.read_text())
    }
    assert naming <= {name for name, _ in PLACES}


def test_the_command_writes_the_number_everywhere_and_the_date_into_the_changelog(copy: Path) -> None:
    before = (copy / "CHANGELOG.md").read_text()
    release("7.0.1", TODAY, copy)
    assert {number for _, number in written(copy)} == {"7.0.1"}
    assert len(written(copy)) == len(written())
    head = "## [Unreleased]\n"
    assert (copy / "CHANGELOG.md").read_text() == before.replace(head, f"{head}\n## [7.0.1] - 2026-12-01\n")


@pytest.mark.parametrize(
    ("number", "told"),
    [("0.1.0", "0.1.0 is no later than 0.1.0"), ("0.0.9", "0.0.9 is no later"), ("next", "Invalid version: 'next'")],
)
def test_a_number_that_is_none_or_no_later_changes_nothing(number: str, told: str, copy: Path) -> None:
    before = {path: path.read_text() for path in copy.rglob("*.*") if path.is_file()}
    with pytest.raises(ReleaseError, match=re.escape(told.replace("0.1.0", version()))):
        release(number.replace("0.1.0", version()), TODAY, copy)
    assert {path: path.read_text() for path in before} == before


def test_a_release_says_what_there_is_to_do_for_an_upgrade(copy: Path) -> None:
    changelog = copy / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("### To upgrade", "### Other"))
    with pytest.raises(ReleaseError, match="To upgrade"):
        release("7.0.1", TODAY, copy)
    assert {number for _, number in written(copy)} == {version()}
