"""A line a minute: what runs, and how far the tests are, also where the output is no terminal."""

import threading
import time
from collections import defaultdict

import pytest

from tests.support.spread import record, unit_of, weights

INTERVAL_SECONDS = 60.0


class Progress:
    """Follows the tests as they begin and end, in all processes. `report` writes a line.

    Args:
        nodeids: all tests that will run.

    """

    def __init__(self, nodeids: list[str]) -> None:
        self.weights = weights(nodeids)
        self.done: set[str] = set()
        self.running: dict[str, float] = {}
        self.began = time.monotonic()

    def begin(self, nodeid: str) -> None:
        """Note that a test begins."""
        self.running[nodeid] = time.monotonic()

    def end(self, nodeid: str) -> None:
        """Note that a test has ended."""
        self.running.pop(nodeid, None)
        self.done.add(nodeid)

    def line(self) -> str:
        """Return the line: minutes since the beginning, the share of the expected time, and what runs for how long."""
        now = time.monotonic()
        # Copies: another thread goes on with the tests meanwhile.
        done, begun = self.done.copy(), self.running.copy()
        share = sum(self.weights.get(nodeid, 0) for nodeid in done) / (sum(self.weights.values()) or 1)
        running = ", ".join(f"{nodeid} ({now - since:.0f} s)" for nodeid, since in sorted(begun.items()))
        return (
            f"{(now - self.began) / 60:.0f} min: {share:.0%}, {len(done)} of {len(self.weights)} tests; "
            f"running: {running or 'nothing'}"
        )


class ProgressPlugin:
    """Tells the progress of a pytest session, and records the durations of its units when asked to."""

    def __init__(self, config: pytest.Config, *, keeps_durations: bool) -> None:
        self._config = config
        self._keeps_durations = keeps_durations
        self._progress = Progress([])
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._ended = threading.Event()
        self._teller = threading.Thread(target=self._tell, name="progress", daemon=True)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """All is known that will run."""
        self._progress = Progress([item.nodeid for item in session.items])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins, here or in another process."""
        if self._teller.ident is None:
            self._teller.start()  # the processes that share the tests are forked by now: none while this runs
        self._progress.begin(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended: its setup, itself, or its teardown."""
        self._seconds[unit_of(report.nodeid)] += report.duration

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test has ended."""
        self._progress.end(nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the durations, if that is wanted."""
        self._ended.set()
        if self._keeps_durations:
            record(self._seconds)

    def _tell(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        while reporter is not None and not self._ended.wait(INTERVAL_SECONDS):
            reporter.write(f"\n{self._progress.line()}\n")
