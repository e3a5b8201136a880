"""A broker that is away: how often a worker tries it, how much it says of that, and that it serves on its return."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.harness import flat, plain_log
from tests.oracle import judge
from tests.support.play import await_outputs
from tests.support.stage import Stage

pytestmark = pytest.mark.kafka

#: Seconds in which tries are counted, after as many in which the delays grow to their longest.
COUNTED = 5


class Counter:
    """Listens where a broker was, and closes each connection as it comes: what is counted are tries."""

    tries = 0


@contextmanager
def refusing(port: int) -> Iterator[Counter]:
    counter = Counter()
    loop = asyncio.new_event_loop()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counter.tries += 1
        writer.transport.abort()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(refuse, "127.0.0.1", port), loop).result(10)
    try:
        yield counter
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def test_a_worker_whose_broker_is_away_tries_it_seldom_says_little_and_serves_on_its_return(tmp_path: Path) -> None:
    """Rates, not times: a slow machine tries less often. It was 63 to 190 tries a second."""
    with Stage(tmp_path) as stage:
        one = stage.worker()
        one.start()
        read = stage.reader(read_committed=True)
        port = int(stage.kafka.bootstrap.partition(":")[2])
        stage.kafka.kill()
        before = len(plain_log(one).splitlines())
        with refusing(port) as counter:
            time.sleep(COUNTED)
            grown, lines = counter.tries, len(plain_log(one).splitlines())
            time.sleep(COUNTED)
            tries, lines_later = counter.tries - grown, len(plain_log(one).splitlines()) - lines
        # The consumer's two connections, the shared producer's, Faust's, and two of each of three partitions: 10, each
        # once a second less a fifth by chance.
        assert 0 < tries <= 1.5 * 10 * COUNTED
        # A kind of line comes once in a while, however often what it says happens: 100 a minute at most.
        assert lines - before <= 60, plain_log(one)
        assert lines_later <= 15, plain_log(one)
        stage.kafka.start()
        inputs = stage.io.produce(flat("R2 C0 C1", "on-return"))
        assert await_outputs(read, inputs, within=60, quiet=1)
        verdict = judge(inputs, read.records)
        assert (verdict.lost, verdict.wrong, verdict.repeated) == (0, 0, 0), str(verdict)
        one.stop()
        assert one.exit_code == 0
