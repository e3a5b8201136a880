"""The figures of a run that is looked at after each tenth of it: is it flat?"""

from collections.abc import Mapping

from bench.figures import Figure

TENTHS = 10
#: What is flat is compared from here on.
THIRD = 3


def tenth_figures(only: str, prefix: str, cell: str, named: Mapping[str, str], when: str) -> list[Figure]:
    """A figure for each quantity in each tenth, and for its last tenth against the third.

    ``only`` names them (``--only``), ``prefix`` is that of what was measured, ``named`` has each quantity in words, and
    ``when`` says how a tenth is meant: in it, or after it.
    """
    figures = [
        Figure(f"{only}:{quantity}.{number}", f"{words}, {when} tenth {number}", cell, f"{prefix}.{quantity}.{number}")
        for quantity, words in named.items()
        for number in range(1, TENTHS + 1)
    ]
    return figures + [
        Figure(
            f"{only}:{quantity}.growth",
            f"{words}: the last tenth against the third",
            cell,
            f"{prefix}.{quantity}.growth",
            goal=1.1,
        )
        for quantity, words in named.items()
    ]
