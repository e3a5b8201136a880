"""One JVM for the brokers of all tests: a broker costs a tenth of one that is a process, whose JVM begins cold.

The process that collects the tests begins it before it forks those that run them; each broker in it is a connection to
it, see `jvm/Brokers.java`. It ends with the process that has begun it.
"""

import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

from demo.kafka.ahead import cached
from demo.kafka.compiler import compiled
from demo.kafka.errors import KafkaError
from demo.kafka.jars import class_path
from demo.kafka.java import LOGGING, QUICK, find_java
from demo.kafka.process import WatchedProcess
from tests.support.patience import PATIENCE
from tests.support.shared_life import SharedLife, tail_of

SOURCES = Path(__file__).with_name("jvm")
# Some 40 MB a broker while it works, and there are at most a dozen at a time.
OPTIONS = (
    "-Xmx1g",
    *QUICK,
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",  # at once and for all, not one broker after the other
    # Nothing of a cache that fits but in part: what stands in the log is worth a look.
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    *LOGGING,
)
# Where Linux keeps files in memory, and the bytes that must be free there: what 24 brokers have written, of which none
# has more than 100 MB, as no test sends more.
MEMORY, ENOUGH = Path("/dev/shm"), 3 << 30  # noqa: S108 - what is made there has a name of its own


def in_memory() -> Path | None:
    """The directory of files in memory, if it has room and lets libraries be loaded, as the broker's codecs are."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    return MEMORY if found.f_bavail * found.f_frsize >= ENOUGH and not found.f_flag & os.ST_NOEXEC else None


class Jvm:
    """A JVM for brokers, from its beginning to `end`, which only the process that has begun it can call for.

    Raises KafkaError where it can't be had: no compiler, or a Java that does not run what was compiled.
    """

    def __init__(self, options: Sequence[str] = OPTIONS) -> None:
        java, jars = find_java(), class_path()
        classes = compiled(sorted(SOURCES.glob("*.java")), jars)
        self._begun_by = os.getpid()
        #: Where the directories of brokers are made: what one leaves that nobody closes is gone with this JVM.
        self.home = Path(mkdtemp(prefix="rollcall-jvm-", dir=in_memory()))
        self.log = self.home / "jvm.log"
        command = [str(java), "-cp", os.pathsep.join(map(str, [*jars, classes])), *options, *cached(java)]
        with socket.socket(socket.AF_UNIX) as listening, self.log.open("ab") as log:
            try:
                listening.bind(str(self.home / "socket"))
                listening.listen(128)
                self._process = WatchedProcess(
                    [*command, f"-Djava.io.tmpdir={self.home}", "Brokers"],
                    directory=self.home,
                    log=log,
                    temporary=[self.home],
                    stdin=listening.fileno(),
                )
            except OSError as error:  # of a temporary directory whose name is too long for a socket
                shutil.rmtree(self.home, ignore_errors=True)
                msg = f"{self.home}: {error}"
                raise KafkaError(msg) from error
        #: Its process id.
        self.pid = self._process.pid
        try:
            self._connected().close()
        except KafkaError:
            self.end()
            raise

    def begin(self, data_dir: Path) -> SharedLife:
        """Have a broker begin that is described by ``server.properties`` of a directory; its log is there as well.

        Raises KafkaError where the JVM has ended.
        """
        connection = self._connected()
        connection.sendall(f"{data_dir / 'server.properties'}\n".encode())
        return SharedLife(connection, data_dir / "broker.log")

    def end(self) -> None:
        """End it with all that is in it, as a crash would. In a process that has not begun it: do nothing."""
        if os.getpid() == self._begun_by:
            self._process.kill()
            shutil.rmtree(self.home, ignore_errors=True)

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(str(self.home / "socket"))
            greeting = b""
            while not greeting.endswith(b"\n"):
                greeting += (more := connection.recv(64))
                if not more:
                    break
        except OSError as error:
            greeting, reason = b"", str(error)
        else:
            reason = "it has ended"
        if greeting == b"here\n":
            return connection
        connection.close()
        msg = f"the JVM of the tests' brokers does not serve: {reason}. The end of {self.log}:\n{tail_of(self.log)}"
        raise KafkaError(msg)


class _Shared:
    """The JVM of this process and of those that are forked from it, once it has been asked for."""

    jvm: Jvm | None = None
    #: Why there is none.
    lacking = ""


def shared_jvm() -> Jvm | None:
    """The JVM that all share, begun now if it is not yet; None where it can't be had, which is told once."""
    if _Shared.jvm is None and not _Shared.lacking:
        try:
            _Shared.jvm = Jvm()
        except KafkaError as error:
            _Shared.lacking = f"kafka: the brokers of tests share no JVM, each has one of its own: {error}"
            sys.stderr.write(f"{_Shared.lacking}\n")
    return _Shared.jvm


def begun_jvm() -> Jvm | None:
    """It, if it has begun."""
    return _Shared.jvm


def log_of_shared_jvm() -> Path | None:
    """Where it says what is no broker's; None where there is none."""
    return None if _Shared.jvm is None else _Shared.jvm.log


def end_shared_jvm() -> None:
    """End it."""
    if _Shared.jvm is not None:
        _Shared.jvm.end()
