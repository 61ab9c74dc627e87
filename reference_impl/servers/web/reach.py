"""Whom this server may talk to: the public web, and what its owner allowed beside it.

Hosts are judged twice: their names before anything is asked, and their addresses once they are resolved. It is the
judged address that is connected to, so a name that answers differently the next time gains nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from reference_impl.server.errors import SetupError
from reference_impl.servers.web.errors import Refused
from reference_impl.servers.web.settings import WebSettings
from reference_impl.servers.web.urls import WebUrl
from reference_impl.transports.addresses import is_global

__all__ = ["Gate", "Reach"]

_USUAL_PORTS = frozenset({80, 443})
_FIRST_FREE = 1024
_OTHER_PROTOCOLS = frozenset(
    {1719, 1720, 1723, 2049, 3306, 3659, 4045, 4190, 5060, 5061, 5432, 6000, 6379, 6566}
    | {6665, 6666, 6667, 6668, 6669, 6679, 6697, 9200, 10080, 11211, 27017}
)
"""Ports of services that read a request of ours as commands of theirs; most of them no browser talks to either."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class _Host:
    """One entry of a list: a name or address, perhaps with all that lies below it, perhaps at one port."""

    name: str
    port: int | None
    below: bool

    @classmethod
    def of(cls, text: str) -> _Host:
        below, rest = text.startswith("."), text.removeprefix(".")
        bare = rest.count(":") > 1 and not rest.startswith("[")
        try:
            url = WebUrl.of(f"http://[{rest}]/" if bare else f"http://{rest}/")
        except Refused:
            url = None
        if url is None or url.target != "/":
            raise SetupError(f"{text!r} is no host: write HOST or HOST:PORT, such as wiki.example.org:8080")
        has_port = not bare and rest.rpartition("]")[2].count(":") == 1
        return cls(url.host, url.port if has_port else None, below)

    def covers(self, url: WebUrl) -> bool:
        same = url.host == self.name or (self.below and url.host.endswith(f".{self.name}"))
        return same and self.port in (None, url.port)


class Gate:
    """Judges the addresses of one host as they are resolved. `refuses` tells whether all were turned away."""

    def __init__(self, admits: Callable[[str], bool]) -> None:
        self._admits = admits
        self._judged: set[bool] = set()

    def __call__(self, address: str) -> bool:
        """Tell whether to connect to an IP address."""
        admitted = self._admits(address)
        self._judged.add(admitted)
        return admitted

    @property
    def refuses(self) -> bool:
        """Whether the host has addresses, and none that may be connected to."""
        return self._judged == {False}


class Reach:
    """The rules of one server. Raises `SetupError` for hosts and networks that are none."""

    def __init__(self, settings: WebSettings) -> None:
        self._hosts = tuple(_Host.of(text) for text in settings.allow_hosts)
        self._only = tuple(_Host.of(text) for text in settings.only_hosts)
        self._networks = tuple(_network(text) for text in settings.allow_networks)

    def check(self, url: WebUrl) -> None:
        """Judge a URL by its name. Raises `Refused`."""
        if self._only and not any(host.covers(url) for host in self._only):
            raise Refused(f"{url.host} is not among the hosts that this server fetches from")
        foreign = url.port in _OTHER_PROTOCOLS or (url.port < _FIRST_FREE and url.port not in _USUAL_PORTS)
        if foreign and not any(host.port == url.port and host.covers(url) for host in self._hosts):
            raise Refused(f"port {url.port} is not one that web pages are served at")

    def gate(self, url: WebUrl) -> Gate:
        """Return what judges the addresses of a URL's host."""
        if any(host.covers(url) for host in self._hosts):
            return Gate(lambda _: True)
        return Gate(self._admits)

    def _admits(self, address: str) -> bool:
        if is_global(address):
            return True
        value = ipaddress.ip_address(address.partition("%")[0])
        mapped = value.ipv4_mapped if isinstance(value, ipaddress.IPv6Address) else None
        value = mapped or value
        return any(value.version == network.version and value in network for network in self._networks)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise SetupError(f"{text!r} is no network: write it as CIDR, such as 10.1.0.0/16") from None
