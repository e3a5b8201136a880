"""``python -m ops.version 0.2.0``: make the next release of what the changelog has under "Unreleased".

A release's number is written in pyproject.toml. What can't read it there, the images' tags in docker-compose.yml and
deploy/, is written by this command, and a test holds it in step.
"""

import re
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
#: Where the number stands: the file, and what is before it.
PLACES = (
    ("pyproject.toml", r'^version = "'),
    ("docker-compose.yml", r"^ *image: rollcall(?:-demo)?:"),
    ("deploy/base/statefulset.yaml", r"^ *image: rollcall:"),
    ("docs/how-to/containers.md", r" rollcall:"),
)
UNRELEASED = "## [Unreleased]\n"


class ReleaseError(Exception):
    """It can't be released so. The message says why."""


def version(root: Path = ROOT) -> str:
    """The version that pyproject.toml has."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def written(root: Path = ROOT) -> list[tuple[str, str]]:
    """Every place's number: file and version."""
    found = []
    for name, before in PLACES:
        text = (root / name).read_text(encoding="utf-8")
        found += [(name, number) for number in re.findall(rf"{before}([0-9][\w.+-]*)", text, re.MULTILINE)]
    return found


def release(number: str, today: date, root: Path = ROOT) -> None:
    """Write the number everywhere, and put it with the date over what is unreleased. Raises ReleaseError."""
    try:
        if Version(number) <= Version(version(root)):
            message = f"{number} is no later than {version(root)}"
            raise ReleaseError(message)
    except InvalidVersion as error:
        raise ReleaseError(str(error)) from None
    changelog = root / "CHANGELOG.md"
    head, found, rest = changelog.read_text(encoding="utf-8").partition(UNRELEASED)
    entries = rest.partition("\n## [")[0]
    if not found or "### To upgrade" not in entries:
        message = 'CHANGELOG.md has no "### To upgrade" under "## [Unreleased]": say what to do, or that nothing is'
        raise ReleaseError(message)
    changelog.write_text(f"{head}{UNRELEASED}\n## [{number}] - {today:%Y-%m-%d}\n{rest}", encoding="utf-8")
    for name, before in PLACES:
        path = root / name
        text = path.read_text(encoding="utf-8")
        path.write_text(
            re.sub(rf"({before})[0-9][\w.+-]*", rf"\g<1>{number}", text, flags=re.MULTILINE), encoding="utf-8"
        )


def main() -> int:
    """Make the release that is named; the exit status."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the number
        sys.stderr.write("usage: python -m ops.version NUMBER\n")
        return 2
    try:
        release(sys.argv[1], datetime.now(UTC).date())
    except ReleaseError as error:
        sys.stderr.write(f"nothing was changed: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
