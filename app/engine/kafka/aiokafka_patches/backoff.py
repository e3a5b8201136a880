"""Waiting longer and longer, up to a second, and never all at the same moment."""

import random

#: Seconds. Kafka's own clients wait 50 ms first and at most 1 s (reconnect.backoff.ms, reconnect.backoff.max.ms).
FIRST, LONGEST = 0.05, 1.0

#: The part of a delay that chance decides, as in Kafka's own clients (KIP-580): it keeps clients from asking in step.
JITTER = 0.2


def delay(failures: int, first: float = FIRST, longest: float = LONGEST) -> float:
    """Seconds to wait after that many failures in a row: doubled each time, at most ``longest``; 0 after none."""
    if failures <= 0:
        return 0.0
    # 2 to the power of 30 is beyond any ``longest``; without the bound a long outage would overflow a float.
    full = min(longest, first * 2.0 ** min(failures - 1, 30))
    return full * (1 - JITTER * random.random())  # noqa: S311 - spreads load, guards nothing
