"""A broker in the JVM that tests share, from its start to its end: a connection to it, see `shared_jvm`."""

import socket
from pathlib import Path
from typing import NoReturn

from demo.kafka.errors import KafkaError
from tests.support.patience import PATIENCE

_TAIL = 3000  # characters of a log that an error shows


class NotOwnError(KafkaError):
    """What only a broker can be asked for that is a process of its own."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"this broker shares its JVM with those of other tests, so {what}: ask for one that is a process of its "
            "own, by borrowed(own=True) or Stage(..., own_broker=True)"
        )


class SharedLife:
    """A broker in the shared JVM, from its start to its end: a connection."""

    def __init__(self, connection: socket.socket, log: Path) -> None:
        self._connection = connection
        self._log = log
        self._said = b""

    @property
    def pid(self) -> NoReturn:
        """Refused: the process is not its own."""
        what = "it has no process id"
        raise NotOwnError(what)

    @property
    def alive(self) -> bool:
        """Whether it has not ended. False as soon as it has failed; its port and directory are its own until then."""
        if self._connection.fileno() < 0:
            return False
        self._connection.settimeout(0)
        try:
            if self._connection.recv(1, socket.MSG_PEEK):
                self._read(PATIENCE)
        except BlockingIOError:
            return True
        except OSError:
            pass
        self._connection.close()
        return False

    def stop(self, within: float) -> None:
        """End it in good order. Raises KafkaError where it takes longer than that."""
        try:
            self._connection.sendall(b"stop\n")
            self._read(max(within, PATIENCE))
        except TimeoutError as error:
            msg = f"the broker in the shared JVM did not stop. The end of {self._log}:\n{tail_of(self._log)}"
            raise KafkaError(msg) from error
        except OSError:
            pass  # it has ended already
        finally:
            self._connection.close()

    def wait(self) -> int:
        """Wait until it ends; the status that its process would have had. -9 where the JVM has ended."""
        if self._connection.fileno() >= 0:
            self._read(None)
            self._connection.close()
        return int(self._said or b"-9")

    def kill(self) -> NoReturn:
        """Refused: there is no crash but of all."""
        what = "it can't be killed"
        raise NotOwnError(what)

    def pause(self) -> NoReturn:
        """Refused: all would stand still."""
        what = "it can't be paused"
        raise NotOwnError(what)

    def resume(self) -> NoReturn:
        """Refused, as `pause` is."""
        what = "it can't be paused or resumed"
        raise NotOwnError(what)

    def _read(self, within: float | None) -> None:
        self._connection.settimeout(within)
        while more := self._connection.recv(64):
            self._said += more


def tail_of(log: Path) -> str:
    """The end of a log."""
    try:
        return log.read_text("utf-8", "replace")[-_TAIL:]
    except OSError as error:
        return f"(it can't be read: {error})"
