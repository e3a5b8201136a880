"""A process of tests that was forked from the one that has collected them: see `pool`."""

import os
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import pytest

from tests.support.prefork import end_with_parent

# What writes for all processes is where they come together.
REPORTING = ("terminalreporter", "progress", "pool")


def serve(
    session: pytest.Session, connection: Connection, number: int, parent: int, let_go: Callable[[], None]
) -> None:
    """Run the units of tests that come, until an empty one does. What is to be told goes to the ``parent``.

    With each comes whether tests that need a broker are left; without any it lets go of what it has kept for them.
    """
    config = session.config
    end_with_parent()
    if os.getppid() != parent:  # it had ended before
        os._exit(1)
    _come_apart(config, number)
    config.pluginmanager.register(_Relay(config, connection), "relay")
    while True:
        unit, kafka = connection.recv()
        if not kafka:
            let_go()
        if not unit:
            break
        items = [session.items[index] for index in unit]
        # What a unit shares ends with it: no test of another one follows.
        for item, following in zip(items, [*items[1:], None], strict=True):
            config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if connection.poll():
                break
        else:
            connection.send(("next", {}))
    session.testsfailed = 0  # they have been told; its own end may fail yet


def _come_apart(config: pytest.Config, number: int) -> None:
    """Share nothing with the processes beside it: not the terminal, a directory, or captured output."""
    config.workerinput = {"workerid": f"gw{number}"}  # type: ignore[attr-defined]  # by which plugins tell it
    for name in REPORTING:
        config.pluginmanager.unregister(name=name)
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    capture.stop_global_capturing()  # into a file at whose place all would write
    capture.start_global_capturing()
    capture.suspend_global_capture()
    directories: Any = config._tmp_path_factory  # type: ignore[attr-defined]
    directories._basetemp = directories.getbasetemp() / f"process-{number}"
    directories._basetemp.mkdir(mode=0o700)


class _Relay:
    """Passes on what pytest says of tests."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config = config
        self._connection = connection

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._say("pytest_runtest_logstart", nodeid=nodeid, location=location)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._say("pytest_runtest_logreport", report=data)

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._say("pytest_runtest_logfinish", nodeid=nodeid, location=location)

    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        kept = {
            "message": str(warning_message.message),
            "category": warning_message.category,
            "filename": warning_message.filename,
            "lineno": warning_message.lineno,
        }
        self._say("pytest_warning_recorded", warning_message=kept, when=when, nodeid=nodeid, location=location)

    def _say(self, name: str, **arguments: Any) -> None:
        self._connection.send((name, arguments))
