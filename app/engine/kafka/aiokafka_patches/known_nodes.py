"""What a client knows of its nodes: which could not be connected to, until when they are left, which fell silent."""

import asyncio
import time
from typing import Any
from weakref import WeakKeyDictionary

from app.engine.kafka.aiokafka_patches.backoff import LONGEST, delay
from app.engine.kafka.crowded import Closings

#: Seconds. A connection that held for less is no sign that the node is well.
_STEADY = LONGEST

#: Seconds for which others are preferred to a node that did not answer in time: until the cluster has taken it out.
_SILENT = 10.0


class Node:
    """What a client knows of a node: how often in a row it could not be connected to, and until when it is left."""

    def __init__(self) -> None:
        self.failures = 0
        self.tries = 0
        self.not_before = 0.0
        self.silent = -_SILENT
        self.closings = Closings()
        self._connected: dict[Any, float] = {}

    @property
    def doubtful(self) -> bool:
        """Whether it is better to ask another: it could not be connected to, or did not answer in time lately."""
        now = time.monotonic()
        holds = any(now - since > _STEADY for since in self._connected.values())
        return (self.failures > 0 and not holds) or now - self.silent < _SILENT

    def failed(self) -> None:
        """Note a failed try."""
        self.tries += 1
        self.failures += 1
        self.not_before = time.monotonic() + delay(self.failures)

    def connected(self, group: Any) -> None:
        """Note that one of its connections is made. What failed before counts until that has held for a while."""
        self._connected[group] = time.monotonic()

    def before_try(self, group: Any) -> float:
        """Seconds to wait before the next try for this connection."""
        now = time.monotonic()
        since = self._connected.pop(group, None)
        if since is not None:
            if now - since > _STEADY:
                self.failures = 0
            else:
                # It accepted the connection and closed it soon after: that counts as a failed try.
                self.failures += 1
                self.not_before = since + delay(self.failures)
        return max(0.0, self.not_before - now)


class Nodes:
    """What a client knows of its nodes."""

    def __init__(self) -> None:
        self.closed = False
        self._nodes: dict[Any, Node] = {}
        self._locks: dict[Any, asyncio.Lock] = {}

    def node(self, node_id: Any) -> Node:
        """What is known of a node."""
        return self._nodes.setdefault(node_id, Node())

    def lock(self, connection: Any) -> asyncio.Lock:
        """The lock that makes a node's connection once."""
        return self._locks.setdefault(connection, asyncio.Lock())


_known: WeakKeyDictionary[Any, Nodes] = WeakKeyDictionary()


def of(client: Any) -> Nodes:
    """What a client knows of its nodes."""
    nodes = _known.get(client)
    if nodes is None:
        nodes = _known[client] = Nodes()
    return nodes
