"""What a document names exists: the targets of links, their anchors, and paths in code."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, TEXTS, anchors, codes, links, name

_FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(py|md|json|yml|yaml|js|toml|lock)")
_TOP = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} - {"build"}
_NAMES = {path.name for top in _TOP for path in (ROOT / top).rglob("*.*")}
#: What a program makes, in the directory in which it is run.
_MADE = {"bench-results.json"}


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_every_link_leads_to_a_file_of_the_repository_and_a_heading_of_it(path: Path) -> None:
    lost = []
    for link in links(path):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        found = (path.parent / target).resolve() if target else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_every_path_in_code_exists(path: Path) -> None:
    assert [code for code in codes(path) if names_a_path(code) and not exists(code, path)] == []


def names_a_path(code: str) -> bool:
    """Whether a word in code is a path of the repository: it ends as one, or begins with one of its folders."""
    in_a_folder = code.split("/", maxsplit=1)[0] in _TOP and re.fullmatch(r"[\w./-]+", code) is not None
    return code not in _MADE and (in_a_folder or _FILE.fullmatch(code) is not None)


def exists(code: str, path: Path) -> bool:
    """Whether it is there: from the root, from where the document is, or, as a bare name, anywhere."""
    return (ROOT / code).exists() or (path.parent / code).exists() or code in _NAMES
