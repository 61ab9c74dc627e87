"""One request and its answer, at the address that was judged: no cookies, no credentials, no referrer, no proxy, and no
redirect followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from reference_impl.servers.web.bodies import ENCODINGS, Unpacking
from reference_impl.servers.web.errors import FetchError, Refused
from reference_impl.servers.web.reach import Reach
from reference_impl.servers.web.settings import Outside
from reference_impl.servers.web.urls import WebUrl, joined
from reference_impl.transports.http_client import HttpClient, request_head
from reference_impl.transports.http_link import HttpReply
from reference_impl.transports.http_terms import BadHttp, ConnectFailed, ConnectionLost

__all__ = ["Answer", "Asker", "Wanted", "led"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_BODY = frozenset({204, 205, 304})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: media types as `accept` says them, and how many bytes at the most. `judge` gets the
    Content-Type of a good answer before its body is read, and refuses it by raising `Refused`."""

    accept: str
    most: int
    judge: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came. `body` is unpacked; `cut` says that it was longer. `location` is where a redirect leads."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    cut: bool = False
    location: str | None = None


class Asker:
    """Asks one host at a time, under the name of `agent`."""

    def __init__(self, reach: Reach, outside: Outside, agent: str) -> None:
        self._reach = reach
        self._outside = outside
        self.agent = f"{agent}/{_version()} (robot of a Model Context Protocol server; obeys robots.txt)"

    async def ask(self, url: WebUrl, wanted: Wanted) -> Answer:
        """Return the answer to one GET. Raises `Refused` for a host that must not be reached, `FetchError` where no
        valid answer comes."""
        self._reach.check(url)
        gate = self._reach.gate(url)
        client = HttpClient(url.origin, self._outside.tls, admits=gate, resolve=self._outside.resolve)
        fields = {"accept": wanted.accept, "accept-encoding": ENCODINGS, "connection": "close"}
        head = request_head("GET", url.target, {"host": url.origin.authority, "user-agent": self.agent, **fields})
        try:
            with await client.request(head) as reply:
                return await _read(reply, wanted)
        except ConnectFailed as error:
            if gate.refuses:
                raise Refused(f"{url.host} is not in the public web: this server does not fetch from there") from None
            raise FetchError(f"no connection to {error}") from None
        except ConnectionLost as error:
            raise FetchError(f"{url.origin.authority}: {error}") from None
        except BadHttp as error:
            raise FetchError(f"{url.origin.authority}: {error}") from None
        finally:
            await client.aclose()


def led(url: WebUrl, location: str) -> WebUrl:
    """Return where a redirect leads. Raises `FetchError`."""
    try:
        return WebUrl.of(joined(str(url), location))
    except Refused as error:
        raise FetchError(f"{url.origin.authority} redirects to where nothing is fetched: {error}") from None


async def _read(reply: HttpReply, wanted: Wanted) -> Answer:
    headers = reply.headers
    if reply.status in _REDIRECTS and "location" in headers:
        return Answer(reply.status, headers, location=_text(headers["location"]))
    if reply.status >= 300 or reply.status in _NO_BODY:
        return Answer(reply.status, headers)
    if wanted.judge is not None:
        wanted.judge(headers.get("content-type", ""))
    unpacking = Unpacking(headers.get("content-encoding", ""), wanted.most)
    while not unpacking.full and (data := await reply.chunk()) is not None:
        unpacking.feed(data)
    body = unpacking.finish()
    return Answer(reply.status, headers, body, unpacking.full)


def _text(field: str) -> str:
    """Return a field that may hold UTF-8 though it should not."""
    try:
        return field.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return field


@cache
def _version() -> str:
    try:
        return version("mcp-touchstone")
    except PackageNotFoundError:
        return "0"
