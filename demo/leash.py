"""A temporary directory and a child process that do not outlive the demo, not even one that gets SIGKILL."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

import demo.kafka

_WATCHER = Path(demo.kafka.__file__).with_name("watcher.py")


class Leash:
    """A context manager that owns a temporary directory, removed on exit.

    If this process is gone before that, however it went, the embedded Kafka's watcher script (a process of its own that
    reads a pipe of ours to its end) kills the child and removes the directory.
    """

    def __enter__(self) -> Self:
        """Make the directory."""
        self.directory = Path(tempfile.mkdtemp(prefix="rollcall-demo-"))
        self._watcher = subprocess.Popen(  # noqa: S603 - this Python with a script of this package
            [sys.executable, "-I", "-S", str(_WATCHER), str(self.directory)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def hold(self, pid: int) -> None:
        """Put the child on the leash; there can be one. It must have ended before this context ends."""
        if self._watcher.stdin is not None:
            self._watcher.stdin.write(f"{pid}\n".encode())
            self._watcher.stdin.flush()

    def __exit__(self, *_: object) -> None:
        """Let go, and remove the directory."""
        # With no child the first line is empty; "done" stands on the second in either case.
        self._watcher.communicate(b"\ndone")
        shutil.rmtree(self.directory, ignore_errors=True)
