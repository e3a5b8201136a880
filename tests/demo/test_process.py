import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.__main__ import main
from demo.interrupts import Interrupts
from demo.leash import Leash
from demo.worker import Worker, WorkerError
from tests.support.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z" if Path("/proc").exists() else True


def test_a_child_on_the_leash_and_the_directory_do_not_survive_a_sigkill() -> None:
    program = """
import subprocess, sys, time
from demo.leash import Leash
with Leash() as leash:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    leash.hold(child.pid)
    print(child.pid, leash.directory, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        pid, directory = holder.stdout.readline().split()
        assert alive(int(pid))
        assert Path(directory).is_dir()
        holder.kill()
    assert wait_until(lambda: not alive(int(pid)) and not Path(directory).exists())


def test_the_directory_is_gone_after_an_ordinary_end_too() -> None:
    with Leash() as leash:
        (leash.directory / "file").touch()
    assert not leash.directory.exists()


async def test_a_worker_that_ends_by_itself_is_an_error_with_the_end_of_its_log() -> None:
    with Leash() as leash:
        worker = Worker(leash, "127.0.0.1:1", command=[sys.executable, "-c", "raise SystemExit('no such setting')"])
        worker.start()
        with pytest.raises(WorkerError, match=r"status 1[^$]*no such setting"):
            await worker.wait_until_ready()
        worker.stop()


def test_a_worker_gets_its_settings_and_ends_with_stop() -> None:
    program = "import os, time; print(os.environ['ROLLCALL_BROKER'], flush=True); time.sleep(60)"
    with Leash() as leash:
        worker = Worker(leash, "127.0.0.1:1", command=[sys.executable, "-c", program])
        worker.start()
        assert wait_until(lambda: worker.log.read_text() == "127.0.0.1:1\n")
        worker.check()
        worker.stop()
        with pytest.raises(WorkerError, match="status -15"):
            worker.check()


def test_a_signal_cancels_the_attached_task_and_a_second_one_does_not_tear_its_end() -> None:
    ended = []

    async def work(interrupts: Interrupts) -> None:
        interrupts.attach()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
            ended.append(True)

    with Interrupts() as interrupts, pytest.raises(asyncio.CancelledError):
        asyncio.run(work(interrupts))
    assert (ended, interrupts.status) == ([True], 130)


def test_sigterm_outside_of_a_task_ends_the_program_with_143() -> None:
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
    assert interrupts.status == 143


@pytest.mark.parametrize("option", ["--batches", "--essays", "--timeout"])
def test_a_number_below_one_is_refused_before_anything_starts(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option, "0"])
    assert ended.value.code == 2
    assert "must be 1 or more" in capsys.readouterr().err
