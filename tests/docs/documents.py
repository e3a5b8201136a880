"""Which documents there are, and what is written in them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted(
    {
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "bench" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "ops" / "runbooks").glob("*.md"),
    }
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def name(path: Path) -> str:
    """The document's path in the repository."""
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """The document without its blocks of code."""
    return _FENCE.sub("", path.read_text())


def links(path: Path) -> list[str]:
    """The targets of its links."""
    return _LINK.findall(prose(path))


def codes(path: Path) -> list[str]:
    """What is written in it as code within a sentence."""
    return _CODE.findall(prose(path))


def anchors(path: Path) -> set[str]:
    """The anchors of its headings, as GitHub and mkdocs make them."""
    heads = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head) for head in _HEADING.findall(prose(path)))
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def command_lines(path: Path) -> Iterator[str]:
    """The commands in its blocks ``console``, without their comments; a line that ends in a backslash goes on."""
    for language, block in _FENCE.findall(path.read_text()):
        if language == "console":
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    yield re.sub(r"\s+#.*$", "", line[2:])
