"""``python -m ops.sbom``: what a release is made of, as a CycloneDX document (JSON, version 1.6) on standard output.

Its source is a lock file, ``requirements-worker.lock`` unless another is named: each package with its version, the
hashes of the files that may be installed, and who needs it. Licences are what the packages installed here say of
themselves; of one that is not installed here (it is for another system) none is known, and none is invented. The crates
of the native part follow, from ``native/Cargo.lock``.
"""

import argparse
import json
import os
import re
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from ops.crates import crates
from ops.version import version

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-worker.lock"

_PACKAGE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+?))? *\\?$")
_HASH = re.compile(r"--hash=sha256:(?P<digest>[0-9a-f]{64})")
_PROJECT = "rollcall (pyproject.toml)"

#: The classifiers that say exactly one licence of the SPDX list. "BSD License" says none: there are several.
_SPDX = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_IDS = {*_SPDX.values(), "BSD-2-Clause", "BSD-3-Clause"}


class Package(NamedTuple):
    """A package of a lock file; ``needed_by`` are names of packages, or the project's own."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    needed_by: tuple[str, ...]

    @property
    def purl(self) -> str:
        """The package's URL: how scanners know it."""
        return f"pkg:pypi/{canonicalize_name(self.name)}@{self.version}"


def packages(lock: str) -> Iterator[Package]:
    """The packages of a lock file, in its order."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        if found := _PACKAGE.match(block.partition("\n")[0]):
            yield Package(
                found["name"],
                found["version"],
                found["marker"] or "",
                tuple(_HASH.findall(block)),
                tuple(re.findall(r"^    # (?:  |via )([^-].*)$", block, re.MULTILINE)),
            )


def licences(name: str) -> list[dict[str, Any]]:
    """What an installed package says its licence is, in CycloneDX's form; empty where it says nothing."""
    try:
        fields = metadata(name)
    except PackageNotFoundError:
        return []
    if expression := fields.get_all("License-Expression"):
        return [{"expression": expression[0]}]
    classifiers = [
        line.rpartition(" :: ")[2] for line in fields.get_all("Classifier") or () if line.startswith("License :: ")
    ]
    if any(classifier in _SPDX for classifier in classifiers):
        return [{"license": {"id": _SPDX[classifier]}} for classifier in classifiers if classifier in _SPDX]
    text = "".join(fields.get_all("License") or ()).strip()
    named = [text] if text and "\n" not in text else classifiers  # some write the whole text there
    return [{"license": {"id" if entry in _IDS else "name": entry}} for entry in named]


def document(lock: str, now: datetime) -> dict[str, Any]:
    """The document of a lock file. The same lock, environment and moment give the same document."""
    own = {"type": "application", "name": "rollcall", "version": version(), "bom-ref": f"pkg:pypi/rollcall@{version()}"}
    listed = list(packages(lock))
    purls = {canonicalize_name(package.name): package.purl for package in listed}
    needs: dict[str, set[str]] = {ref: set() for ref in (own["bom-ref"], *purls.values())}
    for package in listed:
        for name in package.needed_by:
            needs[purls.get(canonicalize_name(name), own["bom-ref"])].add(package.purl)
    compiled, compiled_needs = crates()
    needs[own["bom-ref"]].add(next(part["bom-ref"] for part in compiled if part["name"] == "rollcall-native"))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, own['bom-ref'] + lock)}",
        "version": 1,
        "metadata": {
            "timestamp": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "component": own | {"purl": own["bom-ref"], "licenses": [{"license": {"id": "MIT"}}]},
        },
        "components": [*(_component(package) for package in listed), *compiled],
        "dependencies": [
            *({"ref": ref, "dependsOn": sorted(named)} for ref, named in needs.items()),
            *compiled_needs,
        ],
    }


def _component(package: Package) -> dict[str, Any]:
    found = licences(package.name)
    return {
        "type": "library",
        "name": package.name,
        "version": package.version,
        "bom-ref": package.purl,
        "purl": package.purl,
        **({"licenses": found} if found else {}),
        **({"properties": [{"name": "rollcall:only-where", "value": package.marker}]} if package.marker else {}),
        "externalReferences": [
            {
                "type": "distribution",
                "url": package.purl,
                "comment": "one file of these is installed",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.hashes],
            }
        ],
    }


def main() -> None:
    """Write the document of the lock that is named."""
    parser = argparse.ArgumentParser(prog="python -m ops.sbom", description="The SBOM of a release, as CycloneDX JSON.")
    parser.add_argument("lock", nargs="?", type=Path, default=LOCK, help=f"a lock file (default: {LOCK.name})")
    lock = parser.parse_args().lock.read_text(encoding="utf-8")
    # The convention of reproducible builds: the moment of the sources and not of the build.
    moment = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(moment), UTC) if moment else datetime.now(UTC)
    json.dump(document(lock, now), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
