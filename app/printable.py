r"""Text of others on a terminal: what it can't show, or would obey, is shown as an escape such as ``\x1b``.

Ids, names and reasons come from any program that may write to the inputs. A terminal takes an escape sequence for a
command (it can retitle the window, hide lines, or answer as if typed), a line feed makes a line that nobody wrote, and
an override of the writing direction shows an id as another one.
"""

import json
import re
from typing import Final

# Controls (C0, DEL, C1), line and paragraph separators, lone surrogates, and Unicode's Default_Ignorable_Code_Point:
# what leaves no trace on the screen, such as zero-width characters, overrides of direction, variation selectors, tags.
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    r"""The text in a line, with ``\n``, ``\x1b``, ``\u202e`` or ``\U000e0001`` for each character that isn't seen.

    It is for reading: a backslash stays as it is, so what was meant to be ``\x1b`` looks the same.
    """
    return _UNSEEN.sub(_escape, text)


def visible_lines(text: str) -> str:
    """:func:`visible` for each line of a text that has lines by itself, such as a traceback."""
    return "\n".join(map(visible, text.split("\n")))


def visible_json(document: str) -> str:
    r"""The same JSON document, with ``\uXXXX`` for each character in its strings that isn't seen.

    JSON lets all but C0 controls stand in a string as they are; a terminal takes U+009B for the start of a command.
    """
    return _UNSEEN.sub(lambda found: json.dumps(found.group())[1:-1], document)


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return rf"\x{code:02x}" if code < 0x100 else rf"\u{code:04x}" if code < 0x10000 else rf"\U{code:08x}"  # noqa: PLR2004 - as Python writes them
