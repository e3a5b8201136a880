"""The page "When something is wrong with the cluster" shows lines that the code writes."""

import ast
import re
from functools import cache

import pytest

from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "how-to" / "cluster-problems.md").read_text()
ROWS = [row for row in re.findall(r"^\| (.*?) \| ", PAGE, re.MULTILINE) if row.startswith("`")]
LINES = sorted({line for row in ROWS for line in re.findall(r"`([^`]+)`", row)})


@cache
def texts() -> str:
    """Every text in the code, read when it is first asked for.

    Of those that are put together, the fixed parts with ``…`` between them.
    """
    found = []
    for top in ("app", "tables", "agents"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return "\n".join(found)


@pytest.mark.parametrize("line", LINES)
def test_the_code_writes_the_line(line: str) -> None:
    """Each part of it that is fixed and says something stands in the code."""
    parts = [part.strip(" :.,;=()'") for part in line.split("…")]
    parts = [part for part in parts if len(part) > 2]  # a word
    assert parts
    assert [part for part in parts if part not in texts()] == []
