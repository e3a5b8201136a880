"""Free TCP ports on loopback that stay free."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the range from which the kernel takes the ports of outgoing connections (from 32768 on Linux, 49152 on macOS).
# A port of that range can be taken by any client while the broker is down for a restart; worse, a client that retries
# a loopback port of that range can connect to itself (TCP's simultaneous open) and hold the broker's port.
FIRST_PORT, LAST_PORT = 20_000, 29_999
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now. Connections in TIME_WAIT don't count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Find a port of loopback that is free now, outside the range of outgoing connections.

    Raises:
        OSError: none found in 200 random picks.

    """
    for _ in range(_ATTEMPTS):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - a port is no secret
        if is_free(port):
            return port
    msg = f"no free port on {LOOPBACK} in {FIRST_PORT}-{LAST_PORT} after {_ATTEMPTS} picks"
    raise OSError(msg)
