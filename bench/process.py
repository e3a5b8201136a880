"""A contestant's process: started, paused, ended; its CPU time and memory, children included. Linux only (/proc)."""

import contextlib
import http
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
STOP_SECONDS = 20.0
_TAIL = 3000

# How HotSpot names the threads that compile ("C1 CompilerThread0"), as far as Linux keeps a name.
_COMPILERS = ("C1 Compiler", "C2 Compiler")

# Runs the command that follows, which dies with this process's parent: nothing outlives a benchmark that was killed.
# 1 is PR_SET_PDEATHSIG; a parent that is gone already shows in the parent's id.
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class ContestantError(RuntimeError):
    """A contestant did not do its job; the message ends with the last lines of its log."""


def cpu_seconds(pid: int) -> float:
    """User and system CPU time of a process and all its descendants, in seconds."""
    stats = _stats()
    return sum(stats[process][1] for process in _tree(pid, stats) if process in stats)


def thread_seconds(pid: int) -> dict[int, tuple[str, float]]:
    """Of each thread of a process, by its id: the name that it shows (15 characters), and its CPU seconds until now."""
    found = {}
    for directory in Path(f"/proc/{pid}/task").iterdir():
        try:
            text = (directory / "stat").read_text()
        except OSError:  # it ended meanwhile
            continue
        name, fields = text.partition("(")[2].rpartition(")")[0], text.rpartition(")")[2].split()
        found[int(directory.name)] = name, sum(map(int, fields[11:13])) / TICK
    return found


def but_compilers(threads: Mapping[int, tuple[str, float]]) -> dict[int, float]:
    """The CPU seconds of a JVM's threads but for those in which it compiles.

    What it compiles when is a matter of how long it has run, and no cost of what it is asked.
    """
    return {number: seconds for number, (name, seconds) in threads.items() if not name.startswith(_COMPILERS)}


def _tree(pid: int, stats: Mapping[int, tuple[int, float]]) -> set[int]:
    tree = {pid}
    while more := {child for child, (parent, _) in stats.items() if parent in tree} - tree:
        tree |= more
    return tree


def _stats() -> dict[int, tuple[int, float]]:
    """Of every process: its parent and its CPU seconds, ended children's included."""
    found = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                fields = (directory / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            # man 5 proc: after the name, field 4 is the parent; 14 to 17 are utime, stime, cutime, cstime.
            found[int(directory.name)] = int(fields[1]), sum(map(int, fields[11:15])) / TICK
    return found


def peak_rss(pid: int) -> int:
    """Peak resident memory of a process and its present descendants, added up, in bytes."""
    total = 0
    for process in _tree(pid, _stats()):
        with contextlib.suppress(OSError):
            total += memory(process, "VmHWM")
    return total


def memory(pid: int, field: str) -> int:
    """A field of a process's status that is told in kB (man 5 proc), in bytes; 0 where it has none. Raises OSError."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


class Process:
    """A running contestant. As a context manager it is gone at the end, whatever happens."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path, port: int) -> None:
        self.log = log
        self.port = port
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        self.started = time.monotonic()
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - a contestant's command
                [*launcher, *command],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def check(self) -> None:
        """Raise ContestantError if the process has ended."""
        if (status := self._process.poll()) is not None:
            message = f"it ended by itself with status {status}"
            raise ContestantError(self.with_log(message))

    def answers(self, path: str) -> bool:
        """Whether its HTTP port, if it serves any, answers a GET of this path with 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def pause(self) -> None:
        """Stop it where it is."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end, and wait; after 20 s it is killed."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it now, if it still runs, and what it started."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)  # it leads a group of its own
        self._process.wait()

    def with_log(self, message: str) -> str:
        """The message, and the end of the log."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return f"{message}\n--- end of {self.log} ---\n{text[-_TAIL:]}"
