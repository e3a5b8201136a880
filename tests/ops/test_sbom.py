"""The SBOM: every package of the lock, by CycloneDX's own schema, and a licence for each that may be passed on."""

import json
import re
import tomllib
from datetime import UTC, datetime
from importlib.metadata import requires
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ops.sbom import LOCK, document, packages
from ops.version import version
from tests.support.worker import ROOT

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
# Under which a package may be passed on in an image with its notices alone. MPL-2.0 and LGPL would need its source.
PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "BSD-derived (Repoze)", "CC0-1.0", "ISC",
    "MIT", "PSF-2.0", "Zlib",
}  # fmt: skip


@pytest.fixture(scope="module")
def lock() -> str:
    return LOCK.read_text()


@pytest.fixture(scope="module")
def made(lock: str) -> dict[str, Any]:
    return document(lock, NOW)


@pytest.mark.parametrize("name", ["requirements-worker.lock", "requirements.lock"])
def test_it_is_a_cyclonedx_document(name: str) -> None:
    text = json.dumps(document((ROOT / name).read_text(), NOW))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_has_every_package_of_the_lock_with_its_version_and_all_hashes(lock: str, made: dict[str, Any]) -> None:
    pinned = re.findall(r"^([\w.-]+)==([^ ;\\]+)", lock, re.MULTILINE)
    packages = [part for part in made["components"] if part["purl"].startswith("pkg:pypi/")]
    assert [(part["name"], part["version"]) for part in packages] == pinned
    hashes = [entry["content"] for part in packages for entry in part["externalReferences"][0]["hashes"]]
    assert hashes == re.findall(r"sha256:([0-9a-f]{64})", lock)


def test_it_says_who_needs_whom_as_the_packages_do(made: dict[str, Any]) -> None:
    """As aiohttp says itself what it needs, of those that are in the lock."""
    names = {part["bom-ref"]: canonicalize_name(part["name"]) for part in made["components"]}
    needs = {entry["ref"]: {names[ref] for ref in entry["dependsOn"]} for entry in made["dependencies"]}
    (aiohttp,) = (ref for ref, name in names.items() if name == "aiohttp")
    wanted = [Requirement(line) for line in requires("aiohttp") or ()]
    assert needs[aiohttp] >= {
        canonicalize_name(need.name) for need in wanted if need.marker is None or need.marker.evaluate({"extra": ""})
    }
    assert needs[f"pkg:pypi/rollcall@{version()}"] >= {"aiokafka", "faust-streaming", "rocksdict"}


def test_every_package_of_an_image_has_a_licence_that_lets_it_be_passed_on(made: dict[str, Any]) -> None:
    """An image is for Linux: what is for another system alone is not in it, and need not be installed here."""
    for part in made["components"]:
        if part["purl"].startswith("pkg:cargo/"):
            continue  # their licences are copied into the image with them (Dockerfile), and told in THIRD_PARTY.md
        if "win32" in json.dumps(part.get("properties", "")):
            continue
        said = part.get("licenses")
        assert said, f"{part['name']} says no licence"
        for entry in said:
            licence = entry.get("license", {})
            named = licence.get("id") or licence.get("name") or entry["expression"].strip("()")
            alternatives = [set(group.split(" AND ")) for group in named.split(" OR ")]
            assert any(group <= PERMISSIVE for group in alternatives), f"{part['name']}: {named}"


def test_it_has_the_crates_that_the_native_part_is_compiled_of(made: dict[str, Any]) -> None:
    """And none that only its own tests need."""
    lock = tomllib.loads((ROOT / "native/Cargo.lock").read_text())["package"]
    crates = {part["name"]: part for part in made["components"] if part["purl"].startswith("pkg:cargo/")}
    direct = {"chrono", "crc32c", "murmur2", "pyo3", "rmp", "sha1", "uuid"}
    assert {"rollcall-native", "pyo3-ffi"} | direct <= set(crates) <= {one["name"] for one in lock}
    assert "proptest" not in crates
    checksums = {(one["name"], one["version"]): one.get("checksum") for one in lock}
    for name, part in crates.items():
        if name != "rollcall-native":
            assert part["hashes"] == [{"alg": "SHA-256", "content": checksums[name, part["version"]]}]
    needs = {entry["ref"]: entry["dependsOn"] for entry in made["dependencies"]}
    assert crates["rollcall-native"]["purl"] in needs[f"pkg:pypi/rollcall@{version()}"]
    assert crates["pyo3-ffi"]["purl"] in needs[crates["pyo3"]["purl"]]


def test_the_licences_of_the_crates_go_into_the_image() -> None:
    """They are linked into the native part: it has no place for their texts."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "-iname 'licen[cs]e*'" in dockerfile
    assert "COPY --from=native /licences/ /usr/share/doc/rollcall-native/" in dockerfile


def test_the_same_lock_gives_the_same_document(lock: str, made: dict[str, Any]) -> None:
    assert document(lock, NOW) == made
    assert document(lock.replace("aiohttp==3", "aiohttp==4"), NOW)["serialNumber"] != made["serialNumber"]


def test_packages_are_read_with_markers_and_with_one_or_several_that_need_them() -> None:
    lock = (
        "# a head\n"
        'one==1.0 ; sys_platform == "win32" \\\n    --hash=sha256:' + "a" * 64 + "\n    # via two\n"
        "two==2.0 \\\n    --hash=sha256:" + "b" * 64 + " \\\n    --hash=sha256:" + "c" * 64 + "\n"
        "    # via\n    #   -c other.lock\n    #   rollcall (pyproject.toml)\n    #   three\n"
    )
    first, second = packages(lock)
    assert first == ("one", "1.0", 'sys_platform == "win32"', ("a" * 64,), ("two",))
    assert second == ("two", "2.0", "", ("b" * 64, "c" * 64), ("rollcall (pyproject.toml)", "three"))
