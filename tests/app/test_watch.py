"""`--watch`: on a terminal the answer is replaced in its place; elsewhere one follows the other. Ctrl-C ends it."""

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.forks import run_all
from tests.support.patience import PATIENCE
from tests.support.worker import ROOT

ROLLCALL = str(Path(sys.executable).with_name("rollcall"))


class Workers:
    """A worker's answers; ``stuck`` counts them, and while ``away`` it has none."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.url = ""

    async def overview(self, _: web.Request) -> web.Response:
        """GET /api/overview."""
        if self.away:
            return web.json_response({"error": "busy", "message": "away"}, status=503)
        self.asked += 1
        return web.json_response(self.answer())

    def answer(self) -> dict[str, Any]:
        """The overview, whose version says how often it was asked for."""
        return {
            "app_id": "a", "guarantee": "exactly_once", "version": f"v{self.asked}.", "time": "2026-11-26T00:00:00Z",
            "counts": {"open": 1}, "pending_uploads": 0, "oldest_pending_seconds": None, "stuck": 0, "missing": [],
            "workers": [], "partitions": [], "inputs": [], "retired": 2, "oldest_closed_seconds": 60.0,
        }  # fmt: skip


@pytest.fixture
def workers() -> Iterator[Workers]:
    made, loop = Workers(), asyncio.new_event_loop()

    async def start() -> web.AppRunner:
        application = web.Application()
        application.router.add_get("/api/overview", made.overview)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        made.url = f"http://{host}:{port}"
        return runner

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE)
    yield made
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(PATIENCE)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    return kept | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}


def command(workers: Workers, *options: str) -> list[str]:
    return [ROLLCALL, "status", "--url", workers.url, "--watch", "--every", "0.2", *options]


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.text = ""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve(arguments[0], arguments, environment())  # noqa: S606 - no shell is wanted

    def until(self, pattern: str) -> None:
        """Read until the text has it, or the command ends."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, self.text
            if select.select([self.descriptor], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.descriptor, 65_536).decode()
                except OSError:  # the other end is closed
                    break

    def interrupt(self) -> int:
        """Press Ctrl-C; the exit status."""
        os.write(self.descriptor, b"\x03")
        self.until("never")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)


def test_on_a_terminal_the_answer_is_replaced_and_ctrl_c_leaves_it_in_order(workers: Workers) -> None:
    terminal = Terminal(*command(workers))
    terminal.until(r"v3\.")
    assert terminal.interrupt() == 0
    shown = terminal.text
    assert "Traceback" not in shown
    assert shown.count("\x1b[1A") >= 2, "the cursor goes up, over the answer before"
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is seen again"


def test_while_no_worker_answers_it_says_so_and_asks_on(workers: Workers) -> None:
    terminal = Terminal(*command(workers))
    terminal.until(r"v1\.")
    workers.away = True
    terminal.until("asking again")
    workers.away, workers.asked = False, 10
    terminal.until(r"v11\.")
    assert terminal.interrupt() == 0


def test_elsewhere_one_answer_follows_the_other_without_a_control(workers: Workers) -> None:
    with subprocess.Popen(command(workers), stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while "v3." not in lines[-1]:
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert "\x1b" not in "".join(lines)
    assert [line.split("version ")[1][:3] for line in lines if "version" in line] == ["v1.", "v2.", "v3."]
    assert "\n" in lines
    assert "2 receipts of retired batches; the oldest closed batch last changed 1 min ago\n" in lines


def test_as_json_each_answer_is_a_line(workers: Workers) -> None:
    process = subprocess.Popen(
        command(workers, "--json"), stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
    )
    with process:
        assert process.stdout is not None
        found = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert [answer["version"] for answer in found] == ["v1.", "v2.", "v3."]


def test_whoever_reads_no_more_ends_it_without_a_word(workers: Workers) -> None:
    process = subprocess.Popen(
        command(workers), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE) in {1, 141}


def test_the_first_answer_that_cant_be_had_ends_it_as_without_watching(workers: Workers) -> None:
    workers.away = True
    (ran,) = run_all([command(workers)[1:]], environment())
    assert ran.returncode == 4
    assert ran.stderr.startswith("rollcall: ")
