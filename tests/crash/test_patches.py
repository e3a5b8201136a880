"""The simulated world leaves nothing behind."""

import structlog
from structlog.testing import capture_logs

from app import logs
from tests.crash.patches import simulated


def test_a_logger_that_is_first_used_in_the_simulated_world_is_heard_after_it() -> None:
    logs.configure()
    log = structlog.get_logger("first used in the simulated world")
    with simulated():
        log.warning("nobody hears this")
    with capture_logs() as lines:
        log.warning("this is heard")
    assert [line["event"] for line in lines] == ["this is heard"]
