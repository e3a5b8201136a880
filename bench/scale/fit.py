"""Least squares for a few coefficients, by the normal equations, and what they leave unexplained."""

from collections.abc import Sequence
from dataclasses import dataclass

_SINGULAR = 1e-12


class FitError(ValueError):
    """The observations do not settle the coefficients; the message says why."""


@dataclass(frozen=True)
class Fit:
    """Coefficients that were fitted.

    Attributes:
        names: of the coefficients.
        values: theirs, in the unit of the observation by that of the quantity.
        residuals: of each observation, in order: what was observed less what the fit says, by what was observed.

    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    residuals: tuple[float, ...]

    def __getitem__(self, name: str) -> float:
        """A coefficient. Raises KeyError for a name that is none."""
        return dict(zip(self.names, self.values, strict=True))[name]

    def predict(self, quantities: Sequence[float]) -> float:
        """What the fit says for these quantities, in the order of the names."""
        return sum(value * quantity for value, quantity in zip(self.values, quantities, strict=True))

    @property
    def worst(self) -> float:
        """The largest residual, as a share of what was observed."""
        return max(map(abs, self.residuals))


def fit(names: Sequence[str], rows: Sequence[Sequence[float]], observed: Sequence[float]) -> Fit:
    """The coefficients c >= 0 that make sum(((observed - rows c) / observed)^2) least.

    Each observation counts by its share and not by its size, or the largest would settle everything. A cost can't be
    negative: where least squares make one so, it is 0, and the others are fitted without it (the most negative first).

    Raises FitError where there are fewer observations than coefficients, where an observation is not above 0, or where
    the rows do not tell the coefficients apart.
    """
    if len(rows) < len(names):
        message = f"{len(rows)} observations do not settle {len(names)} coefficients ({', '.join(names)})"
        raise FitError(message)
    if any(value <= 0 for value in observed):
        message = f"an observation is not above 0: {min(observed)}"
        raise FitError(message)
    weighted = [[quantity / value for quantity in row] for row, value in zip(rows, observed, strict=True)]
    free = list(range(len(names)))
    values = [0.0] * len(names)
    while free:
        solved = _least_squares([[row[column] for column in free] for row in weighted], [names[n] for n in free])
        if min(solved) >= 0:
            for column, value in zip(free, solved, strict=True):
                values[column] = value
            break
        free.pop(solved.index(min(solved)))
    residuals = [1.0 - sum(value * x for value, x in zip(values, row, strict=True)) for row in weighted]
    return Fit(tuple(names), tuple(values), tuple(residuals))


def _least_squares(rows: list[list[float]], names: list[str]) -> list[float]:
    """Solve (A'A) c = A'1 by elimination with pivots. The columns are scaled to length 1, as their units differ."""
    size = len(names)
    scales = [sum(row[column] ** 2 for row in rows) ** 0.5 for column in range(size)]
    if 0.0 in scales:
        message = f"no observation has any {names[scales.index(0.0)]}"
        raise FitError(message)
    scaled = [[value / scale for value, scale in zip(row, scales, strict=True)] for row in rows]
    matrix = [
        [sum(row[i] * row[j] for row in scaled) for j in range(size)] + [sum(row[i] for row in scaled)]
        for i in range(size)
    ]
    for column in range(size):
        pivot = max(range(column, size), key=lambda line: abs(matrix[line][column]))
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        if abs(matrix[column][column]) < _SINGULAR:
            message = f"the observations do not tell {', '.join(names)} apart"
            raise FitError(message)
        for line in range(size):
            if line != column:
                factor = matrix[line][column] / matrix[column][column]
                matrix[line] = [a - factor * b for a, b in zip(matrix[line], matrix[column], strict=True)]
    return [matrix[n][size] / matrix[n][n] / scales[n] for n in range(size)]
