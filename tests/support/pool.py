"""Several processes share the tests: each is forked from the one that has collected them, so that happens once.

Collecting takes 7 s of CPU, which processes that are begun from nothing take each. What tests report is told here as if
they had run here. A process that ends in the middle of a test fails that one; another goes on with what is left.

Tests with a broker mostly wait: for workers to start, for a session to time out. So beside the processes that have them
there are others, for tests without one.
"""

import contextlib
import os
import signal
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest

from tests.support.patience import PATIENCE
from tests.support.pooled import serve
from tests.support.spread import unit_of

AFTER_INTERRUPT_SECONDS = 2.0  # a Ctrl-C reaches the processes of a terminal's group by itself, and they end

#: What a process says: the name of a hook, and its arguments.
Said = tuple[str, dict[str, Any]]


@dataclass
class Process:
    """One that runs tests. ``left``: the tests, by number, that it was given and has not ended.

    ``beside``: it has none with a broker.
    """

    pid: int
    connection: Connection
    beside: bool
    left: deque[int] = field(default_factory=deque)
    running: bool = False


def in_units(nodeids: Sequence[str], with_kafka: Collection[int] = ()) -> deque[list[int]]:
    """The numbers of tests in their units, both in the order in which they stand.

    A unit of several files of which some have tests with a broker (``with_kafka``) and some have none is two.
    """
    brokers = {nodeids[number].partition("::")[0] for number in with_kafka}
    units: dict[tuple[str, bool], list[int]] = {}
    for number, nodeid in enumerate(nodeids):
        units.setdefault((unit_of(nodeid), nodeid.partition("::")[0] in brokers), []).append(number)
    return deque(units.values())


class Pool:
    """A pytest plugin that spreads the tests over so many processes, in units: see `spread`.

    A process is given a unit when it has ended the one before, so none waits behind a long one. Units with tests that
    are marked ``kafka`` come first.

    Args:
        processes: how many.
        beside: how many there are besides for units without such tests, as long as there are any.
        before: done before the first test begins, told whether any is marked ``kafka``.
        let_go: done by each process when no test that is marked ``kafka`` waits any more, before its next unit.

    """

    def __init__(
        self,
        processes: int,
        beside: int = 0,
        before: Callable[[bool], None] = lambda _: None,
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        #: How many processes there are at the most, by whether they are beside.
        self._most = {False: processes, True: beside}
        self._before = before
        self._let_go = let_go
        self._with_kafka: set[int] = set()
        #: The units that wait: those with tests that need a broker, and the others.
        self._units: deque[list[int]] = deque()
        self._plain: deque[list[int]] = deque()
        self._processes: list[Process] = []
        self._forked = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Have all tests run. In a process that is forked here: run those that it is given."""
        if session.testsfailed or session.config.option.collectonly:
            return None  # pytest's own says what is to be said
        self._with_kafka = {number for number, item in enumerate(session.items) if item.get_closest_marker("kafka")}
        for unit in in_units([item.nodeid for item in session.items], self._with_kafka):
            self._queue_of(unit).append(unit)
        self._before(bool(self._with_kafka))
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # of which each gets a part
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.showfspath = False  # the files of several processes would take turns
        try:
            in_order = self._run(session)
        except BaseException:
            self._end()
            raise
        if in_order and session.shouldfail:
            raise session.Failed(session.shouldfail)
        if in_order and session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    def _run(self, session: pytest.Session) -> bool:
        """Have all tests run; false in a process that was forked here, once it has run its own."""
        while self._units or self._plain or self._processes:
            for beside in (False, True):
                while self._waiting(beside=beside) and self._count(beside=beside) < self._most[beside]:
                    if self._fork(session, beside=beside):
                        return False
            for connection in wait([process.connection for process in self._processes]):
                self._hear(next(each for each in self._processes if each.connection is connection), session)
            if session.shouldfail or session.shouldstop:
                self._units.clear()
                self._plain.clear()
                self._let_end()
        return True

    def _count(self, *, beside: bool) -> int:
        return sum(process.beside == beside for process in self._processes)

    def _waiting(self, *, beside: bool) -> deque[list[int]]:
        """The units from which such a process has its next one."""
        return self._plain if beside else self._units or self._plain

    def _queue_of(self, unit: Collection[int]) -> deque[list[int]]:
        """Where a unit waits."""
        return self._plain if self._with_kafka.isdisjoint(unit) else self._units

    def _fork(self, session: pytest.Session, *, beside: bool) -> bool:
        """Begin a process; true in it, once it has run all that it was given."""
        ours, theirs = Pipe()
        parent, number = os.getpid(), self._forked
        self._forked += 1
        sys.stdout.flush()
        if pid := os.fork():
            theirs.close()
            process = Process(pid, ours, beside)
            self._processes.append(process)
            self._give(process)
            return False
        for process in self._processes:
            process.connection.close()
        ours.close()
        self._processes.clear()
        serve(session, theirs, number, parent, self._let_go)
        return True

    def _give(self, process: Process) -> None:
        """Give it a unit; where there is none any more it ends."""
        kafka, waiting = bool(self._units), self._waiting(beside=process.beside)
        unit = waiting.popleft() if waiting else []
        process.left.extend(unit)
        with contextlib.suppress(BrokenPipeError):  # it has ended, which is heard next
            process.connection.send((unit, kafka))

    def _hear(self, process: Process, session: pytest.Session) -> None:
        """Pass on what a process says, or take note of its end."""
        try:
            said: Said = process.connection.recv()
        except (EOFError, ConnectionResetError):
            self._bury(process, session)
            return
        name, arguments = said
        config = session.config
        if name == "next":
            self._give(process)
        elif name == "pytest_runtest_logreport":
            report = config.hook.pytest_report_from_serializable(config=config, data=arguments["report"])
            config.hook.pytest_runtest_logreport(report=report)
        elif name == "pytest_warning_recorded":
            arguments["warning_message"] = warnings.WarningMessage(**arguments["warning_message"])
            config.hook.pytest_warning_recorded.call_historic(kwargs=arguments)
        else:
            process.running = name == "pytest_runtest_logstart"
            if not process.running:
                process.left.popleft()
            getattr(config.hook, name)(**arguments)

    def _bury(self, process: Process, session: pytest.Session) -> None:
        """Take note of a process that has ended, in order or in the middle of a test."""
        self._processes.remove(process)
        process.connection.close()
        status = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        if process.running:
            nodeid, location = (item := session.items[process.left.popleft()]).nodeid, item.location
            message = f"the process of tests ended in the middle of it, with {status}"
            report = pytest.TestReport(nodeid, location, {}, "failed", message, "call")
            session.config.hook.pytest_runtest_logreport(report=report)
            session.config.hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
        elif status != 0:
            session.shouldfail = f"a process of tests ended with {status}"
        if process.left and not (session.shouldfail or session.shouldstop):
            self._queue_of(process.left).appendleft(list(process.left))

    def _let_end(self) -> None:
        """Have each process end after the test that it runs."""
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.connection.send(([], False))

    def _end(self) -> None:
        """End all processes, each with what its tests have started."""
        self._let_end()
        interrupt, last = time.monotonic() + AFTER_INTERRUPT_SECONDS, time.monotonic() + PATIENCE
        while self._processes and time.monotonic() < last:
            for process in self._processes.copy():
                if os.waitpid(process.pid, os.WNOHANG)[0]:
                    self._processes.remove(process)
                elif time.monotonic() > interrupt:
                    os.kill(process.pid, signal.SIGINT)
            interrupt = last if time.monotonic() > interrupt else interrupt
            time.sleep(0.05)
        for process in self._processes:
            os.kill(process.pid, signal.SIGKILL)
            os.waitpid(process.pid, 0)
