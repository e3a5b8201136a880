"""A figure: what it compares, the goal it is held against, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.statistics import Spread, ratios, spread
from bench.trial import Measured

#: What was measured: of each cell, the figures of each round.
Results = Mapping[str, Sequence[Measured]]

Kind = Literal["ratio", "complement", "report"]


@dataclass(frozen=True)
class Figure:
    """A comparison.

    Attributes:
        name: what `--only` takes.
        title: the line of the table.
        cell: what is looked at.
        quantity: which figure of it.
        against: the cells to compare with; the best of them in the quantity counts. Empty: the quantity is reported.
        against_quantity: the figure of those, if it is another one.
        most: whether the ratio may be at most the goal, or must be at least it.
        goal: None: the ratio is reported.
        stretch: a further goal.
        kind: ``complement`` is 1 less the inverse of the ratio: the share that ``cell`` has beyond ``against``.
        high: whether more of the quantity is better.

    """

    name: str
    title: str
    cell: str
    quantity: str
    against: tuple[str, ...] = ()
    against_quantity: str = ""
    most: bool = True
    goal: float | None = None
    stretch: float | None = None
    kind: Kind = "ratio"
    high: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """All cells that it needs."""
        return (self.cell, *self.against)

    def outcome(self, results: Results) -> "Outcome | None":
        """What came of it; None if a cell that it can't do without was not measured."""
        own = _values(results, self.cell, self.quantity)
        if not own:
            return None
        if not self.against:
            return Outcome(self, spread(own), (), None, own)
        quantity = self.against_quantity or self.quantity
        others = {cell: _values(results, cell, quantity) for cell in self.against}
        others = {cell: values for cell, values in others.items() if values}
        if not others:
            return None
        best = (max if self.high else min)(others, key=lambda cell: spread(others[cell]).median)
        pairs = ratios(own, others[best])
        value = spread(own).median / spread(others[best]).median
        if self.kind == "complement":
            pairs, value = [1 - 1 / pair for pair in pairs], 1 - 1 / value
        return Outcome(self, spread(pairs), tuple(pairs), best, [value])


@dataclass(frozen=True)
class Outcome:
    """A figure's value: the ratio of the medians (or what is reported), and the ratios pair by pair."""

    figure: Figure
    spread: Spread
    pairs: tuple[float, ...]
    best: str | None
    values: Sequence[float]

    @property
    def value(self) -> float:
        """The figure."""
        return self.values[0] if self.best else self.spread.median

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None if there is none."""
        goal = self.figure.goal
        if goal is None:
            return None
        return self.value <= goal if self.figure.most else self.value >= goal


def _values(results: Results, cell: str, quantity: str) -> list[float]:
    return [measured[quantity] for measured in results.get(cell, ()) if quantity in measured]
