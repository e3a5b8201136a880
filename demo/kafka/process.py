"""A child process that does not outlive this one, not even one that gets SIGKILL; see `watcher.py`."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

_WATCHER = Path(__file__).with_name("watcher.py")


class Running(Protocol):
    """What a broker runs as, from its start to its end: a process of its own, as a rule."""

    @property
    def pid(self) -> int | None:
        """The process's id; None once it has ended."""

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""

    def stop(self, within: float) -> None:
        """End it in good order."""

    def kill(self) -> None:
        """End it as a crash would."""

    def wait(self) -> int:
        """Wait until it ends; its exit status."""

    def pause(self) -> None:
        """Freeze it."""

    def resume(self) -> None:
        """Let it go on."""


class WatchedProcess:
    """A process from its start to its end, as the object is made. One thread at a time may call it.

    Args:
        command: what is run.
        directory: where.
        log: what it writes goes there, of both streams.
        temporary: directories that are removed after it if this process is gone before.
        stdin: its standard input, an open file's number; nothing by default.

    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        log: IO[bytes],
        temporary: Sequence[Path] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        # Sessions of their own: a Ctrl-C on the terminal is for the Python program, which ends the process in order.
        self._watcher: subprocess.Popen[bytes] | None = subprocess.Popen(  # noqa: S603 - this Python with a script of this package
            [sys.executable, "-I", "-S", str(_WATCHER), *map(str, temporary)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._process = subprocess.Popen(  # noqa: S603 - the caller's own
            command, cwd=directory, stdin=stdin, stdout=log, stderr=log, start_new_session=True
        )
        self._tell_watcher(f"{self._process.pid}\n")

    @property
    def pid(self) -> int | None:
        """Its id; None once it has ended."""
        if self._process.poll() is None:
            return self._process.pid
        self._forget()
        return None

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.pid is not None

    def stop(self, within: float) -> None:
        """Ask it to end in good order (SIGTERM) and wait for that; SIGKILL after `within` seconds.

        One that is paused is resumed first.
        """
        self.resume()  # a stopped process would take notice of SIGTERM only when resumed
        self._process.terminate()
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.wait()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL), paused or not, and wait for its end."""
        self._process.kill()
        self.wait()

    def wait(self) -> int:
        """Wait until it ends; its exit status (negative: the signal)."""
        status = self._process.wait()
        self._forget()
        return status

    def pause(self) -> None:
        """Freeze it (SIGSTOP): it does nothing any more once this has returned."""
        self._process.send_signal(signal.SIGSTOP)
        # Its threads stop one by one, a moment later. One that has ended does nothing either.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on after a pause (SIGCONT)."""
        self._process.send_signal(signal.SIGCONT)

    def _tell_watcher(self, text: str) -> None:
        if self._watcher is not None and self._watcher.stdin is not None:
            self._watcher.stdin.write(text.encode())
            self._watcher.stdin.flush()

    def _forget(self) -> None:
        """Let go of the watcher of a process that has ended."""
        if self._watcher is not None:
            try:
                self._tell_watcher("done")
                self._watcher.communicate()
            except BrokenPipeError:
                self._watcher.wait()
            self._watcher = None
