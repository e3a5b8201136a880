"""What counts as the address of a worker's HTTP: in a setting, and in what other members of the group report."""

import ipaddress
import re

_ADDRESS = re.compile(r"https?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?")
_LONGEST_NAME, _LABEL, _PORTS = 253, 64, 65_536


def is_address(url: str) -> bool:
    """Whether it is http or https, a host name or an IP address, a port (0: no HTTP), and nothing more."""
    match = _ADDRESS.fullmatch(url)
    if match is None:
        return False
    host, port = match["host"], match["port"]
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
    elif len(host) > _LONGEST_NAME or not all(0 < len(label) < _LABEL for label in host.rstrip(".").split(".")):
        return False
    return port is None or int(port) < _PORTS
