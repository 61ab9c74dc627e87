"""Addresses of this machine that only its own programs reach."""

from __future__ import annotations

import ipaddress
import socket

import anyio

__all__ = ["BESIDE", "is_loopback", "tells_addresses_apart"]

BESIDE = "127.0.0.2"
"""A loopback address that only those reach who listen at all addresses: another network's would be no test's to try."""


def is_loopback(hostname: str) -> bool:
    """Whether a host, by its address or its name, is this machine to itself."""
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"


async def tells_addresses_apart() -> bool:
    """Whether what listens at 127.0.0.1 alone is out of reach at the address beside it, and that one can be had."""
    try:
        with socket.create_server((BESIDE, 0)), socket.create_server(("127.0.0.1", 0)) as listener:
            stream = await anyio.connect_tcp(BESIDE, listener.getsockname()[1])
    except ConnectionRefusedError:
        return True
    except OSError as error:
        return isinstance(error.__cause__, ConnectionRefusedError)
    await stream.aclose()
    return False
