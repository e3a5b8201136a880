"""What happens in a run, and the one line that makes it happen again."""

import re
from dataclasses import dataclass

GUARANTEES = ("at_least_once", "exactly_once")


@dataclass(frozen=True, order=True)
class Point:
    """A place in the life of a process: the number of the operation, and on which side of its effect.

    ``41a``: operation 41 has not had its effect. ``41b``: it has, and the process does not hear of it.
    """

    number: int
    reached: bool = False

    @classmethod
    def parse(cls, text: str) -> "Point":
        """Read ``41a`` or ``41b``. Raises ValueError."""
        match = re.fullmatch(r"(\d+)([ab])", text)
        if match is None:
            message = f"{text!r} is no crash point: a number and a or b, such as 41b"
            raise ValueError(message)
        return cls(int(match[1]), match[2] == "b")

    def __str__(self) -> str:
        return f"{self.number}{'b' if self.reached else 'a'}"


@dataclass(frozen=True)
class Scenario:
    """One run.

    ``crash``: the first worker dies there. ``then``: its successor dies there. ``wipe``: the local state is lost with
    the first. ``zombie``: the first worker does not die, it stands still there while a second one takes over; it goes
    on when the second has done all that there was (``wake`` 0), or is at its operation number ``wake``. ``keeps``: by
    then the second one is gone (killed, where there is a ``wake``), and the first one joins the group again and keeps
    all that it had (if it had it already), as if nobody had been in between. ``job``: the application, by its name in
    :mod:`tests.crash.jobs`.
    """

    seed: int
    guarantee: str
    crash: Point | None = None
    then: Point | None = None
    wipe: bool = False
    zombie: bool = False
    wake: int = 0
    job: str = "essays"
    keeps: bool = False

    @property
    def command(self) -> str:
        """The line that runs it again."""
        words = ["python -m tests.crash", f"--seed {self.seed}", f"--guarantee {self.guarantee}"]
        words += [f"--crash {self.crash}"] * (self.crash is not None)
        words += [f"--then {self.then}"] * (self.then is not None)
        words += ["--wipe"] * self.wipe + ["--zombie"] * self.zombie + [f"--wake {self.wake}"] * (self.wake > 0)
        words += ["--keeps"] * self.keeps
        words += [f"--job {self.job}"] * (self.job != "essays")
        return " ".join(words)
