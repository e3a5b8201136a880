"""Docstrings: a public function that raises an error itself says so."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("app", "agents", "tables", "demo", "bench", "ops")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

#: The docstrings of commands are their help texts, which list the exit statuses instead.
HELP = "app/commands"


def public(node: ast.AST, where: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions of a module and the methods of its public classes, but for those within functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS) and not child.name.startswith("_"):
            yield where + child.name, child
        elif isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public(child, f"{child.name}.")


def raised(function: ast.AST) -> set[str]:
    """The names of the errors in its own ``raise`` statements."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = error.id if isinstance(error, ast.Name) else error.attr if isinstance(error, ast.Attribute) else ""
            found |= {name} if name[:1].isupper() else set()
    return found


@pytest.mark.parametrize("part", PARTS)
def test_a_public_function_that_raises_an_error_says_so(part: str) -> None:
    silent = [
        f"{path.relative_to(ROOT)}: {name} raises {', '.join(sorted(errors))}"
        for path in sorted((ROOT / part).rglob("*.py"))
        if HELP not in path.as_posix()
        for name, function in public(ast.parse(path.read_text()))
        if (errors := raised(function)) and not re.search(r"(?i)\braise|\brefuse", ast.get_docstring(function) or "")
    ]
    assert silent == []


def test_a_function_that_says_nothing_of_its_error_is_found() -> None:
    source = 'class A:\n    def f(self) -> None:\n        """Do it."""\n        raise KeyError\n'
    ((name, function),) = public(ast.parse(source))
    assert (name, raised(function)) == ("A.f", {"KeyError"})
