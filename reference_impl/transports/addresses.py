"""Which addresses are this machine, and which lie in the public network."""

from __future__ import annotations

import ipaddress

__all__ = ["is_global", "is_loopback"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_loopback(host: str | None) -> bool:
    """Tell whether a host name or address can only be this machine (RFC 6761, 6.3)."""
    if host is None:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_global(address: str) -> bool:
    """Tell whether an IP address lies in the public network, however it is written."""
    value = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(value, ipaddress.IPv6Address):
        if value.ipv4_mapped is not None:
            return is_global(str(value.ipv4_mapped))
        if value.sixtofour is not None or value.teredo is not None or value in _NAT64:
            return False  # it has another one inside, and leads there through a gateway
    return value.is_global and not value.is_multicast
