"""How many examples a property is tried on: few and always the same ones by default, many with
`HYPOTHESIS_PROFILE=thorough`.
"""

import os

from hypothesis import HealthCheck, settings

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
_FACTOR = 20  # a minute becomes twenty
_SHARE = 2  # the gate takes a half: the same ones each time, of which the first find what the change has broken


def examples(count: int) -> settings:
    """Return the settings of a property that is tried on half of `count` examples, or on twenty times as many."""
    return settings(
        max_examples=count * _FACTOR if THOROUGH else count // _SHARE,
        derandomize=not THOROUGH,  # so that a red gate says something about the change
        deadline=None,  # a machine that is busy is not a bug
        # Fixtures hold directories only, which examples tell apart by a number.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
