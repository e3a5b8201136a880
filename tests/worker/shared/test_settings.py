"""A wrong setting stops the worker at once, and the message names it."""

from pathlib import Path

import pytest

from tests.support.worker import Worker

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROLLCALL_PARTITIONS", "zero"),
        ("ROLLCALL_PARTITIONS", "0"),
        ("ROLLCALL_PROCESSING_GUARANTEE", "twice"),
        ("ROLLCALL_PENDING_TTL_SECONDS", "a day"),
        ("ROLLCALL_HTTP_PORT", "http"),
    ],
)
def test_a_wrong_setting_stops_the_worker_with_its_name(name: str, value: str, tmp_path: Path) -> None:
    worker = Worker("127.0.0.1:9", tmp_path, settings={name: value})
    worker.launch()
    try:
        assert worker.wait_end() != 0
        assert name in worker.log.read_text()
        assert "Traceback" not in worker.log.read_text()
    finally:
        worker.close()
