"""A broker that is away: how often a worker tries it, how much it says of that, and that it serves on its return."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engine.harness import flat, plain_log
from tests.oracle import judge, topics
from tests.support.brokers import borrowed
from tests.support.fault_proxy import FaultProxy
from tests.support.kafka_io import KafkaIO
from tests.support.play import await_outputs
from tests.support.stage import PARTITIONS
from tests.support.worker import Worker

pytestmark = pytest.mark.kafka

#: Seconds in which tries are counted, after as many in which the delays grow to their longest.
COUNTED = 5


def test_a_worker_whose_broker_is_away_tries_it_seldom_says_little_and_serves_on_its_return(tmp_path: Path) -> None:
    """Rates, not times: a slow machine tries less often. It was 63 to 190 tries a second."""
    with (
        borrowed() as kafka,
        FaultProxy({kafka.advertised: kafka.behind}) as proxy,
        KafkaIO(kafka.bootstrap) as io,
        ExitStack() as ends,
    ):
        io.create_topics(PARTITIONS)
        worker = Worker(f"127.0.0.1:{kafka.advertised}", tmp_path / "worker")
        ends.callback(worker.close)
        worker.start()
        read = io.reader(topics.OUTPUTS, read_committed=True)
        io.wait_taken("rollcall", topics.INPUTS)
        said = len(plain_log(worker).splitlines())
        proxy.refuse()
        time.sleep(COUNTED)
        tried, lines = proxy.connections, len(plain_log(worker).splitlines())
        time.sleep(COUNTED)
        tries, more_lines = proxy.connections - tried, len(plain_log(worker).splitlines()) - lines
        # The consumer's two connections, the shared producer's, Faust's, and two of each of three partitions: 10, each
        # once a second less a fifth by chance.
        assert 0 < tries <= 1.5 * 10 * COUNTED
        # A kind of line comes once in a while, however often what it says happens: 100 a minute at most.
        assert lines - said <= 60, plain_log(worker)
        assert more_lines <= 15, plain_log(worker)
        proxy.clear()
        inputs = io.produce(flat("R2 C0 C1", "on-return"))
        assert await_outputs(read, inputs, quiet=1)
        verdict = judge(inputs, read.records)
        assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)
        worker.stop()
        assert worker.exit_code == 0, worker.tail()
