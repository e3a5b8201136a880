"""What an operator sees while a real worker works: a real Prometheus scrapes it, and every expression that the
dashboards and the alerts use is asked of it. None may be empty, and none in error.
"""

import math
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.request import Request, urlopen

import pytest

from tests.ops import expressions
from tests.ops.prometheus import PROMTOOL, Prometheus, needs_prometheus, needs_promtool
from tests.oracle import topics
from tests.support.events import BASE, Message, content, essay_ids, failure, message, registration
from tests.support.patience import PATIENCE
from tests.support.stage import Stage
from tests.support.worker import Worker

pytestmark = [pytest.mark.kafka, needs_prometheus]

TOKEN, READ_TOKEN = "a-token-of-the-tests", "a-read-token-of-the-tests"
STUCK_AFTER = 1.0
ROUNDS, PAUSE = 14, 0.3  # of load: some scrapes lie between its first round and its last one


def load(number: int) -> Iterator[Message]:
    """A round: two batches that complete, one that is left one content short, one that waits, and garbage."""
    now = (datetime.now(UTC) - BASE).total_seconds()
    for name in (f"done-{number}-0", f"done-{number}-1"):
        slots = essay_ids(name, 3)
        yield message(content(name, f"{name}-u0", f"{name}-t0", second=now))
        yield message(registration(name, slots))
        yield message(content(name, f"{name}-u1", f"{name}-t1", second=now))
        yield message(failure(name, f"{name}-u2", second=now))
        yield message(content(name, f"{name}-u3", f"{name}-t3", second=now))
    short = f"short-{number}"
    yield message(registration(short, essay_ids(short, 2)))
    yield message(content(short, f"{short}-u0", f"{short}-t0", second=now))
    yield message(content(f"waits-{number}", f"waits-{number}-u0", f"waits-{number}-t0", second=now))
    yield Message(topics.CONTENT, b"garbage", b"{")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    settings = {
        "ROLLCALL_HTTP_TOKEN": TOKEN,
        "ROLLCALL_HTTP_READ_TOKEN": READ_TOKEN,
        "ROLLCALL_STUCK_AFTER_SECONDS": str(STUCK_AFTER),
    }
    with Stage(tmp_path_factory.mktemp("live"), settings=settings) as made:
        yield made


@pytest.fixture(scope="module")
def worker(stage: Stage) -> Worker:
    made = stage.worker()
    made.start()
    return made


@pytest.fixture(scope="module")
def prometheus(stage: Stage, worker: Worker) -> Iterator[Prometheus]:
    """A Prometheus that has seen the load come and be worked off."""
    with Prometheus(worker.home / "prometheus", [f"127.0.0.1:{worker.port}"], READ_TOKEN) as made:
        made.wait(lambda: made.value("sum(rollcall_ready)") == 1, "scraping a ready worker")
        for number in range(ROUNDS):
            stage.io.produce(load(number))
            time.sleep(PAUSE)
        made.wait(
            lambda: made.value("sum(rollcall_ready_after_last_upload_seconds_count)") == 2 * ROUNDS,
            "scraping the end",
        )
        yield made


@pytest.fixture(scope="module")
def answers(prometheus: Prometheus) -> dict[str, list[float]]:
    """What every expression gave, all asked at once after the load."""
    asked = dict(expressions.panels())
    for rule in expressions.rules():
        for number, side in enumerate(expressions.sides(rule["expr"])):
            asked[f"{rule['alert']} {number}"] = side
    return {where: [value for _, value in prometheus.query(expression)] for where, expression in asked.items()}


def test_every_expression_of_every_panel_and_alert_gives_figures(answers: dict[str, list[float]]) -> None:
    assert len(answers) > 50
    empty = [where for where, values in answers.items() if not values]
    assert not empty, f"empty: {empty}"
    nothing = [where for where, values in answers.items() if not any(map(math.isfinite, values))]
    assert not nothing, f"no number at all: {nothing}"


def test_the_figures_are_what_was_sent(prometheus: Prometheus) -> None:
    counted = {
        'sum(rollcall_batches{state="complete"})': 2 * ROUNDS,
        'sum(rollcall_batches{state="open"})': ROUNDS,
        'sum(rollcall_batches{state="unregistered"})': ROUNDS,
        "sum(rollcall_pending_uploads)": ROUNDS,
        'sum(rollcall_dead_letters_total{reason="malformed"})': ROUNDS,
        "sum(rollcall_dead_letters_total)": ROUNDS,
        "sum(rollcall_ready_after_registration_seconds_count)": 2 * ROUNDS,
        "sum(rollcall_ready_after_last_upload_seconds_count)": 2 * ROUNDS,
        f'sum(rollcall_outputs_total{{topic="{topics.READY}"}})': 2 * ROUNDS,
        # Which of them are held and which are excess is for the race of the three topics to say.
        f'sum(rollcall_records_total{{topic="{topics.CONTENT}",outcome=~"assigned|held|excess"}})': 8 * ROUNDS,
        f'sum(rollcall_records_total{{topic="{topics.CONTENT}",outcome="rejected"}})': ROUNDS,
        f'sum(rollcall_records_total{{topic="{topics.FAILED}",outcome=~"slot_failed|held|recorded"}})': 2 * ROUNDS,
        f'rollcall_records_total{{topic="{topics.REGISTERED}",outcome="registered"}}': 3 * ROUNDS,
        "sum(rollcall_rekeyed_records_total)": 14 * ROUNDS,
        "sum(rollcall_log_partitions)": 3,
        "max(rollcall_configured_partitions)": 3,
        "sum(rollcall_build_info)": 1,
        "sum(rollcall_lag_records)": 0,
        "sum(rollcall_transaction_aborts_total)": 0,
        "sum(rollcall_restore_records_left)": 0,
    }
    # The last of them become stuck, and the lag is gone, a scrape later.
    prometheus.wait(lambda: prometheus.value("sum(rollcall_stuck_batches)") == 2 * ROUNDS, "seeing all stuck")
    prometheus.wait(lambda: prometheus.value("sum(rollcall_lag_records)") == 0, "seeing the lag go")
    assert {expression: prometheus.value(expression) for expression in counted} == counted
    age = prometheus.value("max(rollcall_oldest_pending_age_seconds)")
    assert age is not None
    assert ROUNDS * PAUSE < age < 120
    upload_to_ready = prometheus.value(
        "sum(rollcall_ready_after_last_upload_seconds_sum) / sum(rollcall_ready_after_last_upload_seconds_count)"
    )
    assert upload_to_ready is not None
    assert 0 < upload_to_ready < 10
    size = prometheus.value("sum(rollcall_state_bytes)")
    assert size is not None
    assert size > 1000


def test_a_batch_that_is_left_short_makes_the_alert_pending(prometheus: Prometheus) -> None:
    """It fires after another minute, which the unit tests of the rules wait for."""

    def states() -> dict[str, str]:
        return {alert["labels"]["alertname"]: alert["state"] for alert in prometheus.get("alerts")["alerts"]}

    prometheus.wait(lambda: "RollcallBatchStuck" in states(), "alerting")
    assert states()["RollcallBatchStuck"] == "pending"
    assert states()["RollcallDeadLetters"] == "firing"
    assert not {"RollcallWorkerDown", "RollcallNotReady", "RollcallPartitionUnowned"} & set(states())


def test_prometheus_takes_the_rules_and_finds_the_target(prometheus: Prometheus) -> None:
    groups = prometheus.get("rules")["groups"]
    assert [rule["name"] for group in groups for rule in group["rules"]] == [
        rule["alert"] for rule in expressions.rules()
    ]
    assert not [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]
    (target,) = prometheus.get("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def exposed(worker: Worker) -> str:
    request = Request(f"http://127.0.0.1:{worker.port}/metrics", headers={"Authorization": f"Bearer {READ_TOKEN}"})
    with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - loopback
        text: str = answer.read().decode()
    return text


@needs_promtool
def test_promtool_finds_no_fault_with_the_metrics(worker: Worker, prometheus: Prometheus) -> None:
    assert prometheus.url
    assert PROMTOOL is not None
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=exposed(worker), capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_no_label_holds_a_batch_and_their_values_are_few(worker: Worker, prometheus: Prometheus) -> None:
    assert prometheus.url
    text = exposed(worker)
    assert not re.search("done-|short-|waits-", text)
    ours = [line for line in text.splitlines() if line.startswith("rollcall_")]
    assert len(ours) < 500
    helps = {
        line.split(" ", 3)[2]
        for line in text.splitlines()
        if line.startswith("# HELP ") and len(line.split(" ", 3)) == 4
    }
    kinds = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    assert helps == kinds, "each metric has a help text"


def test_a_worker_that_starts_anew_without_its_state_restores_it_and_counts_the_same(
    worker: Worker, prometheus: Prometheus
) -> None:
    """The last test of this file: it ends the worker that the others look at."""
    worker.kill()
    prometheus.wait(lambda: prometheus.value("sum(up)") == 0, "seeing the worker gone")
    worker.wipe()
    worker.start()
    counted = {
        'sum(rollcall_batches{state="complete"})': 2 * ROUNDS,
        'sum(rollcall_batches{state="open"})': ROUNDS,
        'sum(rollcall_batches{state="unregistered"})': ROUNDS,
        "sum(rollcall_pending_uploads)": ROUNDS,
        "sum(rollcall_stuck_batches)": 2 * ROUNDS,
        "sum(rollcall_restore_records_left)": 0,
        "sum(rollcall_log_partitions)": 3,
    }
    prometheus.wait(
        lambda: {expression: prometheus.value(expression) for expression in counted} == counted,
        "counting the same batches as before",
    )
    restored, rows = (prometheus.value(f"sum(rollcall_{name})") for name in ("restore_records", "state_rows"))
    assert restored is not None
    assert restored > 3 * ROUNDS
    assert rows is not None
    assert rows > 3 * ROUNDS
    assert prometheus.value("sum(rollcall_takeover_seconds_count)") == 1
