"""The HTTP endpoints that operators rely on."""

import pytest

from tests.support.worker import Worker

pytestmark = pytest.mark.kafka


def test_a_ready_worker_says_so(worker: Worker) -> None:
    assert worker.get("/health/ready")[0] == 200
    assert worker.get("/health/live")[0] == 200


def test_metrics_are_prometheus_text(worker: Worker) -> None:
    status, text = worker.get("/metrics")
    assert status == 200
    assert "# TYPE " in text
    assert "# HELP " in text


def test_an_unknown_path_is_not_found(worker: Worker) -> None:
    assert worker.get("/no/such/path")[0] == 404
