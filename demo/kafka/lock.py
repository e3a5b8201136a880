"""Makes `jars.lock` anew: `python -m demo.kafka.lock`, after a change of the versions below.

What it fetches is trusted at that moment; review the difference before it is committed.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.env import EnvironmentBuilder
from jgo.maven import MavenContext

from demo.kafka.jars import LOCK_FILE

# Not 4.3.1 or 4.4.0: while a broker starts, they take a partition without a leader for a deleted one, and leave the
# transactions that it was killed in without their markers (docs/explanation/limits.md).
KAFKA = "org.apache.kafka:kafka_2.13:4.2.2"
# Kafka's own coordinate has no binding for slf4j: without one the broker would log nothing, not even why it stops.
LOGGING = "org.slf4j:slf4j-simple:1.7.36"

_HEADER = f"""\
# The jars of the embedded Kafka: SHA-256, file name, Maven coordinate.
# Made by: python -m demo.kafka.lock   (from {KAFKA} and {LOGGING})
"""


def main() -> None:
    """Resolve the two coordinates with their dependencies, and write the lock file.

    Raises SystemExit where nothing is resolved.
    """
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(repo_cache=Path(scratch))
        builder = EnvironmentBuilder(context=context, cache_dir=Path(scratch, "environments"))
        environment = builder.from_endpoint(f"{KAFKA}+{LOGGING}")
        if environment.lockfile is None:
            msg = "jgo resolved nothing"
            raise SystemExit(msg)
        for dependency in environment.lockfile.dependencies:
            name = f"{dependency.artifactId}-{dependency.version}.jar"
            coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
            content = next(path for path in environment.all_jars if path.name == name).read_bytes()
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}  {coordinate}\n")
    LOCK_FILE.write_text(_HEADER + "".join(sorted(lines, key=lambda line: line.split()[1])), encoding="utf-8")
    sys.stdout.write(f"{LOCK_FILE}: {len(lines)} jars\n")


if __name__ == "__main__":
    main()
