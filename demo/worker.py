"""The worker under the demo: `faust -A app worker` as a process of its own, as anybody would start it."""

import asyncio
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from demo.kafka import free_port
from demo.leash import Leash

PROJECT = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, "-m", "faust", "-A", "app", "worker", "--loglevel", "info")
START_TIMEOUT = 60.0
"""Seconds until the worker must be ready: some 3 s on a quiet machine."""
STOP_TIMEOUT = 15.0
"""Seconds that SIGTERM gets before SIGKILL; the worker promises 10."""
_POLL = 0.1
_TAIL_LINES = 25
_OK = 200


class WorkerError(RuntimeError):
    """The worker did not start or ended by itself; the message ends with the last lines of its log."""

    @classmethod
    def with_log(cls, reason: str, log: Path) -> Self:
        """Return the error for a reason, with the end of the log."""
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        return cls(f"{reason}. The end of its log:\n" + "\n".join(f"  {line}" for line in lines))


class Worker:
    """One worker with its state, its log and its free HTTP port; `stop` must be called whatever happens."""

    def __init__(self, leash: Leash, bootstrap: str, *, command: Sequence[str] = COMMAND) -> None:
        self.port = free_port()
        self._command = command
        self._leash = leash
        self.log = leash.directory / "worker.log"
        self._settings = {
            "ROLLCALL_BROKER": bootstrap,
            "ROLLCALL_APP_ID": "rollcall-demo",
            "ROLLCALL_DATADIR": str(leash.directory / "worker"),
            "ROLLCALL_HTTP_HOST": "127.0.0.1",
            "ROLLCALL_HTTP_PORT": str(self.port),
            "ROLLCALL_LOG_FORMAT": "json",
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its HTTP answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; further settings are taken from this process's environment."""
        with self.log.open("ab") as log:
            self._process = _spawn(self._command, os.environ | self._settings, log)
        self._leash.hold(self._process.pid)

    def check(self) -> None:
        """Raise WorkerError if the process has ended."""
        if self._process is not None and (status := self._process.poll()) is not None:
            reason = f"The worker ended by itself with status {status}"
            raise WorkerError.with_log(reason, self.log)

    async def wait_until_ready(self) -> None:
        """Return when `/health/ready` says 200; raise WorkerError after 60 s or if the process ends."""
        deadline = time.monotonic() + START_TIMEOUT
        while not await asyncio.to_thread(_answers_ok, self.port, "/health/ready"):
            self.check()
            if time.monotonic() > deadline:
                reason = f"The worker was not ready within {START_TIMEOUT:.0f} s"
                raise WorkerError.with_log(reason, self.log)
            await asyncio.sleep(_POLL)

    def stop(self) -> None:
        """End the process: SIGTERM, after 15 s SIGKILL. Blocks until it is gone; does nothing if it does not run."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _spawn(command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this Python with the project's own worker
        command,
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # a Ctrl-C on the terminal is for the demo, which ends the worker in order
    )


def _answers_ok(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
