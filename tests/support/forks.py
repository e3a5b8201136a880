"""Workers and commands as processes that are forked, not begun from nothing: see `prefork`.

What it is about a start itself (imports, the console script, a signal that comes early) takes `subprocess`.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.native import PURE
from tests.support.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
FAUST = str(Path(sys.executable).parent / "faust")
ROLLCALL = str(Path(sys.executable).parent / "rollcall")


def inherited() -> dict[str, str]:
    """What a worker gets of this process's environment: all but settings, and the name of the test that runs.

    The choice of the twin is no setting.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name == PURE or not name.startswith(("ROLLCALL_", "PYTEST_CURRENT_TEST"))
    }


class _Parent:
    """A process that forks; it has imported the modules. It is started on first use, or by `begin`.

    Processes that are forked from this one after `begin` have the imports in common: each gets a parent of its own
    without them.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._lock = threading.Lock()
        self._parents: socket.socket | None = None
        self._socket: socket.socket | None = None

    def begin(self) -> None:
        """Start it, and return at once."""
        self._parents, theirs = _pair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-u", str(Path(__file__).with_name("prefork.py")), *self._modules],
                stdin=theirs.fileno(),
                cwd=ROOT,
                env=inherited(),
                start_new_session=True,
            )
        atexit.register(self._end, process, os.getpid())

    def ask(self, request: Mapping[str, Any], streams: Sequence[int] = ()) -> Any:
        """Send a request with the three streams of a new process; return the answer. Raises RuntimeError."""
        with self._lock:
            connection = self._socket = self._socket or self._own()
            socket.send_fds(connection, [json.dumps(request).encode()], list(streams))
            answer = connection.recv(1024)
        if not answer:
            message = "the process that forks has ended"
            raise RuntimeError(message)
        return json.loads(answer)

    def _own(self) -> socket.socket:
        """A parent of this process's own."""
        if self._parents is None:
            self.begin()
        assert self._parents is not None
        ours, theirs = _pair()
        with theirs:
            socket.send_fds(self._parents, [b"1"], [theirs.fileno()])
        if not ours.recv(16):
            message = "the process that forks has ended before it served"
            raise RuntimeError(message)
        return ours

    def _end(self, process: subprocess.Popen[bytes], starter: int) -> None:
        """Close what all ends with; what the parent has forked ends with it."""
        for opened in (self._socket, self._parents):
            if opened is not None:
                opened.close()
        if os.getpid() == starter:
            process.wait()


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


_COMMANDS = ("app.commands.queries", "app.commands.acting", "app.commands.log_tools", "app.commands.dlq")
_ours = _Parent("faust.cli.faust", "app.main", *_COMMANDS)
#: Of other applications on the engine, in whose process nothing of ours may be.
_others = _Parent("faust.cli.faust", "app.startup", "app.engine.worker")


def begin() -> None:
    """Start the process that forks ours, for all that are forked from this one."""
    _ours.begin()


def threads() -> int:
    """How many threads the process has that forks them."""
    return int(_ours.ask({"threads": True}))


class Fork:
    """A process of `faust -A APPLICATION` that was forked; with what tests need of `subprocess.Popen`.

    Without an application: of `rollcall`.
    """

    def __init__(self, application: str, *arguments: str, env: Mapping[str, str], stdout: int, stderr: int) -> None:
        self.args = [*((FAUST, "-A", application) if application else (ROLLCALL,)), *arguments]
        self._parent = _ours if application in {"app", ""} else _others
        self.returncode: int | None = None
        with Path(os.devnull).open("rb") as nothing:
            request = {"argv": self.args, "cwd": str(ROOT), "env": dict(env)}
            self.pid: int = self._parent.ask(request, [nothing.fileno(), stdout, stderr])

    def poll(self) -> int | None:
        """The exit status, None while it runs."""
        if self.returncode is None:
            self.returncode = self._parent.ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        began, pause = time.monotonic(), 0.001
        while (status := self.poll()) is None:
            if timeout is not None and time.monotonic() - began > timeout:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(pause)
            pause = min(0.02, 2 * pause)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended: until that has been asked for, its id is nobody else's."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.send_signal(signal.SIGKILL)


def run_all(
    commands: Sequence[Sequence[str]], env: Mapping[str, str], application: str = "app"
) -> list[subprocess.CompletedProcess[str]]:
    """Run `faust -A app COMMAND` for each, or `rollcall COMMAND` where no application is named, all at once; returns
    their ends, in this order.
    """
    with tempfile.TemporaryDirectory() as home:
        files = [(Path(home, f"{number}.out"), Path(home, f"{number}.err")) for number in range(len(commands))]
        forks = []
        for command, (out, err) in zip(commands, files, strict=True):
            with out.open("wb") as stdout, err.open("wb") as stderr:
                streams = {"stdout": stdout.fileno(), "stderr": stderr.fileno()}
                forks.append(Fork(application, *command, env=env, **streams))
        return [
            subprocess.CompletedProcess(fork.args, fork.wait(PATIENCE), out.read_text("utf-8"), err.read_text("utf-8"))
            for fork, (out, err) in zip(forks, files, strict=True)
        ]
