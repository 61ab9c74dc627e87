"""A web of one machine: sites that answer as their table says, a canary that nobody may reach, names and a clock."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.web import Limits, Outside, WebSettings, make_server

PUBLIC = "127.0.0.2"
"""What stands for the public web here: the settings of `world` allow this address and no other."""
PRIVATE = "127.0.0.1"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(
    body: str | bytes = b"", status: int = 200, kind: str | None = "text/html; charset=utf-8", **fields: str
) -> bytes:
    """Return the bytes of a response; `fields` are headers with `_` for `-`."""
    data = body.encode() if isinstance(body, str) else body
    head = {"content-length": str(len(data)), **({"content-type": kind} if kind else {})}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"HTTP/1.1 {status} Something", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + data


def moved(to: str, status: int = 302) -> bytes:
    return answer("", status, location=to)


@dataclass
class Site:
    """A site at one address. `pages` maps targets to bytes, or to a function that is given the connection; `asked` are
    the targets in order, `heads` the whole heads."""

    pages: dict[str, bytes | Script] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    address: str = PUBLIC
    port: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_asked(self, target: str, times: int = 1) -> None:
        """Return once a target has been asked for so many times."""
        while self.asked.count(target) < times:
            self._news.clear()
            await self._news.wait()

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            target = head.split(" ")[1]
            self.asked.append(target)
            self.heads.append(head)
            self._news.set()
            page = self.pages.get(target, answer("Nothing here", 404))
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # who came has gone
        finally:
            writer.close()


@asynccontextmanager
async def site(
    pages: dict[str, bytes | Script] | None = None, address: str = PUBLIC, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Site]:
    """A site while the block lasts; nothing of it is left behind."""
    here = Site(dict(pages or {}), address=address)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(here.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, address, 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@dataclass
class Names:
    """A resolver: each name to its addresses; a list of lists answers differently each time, the last for ever."""

    table: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> list[Any]:
        self.asked.append(host)
        if host not in self.table:
            return await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        answers = self.table[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in at], socket.SOCK_STREAM, 6, "", (at, port)) for at in addresses]


@dataclass
class Clock:
    """A clock that goes on only where somebody waits; `waits` are the seconds of each wait."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def world(
    names: Names | None = None, clock: Clock | None = None, limits: Limits | None = None, **settings: Any
) -> AdvancedMCPServer:
    """A web server for which `PUBLIC` is all of the public web."""
    clock = clock or Clock()
    settings.setdefault("allow_networks", (f"{PUBLIC}/32",))
    return make_server(
        WebSettings(**settings, limits=limits or Limits()),
        outside=Outside(names or Names(), clock, clock.sleep),
    )
