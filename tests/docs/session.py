"""A console session in a document: commands, each with the lines that it must print.

It is the block of code that follows a comment ``<!-- session -->``. A comment with a note, ``<!-- session: NOTE -->``,
says what the test does itself. In what a command must print, ``…`` stands for anything within a line, and a line of
it alone for any lines or none. Blank lines and the widths of spaces and rules don't count.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(
    r"<!-- session(?:: (?P<note>[^>]*?))? -->\n```console\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass
class Command:
    """A command and what it must print."""

    line: str
    printed: list[str] = field(default_factory=list)

    def matches(self, output: str) -> bool:
        """Whether an output is what the document says."""
        return (
            re.fullmatch("".join(map(_pattern, _lines(self.printed))), "".join(_lines(output.splitlines()))) is not None
        )


@dataclass
class Block:
    """Commands that are typed one after the other; ``note`` says what else happens."""

    note: str
    commands: list[Command]


def blocks(path: Path) -> list[Block]:
    """The sessions of a document, in order."""
    found = []
    for match in _BLOCK.finditer(path.read_text()):
        commands: list[Command] = []
        for line in match["text"].splitlines():
            if line.startswith("$ "):
                commands.append(Command(line[2:]))
            else:
                commands[-1].printed.append(line)
        found.append(Block(match["note"] or "", commands))
    return found


def _lines(lines: list[str]) -> list[str]:
    """Lines without what doesn't count, each closed by a newline."""
    plain = (re.sub(r"\s+", " ", re.sub("─+", "─", line)).strip() for line in lines)
    return [f"{line}\n" for line in plain if line]


def _pattern(line: str) -> str:
    if line == "…\n":
        return "(?s:.*\n)?"
    return re.escape(line).replace("…", "[^\n]*")
