"""The image of a worker, as far as it can be judged without Docker: what it is built from must suffice to run one."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.worker import ROOT

OURS = ("app", "tables", "agents", "rollcall")


def imports(path: Path) -> set[str]:
    """The packages that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


def imported() -> Iterator[tuple[str, str]]:
    """The packages of others that the worker's own code imports, each with a file that does.

    But for traces, which are off in an image unless somebody adds the extra: what they import stands in one package.
    """
    for folder in OURS:
        for path in (ROOT / folder).rglob("*.py"):
            if path.parent == ROOT / "app/tracing":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [name.name for name in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module]
                for name in names:
                    top = name.partition(".")[0]
                    if top not in sys.stdlib_module_names and top not in OURS:
                        yield top, str(path.relative_to(ROOT))


def installed() -> set[str]:
    """The distributions that come with the project's own dependencies, without any extra of it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: set[str] = set()
    left = list(map(Requirement, project["dependencies"]))
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        needed = map(Requirement, requires(name) or ())
        extras = [{"extra": extra} for extra in ("", *requirement.extras)]
        left += [inner for inner in needed if not inner.marker or any(map(inner.marker.evaluate, extras))]
    return found


def test_a_worker_imports_nothing_that_its_image_lacks() -> None:
    """The image has the project's dependencies, and none of the extras for the demo and the tests."""
    there, providers = installed(), packages_distributions()
    missing = {
        f"{package} ({path})"
        for package, path in imported()
        if not {canonicalize_name(requirement) for requirement in providers.get(package, ())} & there
    }
    assert not missing


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    """Kubernetes' runAsNonRoot can't judge a name; 999 is what owns the volumes of earlier images."""
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    for stage in stages:
        users = re.findall(r"^USER (.*)$", stage, re.MULTILINE)
        if " AS worker" in stage.splitlines()[0] or " AS demo" in stage.splitlines()[0]:
            assert users[-1] == "999:999"


def test_the_image_starts_the_program_that_hears_signals_while_it_imports() -> None:
    """`rollcall` answers SIGTERM before Faust is imported; `faust -A app` would not."""
    assert 'CMD ["rollcall", "worker"]' in (ROOT / "Dockerfile").read_text()
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["rollcall"]
    assert script == "rollcall:main"
    assert imports(ROOT / "rollcall.py") <= {*sys.stdlib_module_names, "app"}
    source = (ROOT / "app/cli.py").read_text()
    assert source.index("end_on_sigterm()  #") < source.index("from faust")


def test_the_image_is_made_of_the_packages_that_the_tests_run_with() -> None:
    """requirements-worker.lock is the worker's part of requirements.lock: the same versions, by the same hashes."""
    whole, part = (blocks((ROOT / name).read_text()) for name in ("requirements.lock", "requirements-worker.lock"))
    assert part.items() <= whole.items()
    names = {canonicalize_name(line.partition("==")[0]) for line in part}
    assert installed() | {"setuptools"} <= names, "run the command in the head of requirements-worker.lock"


def blocks(lock: str) -> dict[str, frozenset[str]]:
    """The hashes of each line of a lock file that names a package."""
    found: dict[str, frozenset[str]] = {}
    name = ""
    for line in lock.splitlines():
        if re.match(r"[A-Za-z0-9].*==", line):
            name = line.removesuffix("\\").partition(";")[0].strip()  # without the systems that it is for
            found[name] = frozenset()
        elif line.strip().startswith("--hash="):
            found[name] |= {line.strip().removesuffix("\\").strip()}
    return found
