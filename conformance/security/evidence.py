"""What a probe leaves out to be touched: canary files in a folder of its own, and a listener on loopback.

Nothing else counts as evidence: a canary's content that comes back, a file that appears or changes, a connection that
brings our token. Everything lies in one folder that goes away with the run.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from conformance.expect import Blocked

__all__ = ["Canary", "Listener", "Traps", "listening", "set_traps", "token"]

LOOPBACK = "127.0.0.1"
_HEAD = 8192
_REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 8\r\nconnection: close\r\n\r\nreached\n"
_REDIRECT = "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def token() -> str:
    """Return a word that nobody can know who was not told."""
    return "tschn" + secrets.token_hex(12)


@dataclass(frozen=True, slots=True)
class Canary:
    """A file of ours, and what is written in it. The content is never sent to the target, so it can be no echo."""

    path: Path
    content: str

    def sung(self, text: str) -> bool:
        """Whether a text holds the content, plainly or in base64."""
        return self.content in text or base64.b64encode(self.content.encode()).decode() in text

    def moved(self) -> str | None:
        """Say what became of the file, or return None while it is as we left it."""
        try:
            found = self.path.read_text("utf-8", "replace")
        except OSError:
            return f"{self.path} is gone"
        return None if found == self.content else f"{self.path} holds something else now"


class Traps:
    """The folder of canaries. `fresh` names a file that does not exist, for each attempt another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def canary(self, folder: Path | None = None) -> Canary:
        """Write a canary, here or in another folder. Raises `OSError`."""
        # A length that base64 writes without padding, so that it stays recognisable there.
        canary = Canary((folder or self.folder) / f"canary-{secrets.token_hex(4)}.txt", (token() + "0" * 3)[:30])
        canary.path.write_text(canary.content, "utf-8")
        return canary

    def fresh(self) -> Path:
        """Return the path of a file that does not exist."""
        return self.folder / f"sprung-{secrets.token_hex(6)}"


@asynccontextmanager
async def set_traps(outside: Path | None) -> AsyncIterator[Traps]:
    """A folder of canaries that does not lie within `outside`, for as long as the block lasts. Raises `Blocked`."""
    place = Path(tempfile.gettempdir()).resolve()  # noqa: ASYNC240 - once, and local
    if outside is not None and place.is_relative_to(outside):
        place = outside.parent
    try:
        folder = Path(tempfile.mkdtemp(prefix="touchstone-canary-", dir=place))
    except OSError as error:
        raise Blocked(f"there is no place for canaries in {place}: {error.strerror}") from None
    try:
        yield Traps(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Listener:
    """A listener of ours. `paths` are those that were asked for; `redirects` maps some to where they send on."""

    port: int
    paths: list[str] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)

    def url(self, path: str, host: str = LOOPBACK) -> str:
        """Return the address of a path here, with the host spelt in some way."""
        return f"http://{host}:{self.port}/{path}"

    def reached(self, path: str) -> bool:
        """Whether anybody asked for that path."""
        return any(path in found for found in self.paths)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request, and answer it."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(5):
                line = (await reader.readline())[:_HEAD].decode("latin-1")
                while (await reader.readline()).strip():
                    pass
                self.paths.append(line)
                name = line.split(" ")[1].strip("/") if line.count(" ") else ""
                where = self.redirects.get(name)
                writer.write(_REPLY if where is None else _REDIRECT.format(where).encode())
                await writer.drain()
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """A listener at 127.0.0.1, and at ::1 where there is one. Raises `OSError`."""
    listener = Listener(0)
    async with await asyncio.start_server(listener.answer, LOOPBACK, 0) as server:
        listener.port = server.sockets[0].getsockname()[1]
        beside = None
        with suppress(OSError):
            beside = await asyncio.start_server(listener.answer, "::1", listener.port)
        try:
            yield listener
        finally:
            if beside is not None:
                beside.close()
