"""A package's docstring is a map: it names each of its modules and packages."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

TOPS = ("app", "tables", "agents", "demo", "bench", "ops", "tests")
PACKAGES = sorted(path.parent for top in TOPS for path in (ROOT / top).rglob("__init__.py"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: ".".join(path.relative_to(ROOT).parts))
def test_the_docstring_names_each_module(package: Path) -> None:
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    modules = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    # Tests are read by their names, `conftest` and the two others are Python's own.
    modules -= {"__init__", "__main__", "conftest"} | {name for name in modules if name.startswith("test_")}
    lacking = sorted(
        name for name in modules if not re.search(rf"``{name}(\.py)?``|:mod:`[\w.~]*\.{name}`|`{name}`", text)
    )
    where = (package / "__init__.py").relative_to(ROOT)
    assert lacking == [], f"the docstring of {where} lacks a line on: {', '.join(lacking)}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: ".".join(path.relative_to(ROOT).parts))
def test_the_docstring_names_no_module_that_there_is_not(package: Path) -> None:
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    dotted = ".".join(package.relative_to(ROOT).parts)
    named = re.findall(rf":mod:`{re.escape(dotted)}\.(\w+)`", text)
    named += re.findall(r"^``(\w+)(?:\.py)?``", text, re.MULTILINE)
    gone = [name for name in named if not (package / f"{name}.py").exists() and not (package / name).is_dir()]
    assert gone == [], f"the docstring of {package.relative_to(ROOT)}/__init__.py names what is gone"
