"""The arithmetic of the tables: spreads, and ratios pair by pair."""

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class Spread(NamedTuple):
    """Smallest, middle and largest of some values."""

    minimum: float
    median: float
    maximum: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of values; raises ValueError if there are none."""
    if not values:
        message = "no values"
        raise ValueError(message)
    return Spread(min(values), median(values), max(values))


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """The ratio of each round, so that what slows a whole round down is in both. A round that lacks one is left out."""
    return [top / bottom for top, bottom in zip(numerators, denominators, strict=False) if bottom]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of all don't exceed; raises ValueError if there are none."""
    if not values:
        message = "no values"
        raise ValueError(message)
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
