"""Variables are nouns: a name says what it holds."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Words that say nothing of what is in them. Tests have two or three, where a helper is called so.
EMPTY = {"one", "it", "them", "all_", "each", "said", "told", "mine", "had", "there"}


def empty_names(tree: ast.AST) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return (found | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}) & EMPTY


@pytest.mark.parametrize("part", ["app", "agents", "tables", "demo", "bench", "ops"])
def test_no_variable_is_called_by_a_word_that_says_nothing_of_it(part: str) -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in sorted((ROOT / part).rglob("*.py"))
        if (names := empty_names(ast.parse(path.read_text())))
    }
    assert found == {}


def test_an_empty_name_is_found_as_a_variable_and_as_a_parameter() -> None:
    assert empty_names(ast.parse("[one for one in range(3)]\ndef f(said: int, kept: int): ...")) == {"one", "said"}
