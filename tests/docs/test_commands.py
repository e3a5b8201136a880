"""A command that a document shows exists, with the options that it is shown with."""

import re
import runpy
import shlex
from pathlib import Path

import click
import pytest
from faust.cli.faust import cli

from app import commands
from tests.docs.documents import ROOT, TEXTS, command_lines, name

VERBS = runpy.run_path(str(ROOT / "run.py"), run_name="run")["VERBS"]
LINES = [(path, line) for path in TEXTS for line in command_lines(path)]


@pytest.mark.parametrize(("path", "line"), LINES, ids=[f"{name(path)}: {line}" for path, line in LINES])
def test_the_verb_and_its_options_exist(path: Path, line: str) -> None:  # noqa: ARG001 - for the test's name
    words = [word for word in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if words[:2] == ["python3", "run.py"]:
        assert words[2] in VERBS
    elif words[:3] == ["faust", "-A", "app"]:
        assert unknown(words[3:]) == []
    elif words[:1] == ["rollcall"]:
        assert unknown(words[1:]) == []


def unknown(words: list[str]) -> list[str]:
    """What of a command line no command knows."""
    commands.register()
    command: click.Command = cli
    while isinstance(command, click.Group):
        if not words or words[0] not in command.commands:
            return words[:1] or ["(no verb)"]
        command, words = command.commands[words[0]], words[1:]
    options = {option for param in command.params for option in param.opts} | {"--help"}
    return [word for word in words if word.startswith("--") and word not in options]
