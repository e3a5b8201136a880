"""What a docstring refers to exists: modules, classes, functions, attributes."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

TOPS = ("app", "agents", "tables", "demo", "bench", "ops", "tests")
ROLE = re.compile(r":(?:mod|class|func|meth|attr|data|exc):`~?([\w.]+)`")


def module_of(name: str) -> tuple[Path, list[str]] | None:
    """The file of the longest prefix of a dotted name that is a module, and what is left of the name."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file, parts[length:]
    return None


def exists(name: str, text: str) -> bool:
    """Whether a name is there: in our modules, or, where it is none of them, in the text that refers to it."""
    if name.split(".", maxsplit=1)[0] not in TOPS:
        rest = ROLE.sub("", text)
        return module_of(name) is not None or re.search(rf"\b{name.rsplit('.', 1)[-1]}\b", rest) is not None
    found = module_of(name)
    if found is None:
        return False
    file, rest_of_name = found
    defined = file.read_text()
    # Of a class the first part is enough: its members may be inherited.
    return all(re.search(rf"\b{part}\b", defined) for part in rest_of_name[:1])


@pytest.mark.parametrize("top", TOPS)
def test_what_a_docstring_refers_to_exists(top: str) -> None:
    lost = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / top).rglob("*.py"))
        for text in [path.read_text()]
        for name in ROLE.findall(text)
        if not exists(name, text)
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("app.core.batch.Batch.apply", True),
        ("app.core.batch.Lost", False),
        ("app.engine.client_watch", False),
        ("known", True),
        ("unknown", False),
    ],
)
def test_a_reference_is_known_or_not(name: str, there: bool) -> None:  # noqa: FBT001 - a parameter
    assert exists(name, "def known(): ... :func:`known` :func:`unknown`") == there
