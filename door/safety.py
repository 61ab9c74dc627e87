"""Which hosts may be put under load: this machine and private networks, and others only by their owner's word."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance import target as targets
from door.errors import Exit, Refusal
from door.scale_options import SafetyOptions
from reference_impl.transports.addresses import is_loopback

__all__ = ["Permission", "is_near", "permitted"]

_CAP = 100_000.0
_REMOTE_CAP = 500.0
_NEAR = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128"),
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("fc00::/7", "169.254.0.0/16", "fe80::/10"),
    )
)
"""This machine; private networks (RFC 1918, RFC 4193); the link alone (RFC 3927, RFC 4291)."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be done to a target: the requests a second at most, and at which addresses its host is to be found."""

    rate_cap: float
    pins: dict[str, tuple[str, ...]]
    silence: float


def is_near(address: str) -> bool:
    """Tell whether an IP address is this machine, or lies in a private network or on the link."""
    value = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(value, ipaddress.IPv6Address) and value.ipv4_mapped is not None:
        value = value.ipv4_mapped
    return any(value.version == network.version and value in network for network in _NEAR)


def _resolve(host: str) -> tuple[str, ...]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


def permitted(
    target: targets.Target, options: SafetyOptions, resolve: Callable[[str], Iterable[str]] = _resolve
) -> Permission:
    """Return what may be done to a target. Raises `Refusal` for a host that load must be kept from.

    A name is looked up once, here; all load then goes to the addresses that were judged.
    """
    cap = options.rate_cap
    if isinstance(target, targets.StdioTarget | targets.MemoryTarget):
        return Permission(cap or _CAP, {}, options.give_up_after)
    host = (urlsplit(target.url).hostname or "").lower()
    try:
        addresses = tuple(resolve(host))
    except OSError as problem:
        said = problem.strerror or str(problem)
        raise Refusal(f"{host} cannot be looked up: {said}", Exit.UNREACHABLE) from None
    near = all(map(is_near, addresses))
    if not near and host not in {each.lower() for each in options.i_may_load_this_host or ()}:
        raise Refusal(
            f"{host} is in the public network ({addresses[0]}): load is put on it only with "
            f"--i-may-load-this-host {host}, by whoever may"
        )
    pins = {} if is_loopback(host) or host in addresses else {host: addresses}
    return Permission(cap or (_CAP if near else _REMOTE_CAP), pins, options.give_up_after)
