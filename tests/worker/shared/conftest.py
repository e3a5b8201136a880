"""One Kafka and one worker for all tests that only need batches of their own; faults and time have stages of theirs."""

from collections.abc import Iterator

import pytest

from tests.contract.cases import CASES, SHIFTED
from tests.support.kafka_io import Reader
from tests.support.play import Played, play
from tests.support.stage import Stage
from tests.support.worker import Worker


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A Kafka whose input topics have 3, 5 and 1 partitions."""
    with Stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture(scope="package")
def worker(stage: Stage) -> Worker:
    """A worker that is ready, with the default settings."""
    made = stage.worker()
    made.start()
    return made


@pytest.fixture(scope="package")
def reader(stage: Stage, worker: Worker) -> Reader:  # noqa: ARG001 - the worker makes the topics
    """Everything on the output topics so far."""
    return stage.reader()


@pytest.fixture(scope="package")
def played(stage: Stage, reader: Reader) -> dict[str, Played]:
    """Every acceptance case and every shift of its registration, by name, each with a batch of its own, in one pass."""
    cases = {f"{number:03d}-{case.slug}": case for number, case in enumerate([*CASES, *SHIFTED])}
    return {made.case.name: made for made in play(stage, reader, cases).values()}
