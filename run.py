"""Everything from a checkout and a Python alone: `python3 run.py demo`, `python3 run.py test`.

The first call makes `.venv` beside this file from requirements.lock, every package checked against its hash; later
ones start at once, until the lock file changes. No package is needed before. Options after the verb are passed on.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - reached: this is the one file that an older Python is asked to run
    sys.exit(f"Rollcall needs Python 3.11 or later; this is {sys.version.split()[0]}. Try: python3.12 run.py ...")

import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TAIL_LINES = 40

# Where this is set, Python keeps nothing of what it compiles.
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"

# The native part (Rust): its sources, what cargo makes of them, and where the application looks for it.
NATIVE = ROOT / "native"
BUILT = NATIVE / "target" / "release" / "librollcall_native.so"
MODULE = ROOT / "app" / "native" / "_native.abi3.so"

# Settings of pip that uv has to be told, which reads none of pip's, and by which variable.
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}

# The verbs: what the environment's Python gets as arguments, and a line of help.
VERBS: dict[str, tuple[list[str], str]] = {
    "demo": (["-m", "demo"], "two racing relays on a real Kafka, live in the terminal"),
    "test": (["-m", "tests"], "all checks and tests; further options go to pytest"),
    "bench": (["-m", "bench"], "the benchmarks: Rollcall, Kafka Streams, Quix Streams, stock Faust, on one broker"),
    "scale": (["-m", "bench.scale"], "1 to 8 workers, 12 to 384 partitions, and the model that follows"),
    "faults": (["-m", "tests.faults"], "kill, wipe, pause and restart workers and broker, judged by the oracle"),
    "worker": (["-m", "faust", "-A", "app", "worker"], "one worker; settings come from ROLLCALL_* in the environment"),
    "kafka": (["-m", "demo.kafka"], "a real Kafka in the foreground, until Ctrl-C"),
    "send": (["-m", "demo.send"], "one message by hand: a registration, a content, a failure, or broken bytes"),
}


def main() -> None:
    """Make sure of the environment, then become the program that the verb names."""
    verb, *options = sys.argv[1:] or ["help"]
    if verb not in VERBS:
        asked = verb in {"help", "-h", "--help"}
        (sys.stdout if asked else sys.stderr).write(("" if asked else f"unknown: {verb}\n") + usage())
        sys.exit(0 if asked else 2)
    os.chdir(ROOT)
    # One at a time: of two first calls at once the second waits, then finds the environment made.
    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with building_aside():
            make_environment()
        make_native()
    # Programs of the environment are found by name, and nothing of another environment gets in.
    os.environ.pop("PYTHONPATH", None)
    os.environ.pop("PYTHONHOME", None)
    os.environ.pop(NO_BYTECODE, None)  # see `keep_compiled`
    os.environ.update(VIRTUAL_ENV=str(VENV), PATH=f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    os.execv(PYTHON, [str(PYTHON), *VERBS[verb][0], *options])  # noqa: S606 - no shell is wanted


def usage() -> str:
    """The verbs, a line each."""
    lines = "".join(f"  python3 run.py {verb:8} {text}\n" for verb, (_, text) in VERBS.items())
    return f"usage: python3 run.py VERB [options]\n\n{lines}"


def make_environment() -> None:
    """Bring `.venv` in step with requirements.lock and pyproject.toml; exits with the reason if it can't be done."""
    packages = [line.split()[0] for line in LOCK.read_text().splitlines() if "==" in line and line[0].isalnum()]
    if not stamped("dependencies", LOCK) or not PYTHON.exists():
        if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            sys.exit(
                f"This Python {version} has no venv module with pip. On Debian or Ubuntu: "
                f"sudo apt install python{version}-venv. Then run this again."
            )
        say(f"[1/3] making .venv with Python {platform.python_version()}")
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])
        say(f"[2/3] installing {len(packages)} packages from requirements.lock, once (about 160 MB to fetch)")
        if not uv("--require-hashes", "--no-deps", "-r", str(LOCK)):
            run(pip("--require-hashes", "--no-deps", "-r", str(LOCK)), of=len(packages))
        stamp("dependencies", LOCK)
    if not stamped("project", ROOT / "pyproject.toml"):
        say("[3/3] installing Rollcall itself, editable")
        if not uv("--no-deps", "--no-build-isolation", "--editable", "."):
            run(pip("--no-deps", "--no-build-isolation", "--editable", "."))
        keep_compiled()
        stamp("project", ROOT / "pyproject.toml")


def keep_compiled() -> None:
    """Have a worker's modules compiled and kept, which uv leaves to the first import, and some environments forbid.

    A worker that compiles them itself starts 1.1 s of CPU later, and what that leaves of its memory is in pieces: it
    then takes a fifth more CPU for an event of a backlog. What can't be imported fails where it is used.
    """
    allowed = {name: value for name, value in os.environ.items() if name != NO_BYTECODE}
    command = [str(PYTHON), "-c", "import app.main, faust.cli.faust"]
    subprocess.run(command, env=allowed, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - as above


def building_aside() -> AbstractContextManager[object]:
    """Where packages must be installed, which is one core's work: meanwhile cargo builds, and `make_native` finds it.

    Leaving this context waits for it. What fails here fails in `make_native`, which shows it.
    """
    cargo = shutil.which("cargo")
    if cargo is None or (PYTHON.exists() and stamped("dependencies", LOCK)):
        return nullcontext()
    return subprocess.Popen(build_command(cargo), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - built below


def make_native() -> None:
    """Build the native part, once for each state of its sources. Where that can't be, the Python twin does its work."""
    sources = native_sources()
    stamp_file = VENV / "rollcall-native.stamp"
    cargo = shutil.which("cargo")
    known = stamp_file.read_text() if stamp_file.exists() else ""
    if known in {f"built {sources}", f"failed {sources}"} or (cargo is None and known == f"no cargo {sources}"):
        return
    MODULE.unlink(missing_ok=True)  # it was made of other sources
    if cargo is None:
        say("no Rust toolchain (cargo) here: everything runs on the Python twin of the native part, at half the speed")
        stamp_file.write_text(f"no cargo {sources}")
        return
    if cargo_build(cargo):
        # By another name first: a worker that runs keeps the file that it has.
        scratch = MODULE.with_suffix(".part")
        shutil.copyfile(BUILT, scratch)
        scratch.replace(MODULE)
        stamp_file.write_text(f"built {sources}")
    else:
        say("      everything runs on its Python twin, until the sources change")
        stamp_file.write_text(f"failed {sources}")


def cargo_build(cargo: str) -> bool:
    """Build, and show how far it is; whether that succeeded. What failed is shown."""
    crates = (NATIVE / "Cargo.lock").read_text().count("[[package]]")
    say(f"building the native part with cargo, once: up to {crates} crates")
    begun, told, output = time.monotonic(), 0, list[str]()
    with subprocess.Popen(  # noqa: S603 - built below
        build_command(cargo), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            output.append(line)
            seen = sum("Compiling " in text for text in output)
            if seen >= told + 10:
                told = seen
                say(f"      {seen} crates, {time.monotonic() - begun:.0f} s")
    if process.returncode != 0:
        sys.stderr.writelines(output[-TAIL_LINES:])
        say("      the native part could not be built")
    return process.returncode == 0


def build_command(cargo: str) -> list[str]:
    """The build, with the versions in Cargo.lock."""
    return [cargo, "build", "--release", "--locked", "--manifest-path", str(NATIVE / "Cargo.toml")]


def native_sources() -> str:
    """The hash of all that the native part is built from."""
    files = [NATIVE / "Cargo.toml", NATIVE / "Cargo.lock", *sorted((NATIVE / "src").glob("*.rs"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def uv(*options: str) -> bool:
    """Install into the environment by uv, which takes a fifth of pip's CPU; whether that succeeded.

    It is a package of the lock itself, and fetched by pip first. Where there is none for this platform, or it can't
    reach what pip can, pip does its work.
    """
    program = PYTHON.with_name("uv")
    if not program.exists():
        own = VENV / "uv.lock"
        own.write_text(locked("uv"))
        command = pip("--quiet", "--no-compile", "--require-hashes", "--no-deps", "-r", str(own))
        if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode != 0:  # noqa: S603 - built here
            return False
    command = [str(program), "pip", "install", "--no-progress", "--python", str(PYTHON), *options]
    said = list[str]()
    with subprocess.Popen(  # noqa: S603 - built here
        command, stderr=subprocess.PIPE, text=True, env=as_pip_is_set() | os.environ
    ) as process:
        for line in process.stderr or ():
            said.append(line)
            if line[0] not in " U":  # not each package by its name, nor which Python is used
                say(f"      {line.rstrip()}")
    if process.returncode != 0:
        sys.stderr.writelines(said[-TAIL_LINES:])
        say("      uv could not; pip does it instead")
    return process.returncode == 0


def locked(package: str) -> str:
    """The lines of requirements.lock about one package; none where it is not there."""
    found = re.search(rf"^{package}==.*\n(?:[ #].*\n)*", LOCK.read_text(), re.MULTILINE)
    return found[0] if found else ""


def as_pip_is_set() -> dict[str, str]:
    """What pip is told of an index and of certificates, in uv's words, as variables of the environment."""
    command = [str(PYTHON), "-m", "pip", "config", "list"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - built here
    settings = re.findall(r"^([^.]+)\.([a-z-]+)='(.*)'$", told, re.MULTILINE)
    settings.sort(key=lambda setting: setting[0] == ":env:")  # by which a file's is overridden
    return {UV_NAMES[name]: value for _, name, value in settings if name in UV_NAMES}


def pip(*options: str) -> list[str]:
    """The command line of an installation into the environment."""
    return [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", *options]


def run(command: list[str], of: int = 0) -> None:
    """Run one phase; with `of`, count pip's packages as they come. On failure show the end of its output and exit."""
    begun, reported, output = time.monotonic(), 0, list[str]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603 - built above
        for line in process.stdout or ():
            output.append(line)
            seen = sum(text.startswith("Collecting ") for text in output)
            if of and line.startswith("Collecting ") and seen >= reported + 10:
                reported = seen
                say(f"      {seen} of {of} packages, {time.monotonic() - begun:.0f} s")
            elif of and line.startswith("Installing collected"):
                say("      all fetched and checked; unpacking")
    if process.returncode != 0:
        sys.stderr.writelines(output[-TAIL_LINES:])
        sys.exit(f"failed: {' '.join(command)}")


def stamped(name: str, source: Path) -> bool:
    """Whether this phase was finished for the present content of `source`, and here: an environment can't move."""
    path = VENV / f"rollcall-{name}.stamp"
    return path.exists() and path.read_text() == digest(source)


def stamp(name: str, source: Path) -> None:
    """Note that this phase is finished."""
    (VENV / f"rollcall-{name}.stamp").write_text(digest(source))


def digest(source: Path) -> str:
    """What a stamp holds: the hash of the file's content and the checkout's place."""
    return f"{hashlib.sha256(source.read_bytes()).hexdigest()} {ROOT}"


def say(line: str) -> None:
    """Tell progress on standard error, at once: standard output is the program's."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
