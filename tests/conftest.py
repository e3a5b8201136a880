"""What every test shares: settings, how tests are spread over processes, and a line a minute with the progress."""

import contextlib
import gc
import signal
import subprocess
import sys
from collections.abc import Generator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis.strategies import text

from demo.kafka.ahead import cached
from demo.kafka.errors import KafkaError
from demo.kafka.java import find_java
from tests.core.examples import examples
from tests.support import forks
from tests.support.brokers import close_all
from tests.support.logs_of_failures import ends_of_logs
from tests.support.pool import Pool
from tests.support.progress import ProgressPlugin
from tests.support.shared_jvm import end_shared_jvm, shared_jvm
from tests.support.spread import longest_first

# A property that names no number of examples names Hypothesis' own, 100. A failing example is printed, to be run again.
settings.register_profile("rollcall", examples(100), print_blob=True)
settings.load_profile("rollcall")

# As many processes for tests without a broker as there are cores on a small machine: those with one leave a third idle.
BESIDE = 2

# What is imported and collected stays: looking for garbage among it is a fifth of what that takes.
gc.disable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this project."""
    parser.addoption("--processes", type=int, default=1, help="how many processes share the tests")
    parser.addoption(
        "--record-durations", action="store_true", help="write tests/durations.json, by which the tests are ordered"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Tell the progress, and share the tests among processes if that is wanted."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Of a command in the background of a script, or under nohup: what tests start would not hear Ctrl-C either.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    keeps_durations = bool(config.getoption("--record-durations"))
    config.pluginmanager.register(ProgressPlugin(config, keeps_durations=keeps_durations), "progress")
    if shared(config):
        pool = Pool(config.getoption("--processes"), BESIDE, partial(before_tests, rehearsed()), close_all)
        config.pluginmanager.register(pool, "pool")
        forks.begin()


def rehearsed() -> subprocess.Popen[bytes] | None:
    """Begin to make what brokers start from in half the time, unless it is there: they start without it as well."""
    with contextlib.suppress(KafkaError):  # no Java: each test of a broker says so
        if cached(find_java()):
            return None
    return subprocess.Popen([sys.executable, "-m", "demo.kafka.rehearsal"])


def before_tests(rehearsal: subprocess.Popen[bytes] | None, kafka: bool) -> None:  # noqa: FBT001 - the pool says it so
    """Wait for what goes on while the tests are collected, and begin what all processes have in common."""
    _any_text()
    if rehearsal is not None:
        rehearsal.wait()
    if kafka:
        shared_jvm()


@settings(max_examples=1, database=None)
@given(text())
def _any_text(_: str) -> None:
    """Have Hypothesis make its tables of characters: 4 s of each process of tests where none has kept them yet."""


def shared(config: pytest.Config) -> bool:
    """Whether several processes share the tests."""
    return int(config.getoption("--processes")) > 1 and not config.option.collectonly


def pytest_collection_finish() -> None:
    """Spare the collector what stays: five thousand tests and all modules. What tests make it looks at less often.

    The default, 700 more objects than before, has it run through the heap of a process of tests for a tenth of its CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what its workers said to the report of a test that failed."""
    report = yield
    if report.failed:
        report.sections += ends_of_logs(getattr(item, "funcargs", {}))
    return report


def pytest_unconfigure() -> None:
    """End the brokers that tests have shared."""
    close_all()
    end_shared_jvm()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest where several processes share the tests; one alone takes them as they stand."""
    if shared(config):
        longest_first(items)
