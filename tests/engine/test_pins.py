"""The versions that the overrides were written for, and the private names that they reach for.

A name that has gone, or that takes other arguments, is a red test here and not a worker that stands still.
"""

import dis
import inspect
import re
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, cast

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from faust.transport import consumer as faust_consumer
from mode.services import ServiceTask

from app.engine import faust as overrides
from app.engine.faust import overridden
from tests.engine.reached import ADDED, MADE, PRIVATE
from tests.support.worker import ROOT

PINNED = ("faust-streaming", "aiokafka", "mode-streaming")

OVERRIDDEN = sorted(set(overridden()) - ADDED, key=str)


def pins() -> dict[str, str]:
    """The exact versions that the project asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {}
    for dependency in project["dependencies"]:
        match = re.fullmatch(r"([a-z-]+)==([0-9.]+)", dependency)
        if match:
            found[match[1]] = match[2]
    return found


@pytest.mark.parametrize("name", PINNED)
def test_what_is_overridden_is_installed_in_exactly_the_pinned_version(name: str) -> None:
    assert version(name) == pins()[name]


@pytest.mark.parametrize(("theirs", "name"), OVERRIDDEN, ids=lambda part: getattr(part, "__name__", part))
def test_every_overridden_name_exists_in_faust(theirs: type, name: str) -> None:
    assert hasattr(theirs, name)


@pytest.mark.parametrize(("theirs", "name"), sorted(ADDED, key=str), ids=lambda part: getattr(part, "__name__", part))
def test_nothing_that_is_added_hides_a_name_of_faust(theirs: type, name: str) -> None:
    assert not hasattr(theirs, name)
    assert (theirs, name) in set(overridden())


def functions() -> list[tuple[type, type, str]]:
    """Our class, Faust's class and the name of each overridden function."""
    pairs = {theirs for theirs, _ in overridden()}
    ours = {
        theirs: class_
        for class_ in _our_classes()
        for theirs in class_.__mro__
        if theirs in pairs and theirs is not class_
    }
    return [(ours[theirs], theirs, name) for theirs, name in OVERRIDDEN]


def _our_classes() -> list[type]:
    modules = (
        overrides.app,
        overrides.assignor,
        overrides.connection,
        overrides.connections,
        overrides.consumer,
        overrides.consumer_thread,
        overrides.http_server,
        overrides.recovery,
    )
    return [
        part
        for module in modules
        for _, part in inspect.getmembers(module, inspect.isclass)
        if part.__module__ == module.__name__
    ]


def plain(cls: type, name: str) -> Callable[..., Any]:
    """The function behind a method, a property or a task."""
    value = inspect.getattr_static(cls, name)
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, ServiceTask):
        value = value.fun
    assert inspect.isfunction(value) or inspect.isclass(value)
    return cast("Callable[..., Any]", value)


@pytest.mark.parametrize(
    ("ours", "theirs", "name"), functions(), ids=lambda function: getattr(function, "__name__", function)
)
def test_every_override_can_be_called_as_faust_calls_it(ours: type, theirs: type, name: str) -> None:
    new, old = plain(ours, name), plain(theirs, name)
    if inspect.isclass(old):
        assert inspect.isclass(new)
        assert issubclass(new, old)
        return
    assert inspect.iscoroutinefunction(new) == inspect.iscoroutinefunction(old), "one is awaited and the other is not"
    parameters, expected = inspect.signature(new).parameters, inspect.signature(old).parameters
    positional = [part for part in expected.values() if part.kind is part.POSITIONAL_OR_KEYWORD]
    assert [parameter.name for parameter in parameters.values()][: len(positional)] == [
        part.name for part in positional
    ]
    for part in positional:
        assert part.default is part.empty or parameters[part.name].default is not part.empty, (
            f"{part.name} has a default"
        )


@pytest.mark.parametrize(
    ("owner", "name"),
    [(owner, name) for owner, names in PRIVATE.items() for name in names],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_what_the_overrides_reach_for_exists(owner: Any, name: str) -> None:
    assert hasattr(owner, name)


@pytest.mark.parametrize(
    ("owner", "name"),
    [(owner, name) for owner, names in MADE.items() for name in names],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_what_the_overrides_read_of_an_instance_is_set_by_its_class(owner: Any, name: str) -> None:
    methods = [plain(part, method) for part in owner.__mro__ for method, value in vars(part).items() if _is_code(value)]
    stored = {step.argval for method in methods for step in dis.get_instructions(method) if step.opname == "STORE_ATTR"}
    assert hasattr(owner, name) or name in stored


def _is_code(value: Any) -> bool:
    return inspect.isfunction(value) or isinstance(value, ServiceTask)


def test_the_fetcher_drains_through_the_overridden_loop() -> None:
    names = {step.argval for step in dis.get_instructions(plain(faust_consumer.Fetcher, "_fetcher"))}
    assert "_drain_messages" in names


def test_a_batch_builder_tells_a_full_batch_by_none_and_takes_any_first_record() -> None:
    batch = BatchBuilder(1000, 0)
    assert batch.append(timestamp=None, key=None, value=b"x" * 5000, headers=[]) is not None
    assert batch.append(timestamp=None, key=None, value=b"x", headers=[]) is None
