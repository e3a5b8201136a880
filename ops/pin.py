"""``python -m ops.pin``: put the digest behind the tag of every image that the containers are made from.

A tag may be moved to other contents; a digest is the contents. For each image that the Dockerfile, docker-compose.yml
and deploy/ take from elsewhere, this asks the registry through ``docker buildx imagetools`` (which pulls nothing) what
the tag stands for now, and writes ``name:tag@sha256:...`` into the file. Run again, it moves every image to what its
tag stands for by then; to another version by changing the tag first. Either way the change is a diff to be read.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = (ROOT / "Dockerfile", ROOT / "docker-compose.yml")

#: ``ARG X_IMAGE=name:tag`` of the Dockerfile and ``image: name:tag`` of YAML, with a digest or without one.
IMAGE = re.compile(
    r"^(?P<lead>ARG \w+_IMAGE=|\s*image: )(?P<tag>[a-z0-9][a-z0-9./-]*:[\w.-]+)(?P<digest>@sha256:[0-9a-f]{64})?$",
    re.MULTILINE,
)
OURS = re.compile(r"rollcall(-demo)?:")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class PinError(Exception):
    """A digest can't be had. The message says of which image, and why."""


def digest_of(tag: str) -> str:
    """What a tag stands for now, of all its platforms together. Raises PinError."""
    command = ["docker", "buildx", "imagetools", "inspect", tag, "--format", "{{.Manifest.Digest}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - built above
    except FileNotFoundError:
        message = f"{tag}: there is no `docker`, which is asked what the tag stands for"
        raise PinError(message) from None
    digest = done.stdout.strip()
    if done.returncode or not _DIGEST.fullmatch(digest):
        message = f"{tag}: {' '.join((done.stderr or done.stdout).split()) or 'no digest in the answer'}"
        raise PinError(message)
    return digest


def pinned(text: str, digest: Callable[[str], str]) -> str:
    """The text of a file with every image of others at the digest that ``digest`` gives for its tag."""

    def replace(match: re.Match[str]) -> str:
        if OURS.match(match["tag"]):
            return match[0]
        return f"{match['lead']}{match['tag']}@{digest(match['tag'])}"

    return IMAGE.sub(replace, text)


def main(files: Iterable[Path] = FILES) -> int:
    """Pin every image, or none where one can't be; the exit status."""
    known: dict[str, str] = {}

    def digest(tag: str) -> str:
        if tag not in known:
            known[tag] = digest_of(tag)
        return known[tag]

    try:
        texts = {path: pinned(path.read_text(), digest) for path in files}
    except PinError as error:
        sys.stderr.write(f"nothing was changed: {error}\n")
        return 1
    for path, text in texts.items():
        path.write_text(text)
    for tag, found in known.items():
        sys.stdout.write(f"{tag}@{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
