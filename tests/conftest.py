"""What every test shares: settings, how tests are spread over processes, and a line a minute with the progress."""

import gc
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.core.examples import examples
from tests.support.brokers import close_all
from tests.support.logs_of_failures import ends_of_logs
from tests.support.progress import ProgressPlugin
from tests.support.spread import UnitScheduling, longest_first

# A property that names no number of examples names Hypothesis' own, 100. A failing example is printed, to be run again.
settings.register_profile("rollcall", examples(100), print_blob=True)
settings.load_profile("rollcall")

# What is imported and collected stays: looking for garbage among it is a fifth of what that takes.
gc.disable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this project."""
    parser.addoption(
        "--record-durations", action="store_true", help="write tests/durations.json, by which the tests are ordered"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Where the reports of all processes come together, tell the progress."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Of a command in the background of a script, or under nohup: what tests start would not hear Ctrl-C either.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        keeps_durations = bool(config.getoption("--record-durations"))
        config.pluginmanager.register(ProgressPlugin(config, keeps_durations=keeps_durations), "progress")


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest where several processes share the tests; one alone takes them as they stand."""
    if hasattr(config, "workerinput"):
        longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> UnitScheduling | None:
    """Spread the tests by units, unless another way is asked for on the command line."""
    return UnitScheduling(config, log) if config.getoption("dist") == "loadscope" else None
