"""Brokers in one JVM are as apart as processes: what befalls one befalls no other, and nothing is left of them."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.kafka import KafkaError, KafkaStartError
from demo.kafka.ports import is_free
from tests.engine.harness import until
from tests.support import shared_jvm as module
from tests.support.brokers import Broker, borrowed, close_all
from tests.support.kafka_io import KafkaIO
from tests.support.patience import PATIENCE
from tests.support.shared_jvm import Jvm, shared_jvm
from tests.support.shared_life import NotOwnError, SharedLife

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def jvm() -> Iterator[Jvm]:
    """One of this module's own: what is broken here breaks nobody else's."""
    made = Jvm()
    yield made
    made.end()


@pytest.fixture(autouse=True)
def _shared(jvm: Jvm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._Shared, "jvm", jvm)
    monkeypatch.setattr("tests.support.brokers._free", [])


@pytest.fixture
def two() -> Iterator[tuple[Broker, Broker]]:
    """Two running brokers."""
    with Broker({}) as one, Broker({}) as other:
        yield one, other


def topics(broker: Broker, *wanted: str) -> set[str]:
    """Make topics; returns all that there are."""
    with KafkaIO(broker.bootstrap) as io:
        if wanted:
            io.create_topics(dict.fromkeys(wanted, 1))
        return set(io.topics())


def said(broker: Broker) -> str:
    """The log of a broker."""
    assert broker.data_dir is not None
    return (broker.data_dir / "broker.log").read_text()


def test_two_brokers_share_a_jvm_and_nothing_else(two: tuple[Broker, Broker], jvm: Jvm) -> None:
    one, other = two
    assert all(isinstance(broker._running, SharedLife) for broker in two)
    assert topics(one, "of-one") == {"of-one"}
    assert topics(other, "of-the-other") == {"of-the-other"}
    assert topics(one) == {"of-one"}
    for broker in two:
        assert broker.data_dir is not None
        assert str(broker.data_dir) in said(broker), "a log of its own"
    assert str(two[0].data_dir) not in said(other) + jvm.log.read_text()


def test_one_that_stops_leaves_the_other_serving_and_has_its_data_when_it_starts_again(
    two: tuple[Broker, Broker],
) -> None:
    one, other = two
    topics(one, "kept")
    address = one.bootstrap
    one.stop()
    assert not one.alive
    assert is_free(int(address.rpartition(":")[2]))
    assert topics(other) == set()
    one.start()
    assert (one.bootstrap, topics(one)) == (address, {"kept"})


def test_one_whose_disk_fails_ends_alone_and_says_so(two: tuple[Broker, Broker]) -> None:
    """A process would halt itself."""
    one, other = two
    assert one.data_dir is not None
    shutil.rmtree(one.data_dir / "log")
    (one.data_dir / "log").write_text("no directory")
    topics(one, "nowhere")
    until(lambda: not one.alive, "the end of the broker without a disk")
    assert one._running is not None
    assert one._running.wait() == 1
    assert "this broker asks for the end of its process, with status 1" in said(one)
    assert "asks for the end" not in said(other)
    assert topics(other, "somewhere") == {"somewhere"}


def test_one_that_does_not_start_shows_the_end_of_its_log_and_leaves_the_others(two: tuple[Broker, Broker]) -> None:
    with pytest.raises(KafkaStartError, match=r"(?s)it stopped at start.*num\.network\.threads") as failed:
        Broker({"num.network.threads": "many"}).start()
    assert "broker.log" in str(failed.value)
    assert topics(two[0]) == set()


def test_one_whose_client_is_gone_ends(two: tuple[Broker, Broker]) -> None:
    one, other = two
    assert isinstance(one._running, SharedLife)
    one._running._connection.close()
    until(lambda: is_free(int(one.bootstrap.rpartition(":")[2])), "a port that nobody listens at")
    assert topics(other) == set()


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (lambda broker: broker.pid, "it has no process id"),
        (lambda broker: broker.kill(), "it can't be killed"),
        (lambda broker: broker.pause(), "it can't be paused"),
        (lambda broker: broker.resume(), "it can't be paused or resumed"),
    ],
)
def test_what_takes_a_process_of_its_own_is_refused_with_what_to_ask_for(
    two: tuple[Broker, Broker], ask: Callable[[Broker], object], what: str
) -> None:
    with pytest.raises(NotOwnError, match=rf"{what}.*borrowed\(own=True\) or Stage\(\.\.\., own_broker=True\)"):
        ask(two[0])
    assert two[0].alive


def test_one_of_its_own_is_killed_and_lent_to_nobody_else() -> None:
    with borrowed(own=True) as kafka:
        pid = kafka.pid
        assert pid is not None
        kafka.kill()
        kafka.start()
        assert kafka.pid not in {None, pid}
    assert kafka.pid is None


def test_one_of_its_own_that_was_killed_comes_back_in_the_jvm_with_its_data() -> None:
    with borrowed(own=True) as kafka:
        topics(kafka, "kept")
        kafka.kill()
        kafka.own = False
        kafka.start()
        assert isinstance(kafka._running, SharedLife)
        assert topics(kafka) == {"kept"}
    assert not kafka.alive


def test_a_borrowed_one_is_lent_again_without_what_was_left_in_it() -> None:
    with borrowed() as kafka:
        topics(kafka, "left")
    with borrowed() as again:
        assert again is kafka
        assert topics(again) == set()
    close_all()
    assert not kafka.alive


def test_nothing_is_left_when_the_process_that_has_begun_it_gets_sigkill() -> None:
    program = (
        "import time\n"
        "from tests.support.brokers import Broker\n"
        "from tests.support.shared_jvm import shared_jvm\n"
        "kafka = Broker({})\n"
        "kafka.start()\n"
        "print(shared_jvm().pid, shared_jvm().home, flush=True)\n"
        "time.sleep(600)\n"
    )
    begun = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert begun.stdout is not None
        pid, home = begun.stdout.readline().split()
        assert "Brokers" in Path("/proc", pid, "cmdline").read_text().split("\0")
    finally:
        begun.send_signal(signal.SIGKILL)
        begun.communicate(timeout=PATIENCE)
    until(lambda: not Path("/proc", pid).exists(), "the end of the JVM")
    until(lambda: not Path(home).exists(), "the end of its files")


def test_only_the_process_that_has_begun_it_ends_it(jvm: Jvm) -> None:
    if not (pid := os.fork()):
        jvm.end()
        os._exit(0)
    os.waitpid(pid, 0)
    with Broker({}) as kafka:
        assert topics(kafka) == set()


@contextmanager
def lacking(compiled: Callable[..., Path]) -> Iterator[None]:
    """As before the first broker of a run, where the JVM's classes are had so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._Shared, "jvm", None)
        patch.setattr(module._Shared, "lacking", "")
        patch.setattr(module, "compiled", compiled)
        yield


def no_compiler(*_: object) -> Path:
    message = "ecj-0.jar could not be fetched"
    raise KafkaError(message)


def test_where_it_can_not_be_had_each_broker_is_a_process_and_a_line_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a compiler, and where what was compiled does not run: one broker begins in each case."""
    told = "kafka: the brokers of tests share no JVM, each has one of its own: "
    with lacking(no_compiler), borrowed() as kafka:
        assert kafka.pid is not None
        assert topics(kafka, "here") == {"here"}
        assert shared_jvm() is None
        first = capsys.readouterr().err
        with lacking(lambda *_: tmp_path), borrowed() as other:
            assert other.pid not in {None, kafka.pid}
            assert topics(other, "there") == {"there"}
            assert shared_jvm() is None
            second = capsys.readouterr().err
    close_all()
    assert (first.count(told), second.count(told)) == (1, 1)
    assert "ecj-0.jar could not be fetched" in first
    assert "Could not find or load main class Brokers" in second
