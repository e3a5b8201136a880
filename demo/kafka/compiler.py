"""Compiles Java, once for each content: the runtime that comes as a Python package has no javac.

Eclipse's compiler, one jar, is used: what it makes is the same bytecode in all that counts, since the JVM does the
optimising.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from demo.kafka.errors import KafkaError
from demo.kafka.jars import cache_dir, class_path
from demo.kafka.java import QUICK, find_java

LOCK = Path(__file__).with_name("compiler.lock")
_JAVA_VERSION = "17"  # of the language and the class files: any Java that runs the broker runs them
_OPTIONS = ("-source", _JAVA_VERSION, "-target", _JAVA_VERSION, "-nowarn", "-encoding", "UTF-8")


def compiled(sources: Sequence[Path], jars: Sequence[Path]) -> Path:
    """Return a directory with the classes of these sources, compiled against these jars, which are pinned ones.

    They are kept beside the jars, under a name that follows from the sources, the compiler and the jars' names, so a
    second call of any process finds them. Two that compile at once make the same.

    Raises:
        KafkaError: the compiler can't be had, no Java runs it, or it objects to the sources; the message has what it
            says.

    """
    digest = sha256(LOCK.read_bytes() + " ".join(_OPTIONS).encode())
    for name, content in [(jar.name, b"") for jar in jars] + [(path.name, path.read_bytes()) for path in sources]:
        digest.update(f"\n{name} {len(content)}\n".encode() + content)
    target = cache_dir() / f"{digest.hexdigest()[:16]}.classes"
    if target.exists():
        return target
    (compiler,) = class_path(lock=LOCK)
    with tempfile.TemporaryDirectory(prefix=".classes-", dir=target.parent) as directory:
        made = Path(directory) / "made"
        command = [str(find_java()), *QUICK, "-XX:-UsePerfData", "-jar", str(compiler), *_OPTIONS, "-d", str(made)]
        against = ["-cp", os.pathsep.join(map(str, jars))]
        done = subprocess.run([*command, *against, *map(str, sources)], capture_output=True, text=True, check=False)  # noqa: S603 - the Java found above
        if done.returncode != 0:
            msg = f"{sources[0].parent}: these sources do not compile, correct them:\n{done.stdout}{done.stderr}"
            raise KafkaError(msg)
        try:
            made.rename(target)  # at once: no other process finds half of it
        except OSError:
            if not target.exists():  # where it does, another process was first
                raise
    return target
