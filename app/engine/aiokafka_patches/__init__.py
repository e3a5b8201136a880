"""How the client behaves on a network that fails: what it waits for, for how long, and how often it asks again.

=============  ======================================================================================================
module         holds
=============  ======================================================================================================
``answers``    a time-out for each kind of request, and the end of a connection that is silent
``nodes``      connections to nodes: each on its own, with a back-off; metadata from a node that is likely to answer
``retries``    exponential back-off for what a broker refuses for the moment
``closing``    a member leaves its group though it stands in a rebalance
``backoff``    the arithmetic of waiting longer and longer
=============  ======================================================================================================

aiokafka has one time-out for everything, leaves a silent connection in use after some kinds of time-out, lets all
connects of a client wait for each other, and asks again after a fixed few milliseconds for as long as a node is away.
"""

from app.engine.aiokafka_patches import answers, closing, nodes, retries


def install() -> None:
    """Change it for all clients of the process. Idempotent."""
    answers.install()
    nodes.install()
    retries.install()
    closing.install()
