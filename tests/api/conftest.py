"""Three workers on one Kafka for all tests of the API that need them."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.support.events import content, essay_ids, failure, message, registration
from tests.support.patience import PATIENCE
from tests.support.stage import Stage
from tests.support.worker import Worker

TOKEN, READ_TOKEN = "full-" + "f" * 16, "read-" + "r" * 16
SETTINGS = {
    "ROLLCALL_HTTP_TOKEN": TOKEN,
    "ROLLCALL_HTTP_READ_TOKEN": READ_TOKEN,
    "ROLLCALL_STUCK_AFTER_SECONDS": "3600",
}
PARTITIONS = [0, 1, 2]


class Answer(NamedTuple):
    """What a worker answered."""

    status: int
    body: Any
    headers: dict[str, str]


def ask(
    worker: Worker,
    path: str,
    *,
    token: str | None = READ_TOKEN,
    body: object = None,
    headers: dict[str, str] | None = None,
    data: bytes | None = None,
) -> Answer:
    """Ask a worker; a body makes it a POST."""
    said = dict(headers or {})
    if token is not None:
        said["Authorization"] = f"Bearer {token}"
    if body is not None:
        data = json.dumps(body).encode()
        said.setdefault("Content-Type", "application/json")
    request = Request(f"http://127.0.0.1:{worker.port}{path}", data=data, headers=said)
    try:
        with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - the address is our own worker's
            return _answer(answer.status, answer.read(), answer.headers)
    except HTTPError as error:
        return _answer(error.code, error.read(), error.headers)


def _answer(status: int, body: bytes, headers: Any) -> Answer:
    said = {name.lower(): value for name, value in headers.items()}
    parsed = json.loads(body) if said.get("content-type", "").startswith("application/json") else body
    return Answer(status, parsed, said)


def path_of(batch: str, rest: str = "") -> str:
    """The path of a batch."""
    return f"/api/batches/{quote(batch, safe='')}{rest}"


def wait(until: Callable[[], Any], within: float = PATIENCE, what: str = "") -> Any:
    """Wait until something is the case, and return it. Raises AssertionError after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not (found := until()):
        assert time.monotonic() < deadline, f"not within {within} s: {what or until}"
        time.sleep(0.1)
    return found


#: Batches of every state: enough of them that each partition has some.
OPEN = [f"open-{number}" for number in range(12)]
WAITING = [f"waiting-{number}" for number in range(11)]
COMPLETE = [f"complete/{number} å%?#" for number in range(11)]


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("api"), settings=SETTINGS) as made:
        yield made


@pytest.fixture(scope="package")
def workers(stage: Stage) -> list[Worker]:
    """Three workers, each with a partition of the log, and batches in every state on each of them."""
    found = [stage.worker() for _ in PARTITIONS]
    for worker in found:
        worker.launch()
    for worker in found:
        worker.wait_ready()
    wait(lambda: spread(found), what="a partition for each worker")
    stage.io.produce(
        [message(registration(name, essay_ids(name, 3))) for name in OPEN]
        + [message(content(name, f"{name}-u", f"{name}-t")) for name in [*OPEN, *WAITING]]
        + [message(content(WAITING[0], "more-u", "more-t"))]
        + [message(registration(name, essay_ids(name, 1))) for name in COMPLETE]
        + [message(content(name, f"{name}-u", f"{name}-t")) for name in COMPLETE]
        + [message(failure(OPEN[0], "failed-u"))]
    )
    stage.wait_taken()
    expected = {"open": len(OPEN), "unregistered": len(WAITING), "complete": len(COMPLETE), "discarded": 0}
    wait(lambda: ask(found[0], "/api/overview").body["counts"] == expected, what="all counted")
    return found


def spread(workers: list[Worker]) -> bool:
    """Whether each worker owns a partition, as each of them sees it."""
    for worker in workers:
        answer = ask(worker, "/api/overview")
        if answer.status != 200 or answer.body["missing"]:
            return False
        if sorted(len(info["partitions"]) for info in answer.body["workers"]) != [1] * len(workers):
            return False
    return True
