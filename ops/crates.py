"""The crates that the native part of an image is compiled of, from ``native/Cargo.lock``, as CycloneDX has them."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NATIVE = Path(__file__).resolve().parent.parent / "native"
_OWN = "rollcall-native"


def crates(folder: Path = NATIVE) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The components, and who needs whom. What only the native part's own tests need is not among them."""
    lock = tomllib.loads((folder / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    named = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))["dependencies"]
    own = next(package for package in lock if package["name"] == _OWN) | {"dependencies": list(named)}
    found: dict[str, dict[str, Any]] = {}
    left = [own]
    while left:
        package = left.pop()
        if _purl(package) not in found:
            found[_purl(package)] = package
            left += _needed(package, lock)
    needs = [
        {"ref": ref, "dependsOn": sorted(map(_purl, _needed(package, lock)))} for ref, package in sorted(found.items())
    ]
    return [_component(package) for _, package in sorted(found.items())], needs


def _needed(package: dict[str, Any], lock: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The packages that one names: by name, and version where there are several of that name."""
    for line in package.get("dependencies", ()):
        name, _, version = line.partition(" ")
        yield next(
            other for other in lock if other["name"] == name and (not version or other["version"] == version.split()[0])
        )


def _purl(package: dict[str, Any]) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def _component(package: dict[str, Any]) -> dict[str, Any]:
    purl = _purl(package)
    part = {
        "type": "library",
        "name": package["name"],
        "version": package["version"],
        "bom-ref": purl,
        "purl": purl,
    }
    if package["name"] == _OWN:
        return part | {"licenses": [{"license": {"id": "MIT"}}]}
    return part | {"hashes": [{"alg": "SHA-256", "content": package["checksum"]}]}
