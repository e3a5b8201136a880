"""Text of messages on a terminal: whatever is in it, nothing of it is obeyed, hidden, or taken for a line of ours."""

import io
import json
import logging
import re
import types
import typing
from collections.abc import Iterable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from faust.cli.base import cli
from pydantic import BaseModel
from structlog.testing import capture_logs

import app
from app import commands, logs
from app.api.present import act_models as acts
from app.api.present import batch_models as batches
from app.api.present import models as group
from app.commands import acting, log_tools, queries
from app.commands.base import CommandError
from app.history import models as history
from app.printable import visible, visible_json
from app.settings import Settings

#: Clears the screen, retitles the window, goes up a line; the same as C1; a line of its own; an id reversed, an id with
#: something hidden in it; markup and an emoji of rich.
EVIL = (
    "a\x1b[2J\x1b]0;t\x07\x1b[1A\r\x9b2J\x85\nrollcall: fine\u202egnp\u200b\u2028\U000e0041[red]x[/red][/]:smile:\x7f"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
UNSEEN = [character for character in EVIL if visible(character) != character]


def test_what_is_not_seen_is_shown_as_an_escape_and_what_is_seen_stays() -> None:
    assert len(set(UNSEEN)) == 11
    assert visible("\x1b[2J\x9b\n\u202e\U000e0041") == r"\x1b[2J\x9b\n\u202e\U000e0041"
    for text in ("Åsa Öberg, grupp 7", "作文 一", "حاضر", "no break", r"C:\texts", "🎓"):
        assert visible(text) == text


def test_a_json_document_stays_the_same_and_holds_nothing_that_a_terminal_obeys() -> None:
    document = visible_json(json.dumps({EVIL: [EVIL, "Å\ud800"]}, ensure_ascii=False))
    assert json.loads(document) == {EVIL: [EVIL, "Å\ud800"]}
    assert visible(document) == document


def filled(kind: Any) -> Any:
    """A value of a field's type whose every text is EVIL."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return filled(next(argument for argument in arguments if argument is not type(None)))
    if origin is typing.Literal:
        return arguments[0]
    if origin in {list, tuple}:
        return [filled(arguments[0])]
    if origin is dict:
        return {EVIL: filled(arguments[1])}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: filled(field.annotation) for name, field in kind.model_fields.items()}
    return {str: EVIL, int: 1, float: 1.0, bool: True}.get(kind, EVIL)


def answer(model: type[BaseModel], **fixed: Any) -> Any:
    """An answer of a worker, or of what reads the topics; not validated, as some of its texts have a form."""
    made = filled(model)

    def build(kind: Any, value: Any) -> Any:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            built = {name: build(field.annotation, value[name]) for name, field in kind.model_fields.items()}
            return kind.model_construct(**built)
        if isinstance(value, list):
            return [build(next(iter(typing.get_args(kind)), None), member) for member in value]
        if typing.get_origin(kind) in {typing.Union, types.UnionType}:
            return build(next(arg for arg in typing.get_args(kind) if arg is not type(None)), value)
        return value

    return build(model, made | fixed)


ANSWERS: dict[str, type[BaseModel]] = {
    "overview": group.Overview,
    "batches": batches.BatchPage,
    "pending": batches.PendingPage,
    "explain": batches.Explanation,
    "acts": acts.ActAnswer,
}

#: Every command, as it is called here.
CALLS: dict[str, list[str]] = {
    "status": [],
    "batch show": [EVIL],
    "batch timeline": [EVIL],
    "explain": [EVIL],
    "pending": [],
    "act": [EVIL, "discard", "--who", EVIL, "--why", EVIL],
    "dlq list": [],
    "dlq show": ["0", "0"],
    "dlq replay": ["0", "0", "--who", EVIL, "--why", EVIL],
    "replay": [],
    "at": [EVIL, "--offset", "1"],
    "audit": [],
    "topology": [],
}


@pytest.fixture
def evil_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers and topics all of whose texts are EVIL."""

    async def ask(_: Any, where: str, **__: Any) -> dict[str, Any]:
        last = where.rsplit("/", 1)[-1]
        found: dict[str, Any] = answer(ANSWERS.get(last, batches.Batch)).model_dump(warnings=False)
        return found

    def reads(model: type[BaseModel], **fixed: Any) -> Any:
        async def read(*_: Any, **__: Any) -> Any:
            return answer(model, **fixed)

        return read

    async def state_of(*_: Any, **__: Any) -> dict[str, Any]:
        return await ask(None, "batch")

    letters = import_module("app.commands.dlq")  # the package's name for it is the group of commands
    commands.register()
    monkeypatch.setitem(vars(app), "app", SimpleNamespace(settings=Settings(broker="127.0.0.1:9")))
    for module in (queries, acting):
        monkeypatch.setattr(module, "ask", ask)
    monkeypatch.setattr(log_tools, "state_of", state_of)
    monkeypatch.setattr(import_module("app.history.tell.timeline"), "timeline", reads(history.Timeline))
    monkeypatch.setattr(log_tools, "replay_all", reads(history.ReplayReport, same=False))
    monkeypatch.setattr(log_tools, "audit_all", reads(history.AuditReport, same=False))
    monkeypatch.setattr(letters, "dead_letters", reads(history.DeadLetterPage))
    monkeypatch.setattr(letters, "dead_letter", reads(history.DeadLetterContent))
    monkeypatch.setattr(letters, "replay_dead_letter", reads(history.Place))


def ours(names: Iterable[tuple[str, click.Command]], before: str = "") -> Iterable[str]:
    """The names of the commands that are not Faust's, refused or not."""
    for name, command in names:
        if isinstance(command, click.Group):
            yield from ours(command.commands.items(), f"{name} ")
        elif getattr(command.callback, "__module__", "").startswith("app.commands."):
            yield before + name


def test_every_command_is_tried_here() -> None:
    commands.register()
    assert set(ours(cli.commands.items())) == set(CALLS)


@pytest.mark.usefixtures("evil_world")
@pytest.mark.parametrize("name", CALLS)
def test_no_command_lets_texts_of_messages_at_the_terminal(name: str) -> None:
    with capture_logs():
        done = CliRunner().invoke(cli, [*name.split(), *CALLS[name]])
    assert done.exit_code in {0, 1, 3}, done.output
    for written in (done.stdout, done.stderr):
        assert not {character for line in written.splitlines() for character in line} & set(UNSEEN)
        assert "rollcall: fine" not in [line.strip() for line in written.splitlines()]
    if name != "topology":  # which says nothing of messages
        squeezed = "".join(done.output.split())
        assert r"\x1b" in squeezed
        assert ":smile:" in squeezed, "no emoji is made of a text"
    if name in {"status", "explain", "batch show", "batch timeline"}:
        assert "[red]x[/red][/]" in squeezed, "no markup is made of a text"


@pytest.mark.usefixtures("evil_world")
@pytest.mark.parametrize("name", CALLS)
def test_with_json_the_text_is_exact_and_yet_nothing_is_obeyed(name: str) -> None:
    with capture_logs():
        done = CliRunner().invoke(cli, [*name.split(), *CALLS[name], "--json"])
    document = done.stdout.rstrip("\n")
    assert visible(document) == document
    found = json.loads(document)
    assert name == "topology" or EVIL in texts(found)


def texts(value: Any) -> Iterable[str]:
    """All texts of a JSON document."""
    if isinstance(value, str):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(member)


def test_an_error_of_a_command_is_one_line_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any, **__: Any) -> Any:
        raise CommandError(1, "word", EVIL)

    commands.register()
    monkeypatch.setitem(vars(app), "app", SimpleNamespace(settings=Settings(broker="127.0.0.1:9")))
    monkeypatch.setattr(queries, "ask", fails)
    with capture_logs():
        done = CliRunner().invoke(cli, ["status"])
    assert done.stderr == f"rollcall: {visible(EVIL)}\n"


def test_logs_for_people_show_what_is_not_seen_tracebacks_included() -> None:
    # As a worker's, but into a buffer, and beside the loggers that the other tests use.
    made = logs.logging_config(Settings(log_format="console"))["formatters"]["structured"]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(made["()"](processors=made["processors"], foreign_pre_chain=made["foreign_pre_chain"]))
    error = ValueError(EVIL)
    record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "%s", (EVIL,), (ValueError, error, None))
    vars(record).update({"batch_id": EVIL, "parts": [EVIL], "kept": {"name": EVIL}, EVIL: EVIL, "count": 7})
    handler.emit(record)
    written = COLOUR.sub("", stream.getvalue())
    assert not set(written.replace("\n", "")) & set(UNSEEN)
    first, *rest = written.splitlines()
    assert visible(EVIL) in first
    assert "count=7" in first
    assert all(line.startswith("    ") for line in rest), "what looks like a line of the log is none"
    assert rest[0].strip() == "ValueError: " + visible(EVIL.split("\n", 1)[0])
