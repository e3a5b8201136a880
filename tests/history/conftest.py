"""One Kafka and one worker that has seen everything: repeats, conflicts, deadlines, acts, dead letters."""

from collections.abc import Iterator

import pytest

from tests.history.story import Story, tell
from tests.support.patience import slowness
from tests.support.stage import Stage


def deadlines() -> dict[str, str]:
    """Deadlines that pass within a test, and not before what is told until then has happened: 1 s of work, idle."""
    seconds = 4 * slowness()
    return {
        "ROLLCALL_READINESS_TIMEOUT_SECONDS": f"{1.5 * seconds:.1f}",
        "ROLLCALL_PENDING_TTL_SECONDS": f"{seconds:.1f}",
        "ROLLCALL_TICK_SECONDS": "0.1",
    }


@pytest.fixture(scope="package")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A worker that runs, and what it was told."""
    with Stage(tmp_path_factory.mktemp("history"), settings=deadlines()) as stage:
        worker = stage.worker()
        worker.start()
        yield tell(stage, worker)
