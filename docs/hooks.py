"""Links from a page to what is not a page, as the site has them.

On GitHub a link such as ``../ops/runbooks/README.md`` or ``../app/core`` leads to the file. The site has only ``docs``:
there, such a link becomes its text. A test of the project checks that what it names exists.
"""
# ruff: noqa: INP001 - mkdocs loads this file by its path; it is in no package

import re
from pathlib import PurePosixPath
from typing import Any

_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>\.\.[^)#]*)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Take the links out that lead out of ``docs``; their text stays."""
    folder = PurePosixPath(page.file.src_uri).parent

    def replace(match: re.Match[str]) -> str:
        ups = match["target"].split("/").count("..")
        inside = ups <= len(folder.parts)
        return match[0] if inside else match["text"]

    return _LINK.sub(replace, markdown)
