"""Web addresses: read strictly, written in one way, so that no two readers of one URL can disagree about its host.

Source: RFC 3986, RFC 9110 section 4.2; what browsers repair (backslashes, tabs, user names), this refuses.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from reference_impl.servers.web.errors import Refused
from reference_impl.transports.http_terms import Origin

__all__ = ["LONGEST_URL", "WebUrl", "host_of", "joined"]

LONGEST_URL = 4096
_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"(https?)://", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_UNWANTED = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SAFE = "/%:@!$&'()*+,;=~?"


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An `http` or `https` URL in its normal form, without a fragment. `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def of(cls, text: str) -> WebUrl:
        """Read an absolute URL. Raises `Refused` for all that is no plain web address."""
        if len(text) > LONGEST_URL:
            raise Refused(f"the URL is longer than {LONGEST_URL} characters")
        if _UNWANTED.search(text):
            raise Refused("the URL has a space, a backslash or a control character in it: encode it with %")
        scheme = _SCHEME.match(text)
        if scheme is None:
            raise Refused("only absolute http:// and https:// URLs are fetched")
        authority, target = _cut(text[scheme.end() :])
        if "@" in authority:
            raise Refused("the URL has a user name in it, and credentials are never sent: leave it out")
        found = _AUTHORITY.fullmatch(authority)
        if found is None:
            raise Refused("the URL's host or port is malformed")
        kind = scheme[1].lower()
        port = int(found["port"] or _PORTS[kind])
        if not 0 < port < 65536:
            raise Refused("the URL's port is out of range")
        return cls(kind, host_of(found["host"]), port, _normal(target))

    @property
    def origin(self) -> Origin:
        """Whom to talk to."""
        return Origin(self.scheme, self.host, self.port)

    @property
    def site(self) -> str:
        """The URL up to the path."""
        return f"{self.scheme}://{self.origin.authority}"

    @property
    def path(self) -> str:
        """The path alone."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return self.site + self.target


def host_of(text: str) -> str:
    """Return a host in its normal form: lower case, ASCII, an IPv6 address without brackets. Raises `Refused`."""
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text.strip("[]")))
        except ValueError:
            raise Refused("the URL's host is no IPv6 address") from None
    name = text.lower().removesuffix(".")
    try:
        name = name if name.isascii() or len(name) > 253 else name.encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise Refused("the URL's host is no valid name")
    return name


def joined(base: str, reference: str) -> str:
    """Return what a link on a page means: an absolute URL of any scheme, or an empty string for what is none."""
    wanted = re.sub(r"[\t\r\n]", "", reference.strip())
    if len(wanted) > LONGEST_URL:
        return ""
    try:
        url = urljoin(base, wanted.replace("\\", "/").replace(" ", "%20"))
        return url if urlsplit(url).scheme else ""
    except ValueError:
        return ""


def _cut(rest: str) -> tuple[str, str]:
    """Split what follows `//` into authority and target, without the fragment."""
    rest = rest.partition("#")[0]
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    return rest[:end], rest[end:]


def _normal(target: str) -> str:
    """Return path and query with the same characters encoded, and without dot segments: the site's rules are compared
    with what is asked for, letter by letter (RFC 9309, 2.2.2)."""
    path, mark, query = target.partition("?")
    return _without_dots(_encoded(path)) + (f"?{_encoded(query)}" if mark else "")


def _encoded(text: str) -> str:
    return _ENCODED.sub(_decoded, quote(_BARE_PERCENT.sub("%25", text), safe=_SAFE))


def _decoded(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _without_dots(path: str) -> str:
    """Remove `.` and `..` (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    directory = parts and parts[-1] in (".", "..")
    return "/" + "/".join(kept) + ("/" if directory and kept else "")
