"""One Kafka and one worker that has seen everything: repeats, conflicts, deadlines, acts, dead letters."""

from collections.abc import Iterator

import pytest

from tests.history.story import Story, tell
from tests.support.stage import Stage

# Deadlines that pass within a test, looked at often.
SETTINGS = {
    "ROLLCALL_READINESS_TIMEOUT_SECONDS": "3",
    "ROLLCALL_PENDING_TTL_SECONDS": "2",
    "ROLLCALL_TICK_SECONDS": "0.1",
}


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A worker that runs, and what it was told."""
    with Stage(tmp_path_factory.mktemp("history"), settings=SETTINGS) as stage:
        worker = stage.worker()
        worker.start()
        yield tell(stage, worker)
