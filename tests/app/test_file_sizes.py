"""A file has one idea, and about 250 lines: 280 at most."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("agents", "app", "bench", "demo", "ops", "tables", "tests", "deploy")
LARGEST = 280

#: Larger ones, with the lines that each may have (rounded up). None is added, and none of them grows.
LARGER = {
    "tests/history/test_commands.py": 290,
}


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_larger_than_one_idea_needs() -> None:
    found = {
        str(path.relative_to(ROOT)): lines(path)
        for part in PARTS
        for pattern in ("*.py", "*.js")
        for path in (ROOT / part).rglob(pattern)
    }
    assert len(found) > 500
    larger = {name: count for name, count in found.items() if count > LARGER.get(name, LARGEST)}
    assert not larger, "split them by idea"


@pytest.mark.parametrize("name", sorted(LARGER))
def test_a_larger_file_is_on_the_list_only_while_it_is_larger(name: str) -> None:
    assert (ROOT / name).is_file()
    assert lines(ROOT / name) > LARGEST, "it no longer needs to be on the list"
