"""Free TCP ports on loopback that stay free."""

import random
import socket
from collections import deque

LOOPBACK = "127.0.0.1"

# Below the range from which the kernel takes the ports of outgoing connections (from 32768 on Linux, 49152 on macOS).
# A port of that range can be taken by any client while the broker is down for a restart; worse, a client that retries
# a loopback port of that range can connect to itself (TCP's simultaneous open) and hold the broker's port.
FIRST_PORT, LAST_PORT = 20_000, 29_999
_ATTEMPTS = 200

# A broker listens seconds after its ports were found, and its listeners must differ: five processes that find 25 of
# 10,000 ports at once would have two alike 3 times in 100 (25 * 24 / 2 pairs). So a port is claimed, by UDP's port of
# the same number, which the kernel gives up with the process. The last ones only: older ones are listened at by now.
_CLAIMS_KEPT = 64
_claims: deque[socket.socket] = deque()


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

    The last 64 that a process has found no later call finds again while it lives, here or in another process.

    Raises:
        OSError: none found in 200 random picks.

    """
    for _ in range(_ATTEMPTS):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - a port is no secret
        if is_free(port) and _claim(port):
            return port
    msg = f"no free port on {LOOPBACK} in {FIRST_PORT}-{LAST_PORT} after {_ATTEMPTS} picks"
    raise OSError(msg)


def _claim(port: int) -> bool:
    """Claim a port; false where it is claimed already, here or in another process."""
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind((LOOPBACK, port))
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    while len(_claims) > _CLAIMS_KEPT:
        _claims.popleft().close()
    return True
