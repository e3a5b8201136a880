"""The broker's server.properties: one node in KRaft mode that is both broker and controller, on loopback."""

from collections.abc import Mapping
from pathlib import Path

from demo.kafka.ports import LOOPBACK

# Comma lists that a caller extends rather than replaces: the object's own listener must stay, it is `bootstrap`.
_EXTENDED = ("listeners", "advertised.listeners", "listener.security.protocol.map")


def server_properties(
    *, port: int, controller_port: int, log_dir: Path, config: Mapping[str, str] | None = None
) -> dict[str, str]:
    """All settings of the broker; `config` has the last word.

    Its `listeners`, `advertised.listeners` and `listener.security.protocol.map` are added to the broker's own. A new
    listener that has no advertised address of its own is advertised as it listens.
    """
    extra = dict(config or {})
    if "listeners" in extra:
        extra.setdefault("advertised.listeners", extra["listeners"])
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(log_dir),
        # Internal topics: one copy, as there is one broker; few partitions, as each costs time at the first start.
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "3",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "3",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A group's first member need not wait 3 s for others that might join.
        "group.initial.rebalance.delay.ms": "0",
        # After a crash a broker must wait until its former registration has timed out: 9 s by default, 3 s here. Six
        # heartbeats fit in, so a loaded machine doesn't lose its registration by a missed one.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # A mistyped topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        "num.partitions": "3",
    }
    for name in _EXTENDED:
        if name in extra:
            extra[name] = f"{settings[name]},{extra[name]}"
    return settings | extra


def render(settings: Mapping[str, str]) -> str:
    """Write the settings as a Java properties file; backslashes are escaped, as the format reads them."""
    return "".join(f"{name}={value.replace(chr(92), chr(92) * 2)}\n" for name, value in settings.items())
