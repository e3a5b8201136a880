"""Options and variables of Faust: each works through a setting and its checks, or is refused by name, or not read."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from faust.cli.base import cli
from faust.types.settings import Settings as FaustSettings

from app import command_line
from app.engine.faust.command import override
from demo.kafka import free_port
from tests.support.forks import run_all
from tests.support.worker import ROOT

FAUST = Path(sys.executable).parent / "faust"


def parameters() -> list[click.Parameter]:
    """Every parameter of the faust command and of its worker."""
    return [*cli.params, *cli.commands["worker"].params]


def test_each_option_of_faust_has_one_meaning_here() -> None:
    """A new option in a new version of Faust belongs into one of the three tables of app.command_line."""
    names = {str(parameter.name) for parameter in parameters()} | {"help"}
    ours = [set(command_line.SETTINGS) | {"with_web"}, set(command_line.FREE), set(command_line.REFUSED)]
    assert set().union(*ours) == names
    assert sum(map(len, ours)) == len(names), "in one of them"


@pytest.mark.parametrize("parameter", parameters(), ids=lambda parameter: parameter.name)
def test_each_option_that_stands_for_nothing_here_is_refused_by_name(parameter: click.Option) -> None:
    place = ["worker"] if parameter in cli.commands["worker"].params else []
    name = str(parameter.name)
    for spelling in parameter.opts:
        line = [
            "-A",
            "app",
            *place,
            spelling,
            *([] if parameter.is_flag else ["7001"]),
            *(["worker"] if not place else []),
        ]
        found = command_line.given(line)
        if name in {"help", "version"}:
            assert found is None
            continue
        assert found is not None
        if name in command_line.REFUSED:
            assert found.refused == [f"--{name.replace('_', '-')}: {command_line.REFUSED[name]}"]
        else:
            assert found.refused == []


def given(*options: str) -> dict[str, Any]:
    """The settings of a worker's command line."""
    found = command_line.given(["worker", *options])
    assert found is not None
    assert found.refused == []
    return found.settings


def test_options_that_stand_for_settings_are_settings() -> None:
    assert given("--web-port", "7001") == given("-p", "7001") == given("--web-port=7001") == {"http_port": "7001"}
    assert given("--without-web") == {"http_port": 0}
    assert given("--with-web", "-l", "info") == {}
    found = command_line.given(["-A", "app", "--datadir", "here", "worker"])
    assert found == ({"datadir": "here"}, [])
    assert command_line.given(["-A", "app", "-L", "uvloop", "worker"]) == ({}, [])


@pytest.mark.parametrize("line", [["-A", "app", "status", "--json"], ["-q", "tests"], [], ["-A", "app", "--help"]])
def test_what_is_no_worker_is_left_alone(line: list[str]) -> None:
    assert command_line.given(line) is None


def test_each_variable_that_faust_reads_by_itself_is_known() -> None:
    """Its registry aside: those with a prefix, looked up in its source."""
    found = set()
    source = Path(str(importlib.import_module("faust.types._env").__file__))
    for file in (source, source.parents[1] / "__init__.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = ast.unparse(node.func)
                if called == "_getenv":
                    found.add(str(node.args[0].value))
                elif called == "os.environ.get":
                    found.add(str(node.args[0].value).removeprefix("FAUST_").removeprefix("F_"))
    assert found == command_line.PREFIXED


#: Of no use here: a detector that is never started, and a name that is another one for each application object.
UNUSED = {"blocking_timeout", "reply_to"}

CONFIGURATION = """
import json, sys
import app
conf = app.app.conf
print(json.dumps({name: repr(getattr(conf, name, None)) for name in sorted(type(conf).SETTINGS) if name != "url"}))
"""


def configuration(environment: Mapping[str, str]) -> dict[str, str]:
    """All that Faust is configured with."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    done = subprocess.run(
        [sys.executable, "-c", CONFIGURATION],
        cwd=ROOT,
        env=own | dict(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(re.sub(" at 0x[0-9a-f]+", "", done.stdout))
    return found


def test_no_variable_of_faust_changes_what_it_is_configured_with() -> None:
    hostile = dict.fromkeys(sorted(command_line.FAUST_NAMES), "7")
    hostile |= {"WEB_BIND": "127.0.0.2", "BROKER_URL": "kafka://elsewhere:1", "APP_DATADIR": "/elsewhere"}
    prefixed = {f"F_{name}": "7" for name in command_line.PREFIXED - {"LOOP", "STRICT", "WEB_TRANSPORT", "F_WEB_BIND"}}
    prefixed |= {"FAUST_WEB_TRANSPORT": "unix:///elsewhere", "FAUST_F_WEB_BIND": "127.0.0.2"}
    before = configuration({})
    after = configuration(hostile | prefixed | {"DJANGO_SETTINGS_MODULE": ""})
    assert {name: value for name, value in after.items() if before[name] != value and name not in UNUSED} == {}
    assert len(before) > 80
    assert before["web_bind"] == "'127.0.0.1'"


def test_variables_that_have_a_setting_are_named_with_it_and_strangers_are_not() -> None:
    environment = {"WEB_BIND": "x", "BROKER_URL": "x", "F_DATADIR": "x", "TIMEZONE": "x", "F_KEY": "x", "HOME": "x"}
    assert command_line.unread(environment) == {
        "BROKER_URL": "ROLLCALL_BROKER",
        "F_DATADIR": "ROLLCALL_DATADIR",
        "WEB_BIND": "ROLLCALL_HTTP_HOST",
    }
    assert {
        setting.env_name for setting in FaustSettings.SETTINGS.values() if setting.env_name
    } == command_line.FAUST_NAMES
    assert command_line.refused_variables({"FAUST_LOOP": "eventlet", "F_WORKDIR": "/"}) == [
        "FAUST_LOOP: the worker's event loop is uvloop: unset it",
        "F_WORKDIR: start the worker in that directory, or use --workdir",
    ]
    assert command_line.refused_variables({"FAUST_LOOP": "uvloop", "WORKDIR": "/"}) == []


def worker(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A worker that ends by itself: it is refused at start."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    own |= {"ROLLCALL_BROKER": f"127.0.0.1:{free_port()}", "ROLLCALL_LOG_FORMAT": "json"} | environment
    if all(name.startswith("ROLLCALL_") for name in environment):
        (done,) = run_all([options], own)
        return done
    return subprocess.run(  # what Faust may read while it is imported
        [FAUST, "-A", "app", *options], cwd=ROOT, env=own, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("options", "environment", "status", "says"),
    [
        (["worker", "--web-bind", "0.0.0.0"], {}, 2, "--web-bind: where HTTP listens is checked"),  # noqa: S104 - it is refused
        (["worker", "--web-port", "70000"], {}, 1, "ROLLCALL_HTTP_PORT='70000'"),
        (["worker"], {"FAUST_LOOP": "aio"}, 2, "FAUST_LOOP: the worker's event loop is uvloop"),
        (["worker"], {"ROLLCALL_PARTITIONS": "x", "ROLLCALL_LOG_FORMAT": "xml"}, 1, "ROLLCALL_LOG_FORMAT"),
        (["worker", "--bogus"], {}, 2, "No such option"),
    ],
)
def test_what_is_refused_at_start_is_a_line_of_json_and_an_exit_status(
    options: list[str], environment: dict[str, str], status: int, says: str
) -> None:
    done = worker(*options, **environment)
    assert (done.returncode, done.stdout) == (status, "")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(line.keys() >= {"event", "level", "logger", "timestamp"} for line in lines)
    assert any(says in str(line) for line in lines), done.stderr
    assert not [line for line in lines if "exception" in line]


def test_for_people_a_refusal_is_a_plain_line() -> None:
    done = worker("worker", "--json", ROLLCALL_LOG_FORMAT="console")
    assert done.returncode in {0, 2}
    done = worker("worker", "-b", "127.0.0.2", ROLLCALL_LOG_FORMAT="console")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rollcall: --web-bind: where HTTP listens is checked together with the tokens")


def test_each_command_of_faust_is_the_worker_or_is_refused_by_name() -> None:
    """A new one in a new version of Faust belongs into the table, so that nothing goes past the checks."""
    importlib.import_module("faust.cli.faust")  # Faust's own commands

    faust = {name for name, entry in cli.commands.items() if entry.callback and _module(entry).startswith("faust.")}
    override()
    assert {"worker"} | command_line.REFUSED_COMMANDS.keys() >= faust
    assert all(_module(cli.commands[name]) == override.__module__ for name in command_line.REFUSED_COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["rollcall-log", "{}"], ["--key", "a", "--help", "-r", "7"]])
@pytest.mark.parametrize("name", command_line.REFUSED_COMMANDS)
def test_a_refused_command_does_nothing_whatever_its_arguments_are(
    name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    override()
    with pytest.raises(SystemExit) as ended:
        cli.commands[name].main(arguments, standalone_mode=False)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"rollcall: {name} is not among the commands here: ")


def _module(entry: click.Command) -> str:
    return str(getattr(entry.callback, "__module__", ""))
