"""An upstream that records what reaches it over real HTTP, and gateways to it."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.gateway import GatewaySettings, Pace, make_server

Json = dict[str, Any]
Responder = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Seen:
    """One request as it came: `target` is what stood in its first line."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass
class Upstream:
    """Where it listens, what it saw, and how it answers."""

    url: str
    answer: Responder
    seen: list[Seen] = field(default_factory=list)

    @property
    def last(self) -> Seen:
        return self.seen[-1]


async def fine(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"ok": True})


@asynccontextmanager
async def upstream(
    answer: Responder = fine, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Upstream]:
    async def record(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        there.seen.append(Seen(request.method, request.raw_path, headers, await request.read()))
        return await there.answer(request)

    application = web.Application(client_max_size=2**24)
    application.router.add_route("*", "/{path:.*}", record)
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True, ssl_context=tls).start()
    there = Upstream(f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}", answer)
    try:
        yield there
    finally:
        await runner.cleanup()


def answering(*replies: tuple[int, dict[str, str], bytes]) -> Responder:
    """Return what gives these answers one after the other, the last of them for ever."""
    left = list(replies)

    async def answer(_request: web.Request) -> web.StreamResponse:
        status, headers, body = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, headers=headers, body=body)

    return answer


def operation(**more: Any) -> Json:
    return {"responses": {"200": {"description": "Fine"}}, **more}


def parameter(name: str, place: str, schema: Any = None, **more: Any) -> Json:
    found: Json = {"name": name, "in": place, "schema": {"type": "string"} if schema is None else schema, **more}
    return found | ({"required": True} if place == "path" else {})


def document(paths: Json, version: str = "3.1.0", **more: Any) -> Json:
    return {"openapi": version, "info": {"title": "Test", "version": "1"}, "paths": paths, **more}


def saved(folder: Path, value: Json) -> str:
    place = folder / "openapi.json"
    place.write_text(json.dumps(value), "utf-8")
    return str(place)


def gateway(
    folder: Path, value: Json, server: str | None = "http://127.0.0.1:9", pace: Pace | None = None, **more: Any
) -> AdvancedMCPServer:
    """Make a gateway to a document, every operation of it, with an empty environment."""
    given = {"write": True, "environ": {}, **more}
    return make_server(GatewaySettings(document=saved(folder, value), server=server, **given), pace=pace)


class Waiting:
    """Time that passes only by sleeping, and no chance in it."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.slept: list[float] = []
        self.pace = Pace(lambda: self.time, self.sleep, lambda: 1.0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
