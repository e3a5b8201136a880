"""The tutorial's commands, run as they stand on a real Kafka with a real worker, print what it says."""

import os
import runpy
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.docs.session import Command, blocks
from tests.support.forks import Fork
from tests.support.patience import PATIENCE
from tests.support.stage import Stage
from tests.support.worker import Worker

TUTORIAL = ROOT / "docs" / "tutorial.md"
VERBS = runpy.run_path(str(ROOT / "run.py"), run_name="run")["VERBS"]
#: Commands that send something are typed once; the others may come before what they ask about is folded.
ONCE = ("send", "act")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as made:
        yield made


@pytest.mark.kafka
def test_every_command_prints_what_the_tutorial_says(stage: Stage) -> None:
    worker = stage.worker()
    worker.start()
    for block in blocks(TUTORIAL):
        commands = block.commands
        if block.note == "kill the worker":
            stage.wait_folded()  # who types is slower than a commit: without it an input is read again
            worker.kill()
            commands = commands[1:]
        elif block.note == "start the worker":
            worker.start()
            continue
        for command in commands:
            if not command.line.startswith("source "):
                holds(command, worker)


def test_an_output_that_differs_is_told() -> None:
    command = Command("x", ["a …", "…", "z"])
    assert command.matches("a 1\n\nb\nc\nz\n")
    assert command.matches("a  2\nz")
    assert not command.matches("b 1\nz\n")
    assert not command.matches("a 1\nz\nmore\n")


def holds(command: Command, worker: Worker) -> None:
    """Run a command until it prints what it must; the test fails if it never does."""
    expected = Command(command.line, [line.replace(":6066", f":{worker.port}") for line in command.printed])
    once = any(f" {word} " in command.line for word in ONCE)
    deadline = time.monotonic() + PATIENCE
    while True:
        output = run(command.line, worker)
        if expected.matches(output):
            return
        if once or time.monotonic() > deadline:
            shown = "\n".join(expected.printed)
            pytest.fail(f"$ {command.line}\nprinted\n{output}\nand not\n{shown}")
        time.sleep(0.3)


def run(line: str, worker: Worker) -> str:
    """Run a line as a shell would, in the environment that the tutorial makes; what it printed, errors included.

    A plain command of ours is forked: a shell for its sake, and its imports, are half of what it takes.
    """
    env = worker.env | {"COLUMNS": "120"}
    if line.startswith("rollcall ") and not set(line) & set("|&;<>$`"):
        printed = worker.home / "printed"
        with printed.open("wb") as both:
            fork = Fork("", *shlex.split(line)[1:], env=env, stdout=both.fileno(), stderr=both.fileno())
        fork.wait(PATIENCE)
        return printed.read_text()
    for verb, (arguments, _) in VERBS.items():
        line = line.replace(f"python3 run.py {verb} ", f"{sys.executable} {' '.join(arguments)} ")
    path = f"{Path(sys.executable).parent}{os.pathsep}{worker.env['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=env | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ran.stdout
