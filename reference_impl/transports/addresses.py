"""Which addresses are this machine, and which lie in the public network."""

from __future__ import annotations

import ipaddress

__all__ = ["is_global", "is_loopback"]

_V6 = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is handed out as public unicast; beside it lie translators, site-local addresses, and the old way to
write an IPv4 address."""
_NOT_PUBLIC = tuple(ipaddress.ip_network(network) for network in ("192.88.99.0/24", "3fff::/20"))
"""Relays of 6to4, and documentation (RFC 7526, RFC 9637), which older tables of Python's take for public."""


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
        if value.sixtofour is not None or value.teredo is not None or value not in _V6:
            return False  # the first two have another one inside, and lead there through a gateway
    if any(value.version == network.version and value in network for network in _NOT_PUBLIC):
        return False
    return value.is_global and not value.is_multicast
