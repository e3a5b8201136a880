"""What the judge found."""

from dataclasses import dataclass, field

MAX_SHOWN = 20


@dataclass
class Verdict:
    """Counts of what must not be (`lost`, `wrong`), and of repeats, which at-least-once delivery allows after a fault.

    - lost: an input without an outcome, or an event that its outcome calls for and nobody emitted.
    - wrong: an invariant broken, or an event that differs from what it must be.
    - repeated: outputs beyond the first that answer no repeated input.
    """

    lost: int = 0
    wrong: int = 0
    repeated: int = 0
    details: list[str] = field(default_factory=list)

    def lose(self, detail: str) -> None:
        """Count something as lost."""
        self.lost += 1
        self.details.append(f"lost: {detail}")

    def fault(self, detail: str) -> None:
        """Count something as wrong."""
        self.wrong += 1
        self.details.append(f"wrong: {detail}")

    def repeat(self, count: int, detail: str) -> None:
        """Count outputs that were emitted more often than their inputs call for."""
        self.repeated += count
        self.details.append(f"repeated {count} times: {detail}")

    def add(self, other: "Verdict") -> None:
        """Take another verdict's findings in."""
        self.lost += other.lost
        self.wrong += other.wrong
        self.repeated += other.repeated
        self.details += other.details

    @property
    def right(self) -> bool:
        """Nothing lost and nothing wrong."""
        return self.lost == 0 and self.wrong == 0

    def __str__(self) -> str:
        shown = self.details[:MAX_SHOWN]
        more = [f"... and {len(self.details) - MAX_SHOWN} more"] if len(self.details) > MAX_SHOWN else []
        return "\n".join([f"lost {self.lost}, wrong {self.wrong}, repeated {self.repeated}", *shown, *more])
