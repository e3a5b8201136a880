"""Worker processes for tests: `faust -A APPLICATION worker`, each with its own data directory, port and log."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from app.native import PURE
from demo.kafka import free_port
from tests.support.forks import FAUST, Fork, inherited
from tests.support.patience import PATIENCE, slowness

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10  # the contract's bound on SIGTERM, on a machine that has the time
TAIL = 3000  # characters of the log shown when something fails

# Runs the command that follows, which dies with this process's parent: no worker outlives a test run that was killed.
# 1 is PR_SET_PDEATHSIG; a parent that is gone already shows in the parent's id.
LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Worker:
    """One worker process; after its end it may be started again, on the same data directory, port and log."""

    def __init__(
        self,
        bootstrap: str,
        home: Path,
        *,
        app_id: str = "rollcall",
        settings: Mapping[str, str] | None = None,
        application: str = "app",
    ) -> None:
        self.application = application
        self.tree = ROOT  # where the code lies that it runs
        self.home = home
        self.datadir = home / "data"
        self.log = home / "worker.log"
        self.port = free_port()
        self.app_id = app_id
        self.process: Fork | subprocess.Popen[bytes] | None = None
        own = {
            "ROLLCALL_BROKER": bootstrap,
            "ROLLCALL_APP_ID": app_id,
            "ROLLCALL_DATADIR": str(self.datadir),
            "ROLLCALL_HTTP_PORT": str(self.port),
        }
        self.env = inherited() | {"PYTHONUNBUFFERED": "1"} | own | dict(settings or {})
        home.mkdir(parents=True, exist_ok=True)

    def launch(self, *options: str) -> None:
        """Start the process, with further options of `faust worker`, and return at once."""
        with self.log.open("ab") as log:
            if self._may_be_forked():
                streams = {"stdout": log.fileno(), "stderr": log.fileno()}
                self.process = Fork(self.application, "worker", *options, env=self.env, **streams)
                return
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, str(os.getpid()), FAUST, "-A", self.application, "worker", *options],
                cwd=self.tree,
                env=self.env | ({} if self.tree == ROOT else {"PYTHONPATH": str(self.tree)}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self, within: float = PATIENCE) -> None:
        """Start the process and wait until it is ready. Raises AssertionError with the end of its log."""
        self.launch()
        self.wait_ready(within)

    def wait_ready(self, within: float = PATIENCE) -> None:
        """Wait until GET /health/ready is 200. Raises AssertionError with the end of the log if it fails."""
        deadline = time.monotonic() + within
        while True:
            if not self.alive:
                message = f"the worker ended with {self.exit_code} before it was ready\n{self.tail()}"
                raise AssertionError(message)
            if self.get("/health/ready")[0] == 200:
                return
            if time.monotonic() > deadline:
                message = f"the worker is not ready after {within} s\n{self.tail()}"
                raise AssertionError(message)
            time.sleep(0.1)

    def get(self, path: str, timeout: float = 20, *, token: str = "") -> tuple[int, str]:
        """GET a path of its HTTP server: status and body; status 0 when nobody answers."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with urlopen(Request(f"http://127.0.0.1:{self.port}{path}", headers=headers), timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, HTTPException):
            return 0, ""

    @property
    def alive(self) -> bool:
        """Whether the process runs (a paused one does)."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit status, None while it runs."""
        return self.process.poll() if self.process else None

    def wait_end(self, within: float = PATIENCE) -> int:
        """Wait for the end of the process, which may have come; returns its exit status.

        Raises AssertionError with the end of the log.
        """
        try:
            return (self.process or self._running()).wait(within)
        except subprocess.TimeoutExpired:
            message = f"the worker still runs after {within} s\n{self.tail()}"
            raise AssertionError(message) from None

    def stop(self) -> float:
        """Send SIGTERM and return after how many seconds it ended. Raises AssertionError if it took too long.

        The contract's bound is 10 s. It is stretched by as much as this machine is slower now than when it is idle.
        """
        began = time.monotonic()
        self._running().send_signal(signal.SIGTERM)
        self.wait_end()
        seconds = time.monotonic() - began
        if seconds > STOP_SECONDS and seconds > (most := STOP_SECONDS * slowness()):
            message = f"the worker ended {seconds:.1f} s after SIGTERM, not within {most:.1f} s\n{self.tail()}"
            raise AssertionError(message)
        return seconds

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        process = self._running()
        process.kill()
        process.wait(PATIENCE)

    def pause(self) -> None:
        """Stop it where it is (SIGSTOP)."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on (SIGCONT)."""
        self._running().send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Remove its data directory; only while it does not run. Raises RuntimeError otherwise."""
        if self.alive:
            message = "wiping under a running worker is another fault"
            raise RuntimeError(message)
        shutil.rmtree(self.datadir, ignore_errors=True)

    def close(self) -> None:
        """Make sure that nothing of it runs."""
        if self.process is not None and self.alive:
            os.killpg(self.process.pid, signal.SIGKILL)  # it leads a group of its own
            self.process.wait(PATIENCE)

    def tail(self) -> str:
        """Return the end of its log."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return f"--- end of {self.log} ---\n{text[-TAIL:]}"

    def _may_be_forked(self) -> bool:
        """Whether it runs this code, and all that may matter before an import is as it was for the forking process."""
        own = {name: value for name, value in self.env.items() if name == PURE or not name.startswith("ROLLCALL_")}
        needed = inherited() | {"PYTHONUNBUFFERED": "1"}
        planted = Path(own.get("PYTHONPATH", "").partition(os.pathsep)[0])
        if (planted / "planted_bug.py").exists() and not (planted / "early").exists():
            needed["PYTHONPATH"] = own["PYTHONPATH"]
        return self.tree == ROOT and own == needed

    def _running(self) -> Fork | subprocess.Popen[bytes]:
        if self.process is None or self.process.poll() is not None:
            message = f"the worker does not run (exit status {self.exit_code})\n{self.tail()}"
            raise RuntimeError(message)
        return self.process
