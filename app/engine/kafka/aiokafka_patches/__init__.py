"""What is changed inside aiokafka, which is pinned for that, each with a test of its own.

================  ===================================================================================================
module            holds
================  ===================================================================================================
``transactions``  the wait for a transaction's markers, and a search for a coordinator that outlives the broker asked
``answers``       a time-out for each kind of request, and the end of a connection that is silent
``transfer``      produce requests of megabytes, with fewer copies
``frames``        answers, read from the socket into memory of their size
``fetches``       fetches written, and their answers read, a partition at a time
``versions``      which requests a broker knows, read once
``nodes``         connections to nodes: each on its own, with a back-off
``known_nodes``   what a client knows of its nodes: who failed, who is silent, when to try again
``metadata``      metadata from a node that is likely to answer
``retries``       exponential back-off for what a broker refuses for the moment
``forgotten``     a transactional id that the broker no longer knows
``closing``       a member leaves its group though it stands in a rebalance
``keeping``       a rebalance that stops only what moves
``backoff``       the arithmetic of waiting longer and longer
================  ===================================================================================================

Besides, error codes that it has no class for get one (:mod:`app.engine.kafka.broker_errors`).

All of it matters when a broker restarts, freezes or is cut off: without it a worker ends, or stalls, though all
that happened is that a connection closed, or fell silent, at an unlucky moment.

aiokafka has one time-out for everything, leaves a silent connection in use after some kinds of time-out, lets all
connects of a client wait for each other, and asks again after a fixed few milliseconds for as long as a node is away.
"""

from app.engine.kafka import broker_errors
from app.engine.kafka.aiokafka_patches import (
    answers,
    closing,
    fetches,
    forgotten,
    frames,
    keeping,
    metadata,
    nodes,
    retries,
    transactions,
    versions,
)


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    transactions.install()
    answers.install()
    frames.install()
    fetches.install()
    versions.install()
    nodes.install()
    metadata.install()
    retries.install()
    forgotten.install()
    closing.install()
    keeping.install()
    broker_errors.install()
