"""What the engine runs for a partition: nothing is logged, counted or kept of a chunk that comes to nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

import agents.processor
from agents.chunk_changes import ChunkChanges
from agents.processor import JoinProcessor
from app.engine.state.store import Store
from app.settings import Settings
from tests.agents.log import Log
from tests.support.events import Message


@pytest.fixture
def counted() -> list[ChunkChanges]:
    return []


class Lines(list[dict[str, object]]):
    """A logger that keeps its lines: the real one may have been configured by an earlier test, for good."""

    def log(self, _: int, event: str, **fields: object) -> None:
        self.append({"event": event, **fields})


def test_a_line_is_logged_once_its_chunk_is_durable_and_not_before(
    tmp_path: Path, counted: list[ChunkChanges], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    monkeypatch.setattr(agents.processor, "log", lines)
    store = Store(tmp_path / "partition-0")
    store.open()
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    processor = JoinProcessor(0, store, 1000, lambda: datetime.now(UTC), settings, counted.append)
    log = Log()
    log.send(Message("huleedu.file.essay.content.provisioned.v1", b"k", b"not an event"))
    (work,) = processor.process(log.records)
    assert (lines, counted) == ([], [])
    assert work is not None
    processor.written(work, 1)
    store.close()
    assert [(line["event"], line["reason"], line["offset"]) for line in lines] == [("dead letter", "malformed", 0)]
    assert counted == [work]
