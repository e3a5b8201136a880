"""What a process imports: a command what it needs of the application, a worker no command. Counted, not timed."""

import json
import subprocess
import sys
from functools import cache

import pytest

from app.commands import VERBS
from tests.support.worker import ROOT

#: What takes long to import, and only a worker needs.
OF_A_WORKER = {
    "app.main",
    "app.api.http.server",
    "app.topology",
    "app.engine.faust",
    "agents.join",
    "rocksdict",
    "prometheus_client",
}
#: What is asked for here, each in a process of its own. Faust's own command is imported once, before they part.
ASKED = [("status", "--help"), ("batch", "--help"), ("act", "--help"), ("worker", "--help"), ("--help",)]
#: One argument: the command lines behind ``faust -A app``.
PROGRAM = """
import gc, json, os, sys
from faust.cli.faust import cli
before, asked = len(sys.modules), json.loads(sys.argv[1])
for line in asked:
    if os.fork():
        assert os.wait()[1] == 0, line
        continue
    sys.argv[:] = ["faust", "-A", "app", *line]  # in place: Faust has kept the list
    try:
        cli()
    except SystemExit:
        print("\\n" + json.dumps([line, before, sorted(sys.modules), gc.get_freeze_count()]), flush=True)
        os._exit(0)
    os._exit(1)
"""


@cache
def all_ended() -> dict[tuple[str, ...], tuple[int, set[str], int]]:
    """What :func:`ended` says of each."""
    command = [sys.executable, "-c", PROGRAM, json.dumps(ASKED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[[")]
    return {tuple(asked): (before, set(modules), frozen) for asked, before, modules, frozen in told}


def imported(*arguments: str) -> tuple[int, set[str]]:
    """How many modules Faust's own command has before it imports the application, and all that there are at its end."""
    before, modules, _ = ended(*arguments)
    return before, modules


def ended(*arguments: str) -> tuple[int, set[str], int]:
    """As :func:`imported`, and how many objects the collector leaves alone."""
    return all_ended()[arguments]


@pytest.mark.parametrize("verb", ["status", "batch", "act"])
def test_a_command_that_asks_a_worker_imports_nothing_of_one(verb: str) -> None:
    before, modules = imported(verb, "--help")
    assert f"app.commands.{VERBS[verb]}" in modules
    assert not modules & OF_A_WORKER
    assert not {"numpy", "uvloop", "app.history.verify.replay"} & modules
    assert not {"structlog", "pygments", "rich.progress"} & modules, "nothing is logged: nothing of a logger is needed"
    others = {f"app.commands.{module}" for module in VERBS.values()} - {f"app.commands.{VERBS[verb]}"}
    assert not others & modules
    assert len(modules) - before < 330  # 265 when this was written; a worker has 512


def test_what_a_command_has_imported_is_not_looked_through_for_garbage_at_its_end() -> None:
    _, modules, frozen = ended("status", "--help")
    assert frozen > 50 * len(modules)  # some 190 objects a module


def test_a_worker_imports_no_command_and_no_numpy() -> None:
    _, modules = imported("worker", "--help")
    assert modules >= OF_A_WORKER
    assert not {f"app.commands.{module}" for module in VERBS.values()} & modules
    assert not {"numpy", "rich.progress", "app.commands.base"} & modules


def test_all_commands_are_there_where_they_are_listed() -> None:
    _, modules = imported("--help")
    assert {f"app.commands.{module}" for module in VERBS.values()} <= modules
