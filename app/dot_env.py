"""The file ``.env``: what of it would be passed over in silence. Settings are read of it by pydantic-settings."""

import difflib
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

ENV_FILE: Final = ".env"

#: How much of a name must be as in another one for it to be meant: of a short one, all but two letters.
_ALIKE: Final = 0.8

# Its library says what it can't parse to whoever listens: nobody does before the logs are set up, and Python then
# writes the line out as it is.
logging.getLogger("dotenv").addHandler(logging.NullHandler())


def wrong(path: Path, prefix: str) -> str | None:
    """What is wrong with the file, where a setting whose name begins with ``prefix`` may be lost for it; else None.

    Raises OSError and UnicodeError where it can't be read.
    """
    if path.is_symlink() and not path.exists():
        return f"{path} is a link to {path.readlink()}, which does not lead anywhere"
    if not path.exists():
        return None
    if not path.is_file():
        kind = "a directory (Docker makes one where the file to mount is missing)" if path.is_dir() else "no file"
        return f"{path} is {kind}, and a file is needed: settings would be lost"
    with path.open(encoding="utf-8-sig") as stream:
        lost = [line for line in map(_lost, parse_stream(stream)) if line is not None and prefix in line[1].upper()]
    if not lost:
        return None
    number, text = lost[0]
    name = text.split("=", 1)[0].strip()
    return f"{path} line {number} can't be read, and {name} would be lost: write NAME=value, with quotes closed"


def _lost(binding: Binding) -> tuple[int, str] | None:
    """The line and the text of what says nothing."""
    if binding.error or (binding.key is not None and binding.value is None):
        text = binding.original.string
        before = text[: len(text) - len(text.lstrip())].count("\n")  # blank lines, which are taken for its beginning
        return binding.original.line + before, text.strip()
    return None


def unknown(names: Collection[str], given: Mapping[str, str | None], prefix: str) -> dict[str, str]:
    """Those of the variables ``given`` that have the prefix and are no setting, each with the likely one."""
    found = {}
    for name in sorted(given):
        if name.upper().startswith(prefix) and name.upper() not in names:
            likely = difflib.get_close_matches(name.upper(), names, 1, _ALIKE)
            found[name] = f"is {likely[0]} meant?" if likely else "there is none of this name"
    return found
