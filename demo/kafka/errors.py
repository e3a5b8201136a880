"""What can go wrong with the embedded Kafka, each with the remedy in its message."""

from pathlib import Path


class KafkaError(RuntimeError):
    """The embedded Kafka cannot do what was asked; the message says why and what to do."""


class KafkaStartError(KafkaError):
    """The broker did not come up; the message ends with the last lines of its log."""


class JarMismatchError(KafkaError):
    """A jar's content is not the pinned one. Nothing of it has been run.

    Attributes:
        jar: the file name, as in the lock file.
        expected: the pinned SHA-256, in hexadecimal.
        actual: the SHA-256 of what was found.

    """

    def __init__(self, *, jar: str, expected: str, actual: str, path: Path | None) -> None:
        self.jar = jar
        self.expected = expected
        self.actual = actual
        remedy = (
            f"Delete {path} and run again: it is fetched anew and checked."
            if path is not None
            else "It was thrown away. Something between here and the Maven repository (a proxy, a mirror) changes "
            "what it serves: try another network, or name a repository in jgo's settings file."
        )
        super().__init__(
            f"{jar} is not the file that the lock file pins, so it is not run.\n"
            f"  expected SHA-256 {expected}\n"
            f"  found    SHA-256 {actual}\n"
            f"{remedy}",
        )
