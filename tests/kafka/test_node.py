"""The metadata of an empty node: asked of Kafka's own tool once, kept beside the jars, and written with other ids."""

import sys
from pathlib import Path

import pytest

from demo.kafka import KafkaError
from demo.kafka.node import checkpoint_file, format_node

#: Stands for Java with the tool.
TOOL = [
    sys.executable,
    "-c",
    "import pathlib; pathlib.Path('log').mkdir(); pathlib.Path('log/bootstrap.checkpoint').write_text('new')",
]
FAILING = [sys.executable, "-c", "raise SystemExit(1)"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it would be kept, in a directory of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = checkpoint_file()
    kept.parent.mkdir(parents=True)
    return kept


def formatted(command: list[str], data_dir: Path, node_id: str = "1") -> Path:
    data_dir.mkdir()
    with (data_dir / "broker.log").open("ab") as log:
        format_node(command, data_dir, log, "a-cluster", node_id)
    return data_dir / "log"


def test_the_tool_is_asked_once_and_what_it_wrote_is_kept_for_other_nodes(cache: Path, tmp_path: Path) -> None:
    formatted(TOOL, tmp_path / "first")
    assert cache.read_text() == "new"
    home = formatted(FAILING, tmp_path / "second", "7")
    assert (home / "bootstrap.checkpoint").read_text() == "new"
    ids = dict(line.split("=") for line in (home / "meta.properties").read_text().splitlines())
    assert (ids["cluster.id"], ids["node.id"], ids["version"]) == ("a-cluster", "7", "1")
    assert len(ids["directory.id"]) == 22


def test_a_tool_that_fails_leaves_nothing_and_is_told(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(KafkaError, match="could not be formatted"):
        formatted(FAILING, tmp_path / "first")
    assert list(cache.parent.iterdir()) == []


def test_a_cache_that_can_not_be_written_to_stops_nobody(cache: Path, tmp_path: Path) -> None:
    cache.parent.rmdir()
    assert (formatted(TOOL, tmp_path / "first") / "bootstrap.checkpoint").read_text() == "new"
