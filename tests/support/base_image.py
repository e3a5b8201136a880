"""A base for the project's images out of this machine's own Python and Debian's own programs, where no registry is.

Holds what the Dockerfile asks of ``python:3.13-slim``: a Python with pip, a shell, and the programs that its steps run;
beside them the packages of requirements-worker.lock, so that a build asks nobody for anything.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

PROGRAMS = ("sh", "uname", "install", "groupadd", "useradd", "id", "env", "sleep")
FILES = ("/etc/login.defs", "/etc/ssl/certs/ca-certificates.crt")
LIBRARIES = ("libgcc_s.so.1", "libstdc++.so.6", "librt.so.1", "libpthread.so.0", "libdl.so.2", "libm.so.6")
"""What packages with Rust or C++ in them are linked to; `python:3.13-slim` has them."""
USERS = {"passwd": "root:x:0:0:root:/root:/bin/sh\n", "group": "root:x:0:\n"}

DOCKERFILE = """\
FROM scratch
COPY root/ /
ENV PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheelhouse
CMD ["python3"]
"""


class NotPossibleError(Exception):
    """What a base is made of is not on this machine. The message says what."""


def lay(folder: Path, wheels: Path) -> None:
    """Lay out a context that builds the base: its Dockerfile, and below ``root`` its files. Raises NotPossibleError."""
    root = folder / "root"
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/local", "tmp", "var/lib", "etc", "root"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    programs = [Path(found) for found in map(shutil.which, PROGRAMS) if found]
    if len(programs) < len(PROGRAMS):
        message = f"not all of {', '.join(PROGRAMS)} are installed"
        raise NotPossibleError(message)
    for program in programs:
        shutil.copy2(program.resolve(), root / "usr/bin" / program.name)
    for file in map(Path, FILES):
        if file.exists():
            (root / file.relative_to("/").parent).mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.resolve(), root / file.relative_to("/"))
    for name, text in USERS.items():
        (root / "etc" / name).write_text(text)
    python = _python(root / "usr/local")
    extensions = (root / "usr/local/lib").rglob("*.so")
    for library in _libraries([python, *programs, *extensions]) | set(map(_library, LIBRARIES)):
        target = root / "usr/lib" / library.name
        if library.name.startswith("ld-linux"):
            target = root / "usr/lib64" / library.name
        shutil.copy2(library.resolve(), target)
    shutil.copytree(wheels, root / "wheelhouse")
    (folder / "Dockerfile").write_text(DOCKERFILE)


def _python(prefix: Path) -> Path:
    """Copy the interpreter and its library, with pip and no other package; the interpreter that was copied."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = Path(sys.base_prefix) / "bin" / version
    library = Path(sysconfig.get_path("stdlib"))
    unwanted = shutil.ignore_patterns("test", "tests", "__pycache__", "site-packages", "dist-packages", "*.a")
    shutil.copytree(library, prefix / "lib" / version, ignore=unwanted, symlinks=False)
    (prefix / "bin").mkdir()
    shutil.copy2(interpreter.resolve(), prefix / "bin" / version)
    for name in ("python", "python3"):
        (prefix / "bin" / name).symlink_to(version)
    (bundled,) = (library / "ensurepip" / "_bundled").glob("pip-*.whl")
    packages = prefix / "lib" / version / "site-packages"
    shutil.unpack_archive(bundled, packages, "zip")
    pip = prefix / "bin" / "pip"
    pip.write_text("#!/usr/local/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n")
    pip.chmod(0o755)
    return interpreter


def _library(name: str) -> Path:
    for folder in ("lib/*-linux-gnu", "usr/lib/*-linux-gnu", "lib64", "usr/lib64", "usr/lib", "lib"):
        for path in Path("/").glob(f"{folder}/{name}"):
            return path
    message = f"{name} is not installed"
    raise NotPossibleError(message)


def _libraries(binaries: Iterable[Path]) -> set[Path]:
    """The shared libraries that programs and extensions are linked to."""
    done = subprocess.run(
        ["ldd", *binaries], capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"}
    )
    found = re.findall(r"(?:=> |^\s)(/\S+) \(0x", done.stdout, re.MULTILINE)
    if not found:
        message = "ldd names no library"
        raise NotPossibleError(message)
    return set(map(Path, found))
