"""The sample API: a few notes in memory, served over real HTTP on loopback, so that the gateway has something to do at
once. It is no part of a gateway to anything else.

It takes requests with its key alone, which is made anew for each process and known to the gateway; the name
`notes.sample.localhost` is resolved by the gateway itself, to the port that the sample got.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.servers.gateway.document import Document, parsed
from reference_impl.servers.gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.abc import AbstractResolver

__all__ = ["Sample"]

_VARIABLE = "TOUCHSTONE_GATEWAY_NOTES_KEY"
_MOST_NOTES = 1_000
_FIRST: tuple[dict[str, Any], ...] = (
    {"title": "Welcome", "text": "These notes live in memory. Change them as you like.", "tags": ["sample"]},
    {"title": "Shopping", "text": "- bread\n- apples", "tags": ["home", "list"]},
    {"title": "Release", "text": "Ask the database before the weekend.", "tags": ["work"]},
)
Note = dict[str, Any]


class Sample:
    """The notes, and the service around them."""

    def __init__(self) -> None:
        self._key = secrets.token_urlsafe(24)
        self._made = 0
        self._notes: dict[str, Note] = {}
        for draft in _FIRST:
            self._add(draft)

    def document(self) -> Document:
        """Return the sample's OpenAPI document."""
        data = files("reference_impl.servers.gateway").joinpath("sample.json").read_bytes()
        return parsed(data, "the sample")

    def settings(self, given: GatewaySettings) -> GatewaySettings:
        """Return the settings with the sample's key where a gateway looks for it."""
        return replace(given, environ={**given.environ, _VARIABLE: self._key})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[AbstractResolver]:
        """Serve on a free port of loopback; yields what resolves every name to it."""
        from aiohttp import web

        runner = web.AppRunner(self._application(), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield _resolver(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        from aiohttp import web

        @web.middleware
        async def guarded(request: web.Request, handler: Any) -> web.StreamResponse:
            key = request.headers.get("x-notes-key", "")
            if request.path != "/v1/status" and not secrets.compare_digest(key.encode(), self._key.encode()):
                return _json({"error": "the key is missing or wrong"}, 401)
            answer: web.StreamResponse = await handler(request)
            return answer

        application = web.Application(middlewares=[guarded], client_max_size=256 * 1024)
        one = "/v1/notes/{id}"
        application.router.add_get("/v1/notes", self._list, allow_head=False)
        application.router.add_post("/v1/notes", self._create)
        application.router.add_get(one, self._read, allow_head=False)
        application.router.add_put(one, self._replace)
        application.router.add_delete(one, self._delete)
        application.router.add_get(f"{one}/text", self._text, allow_head=False)
        application.router.add_get("/v1/status", self._status, allow_head=False)
        return application

    def _add(self, draft: Note) -> Note:
        self._made += 1
        note = {"id": f"n{self._made}", "text": "", "tags": [], **draft}
        self._notes[note["id"]] = note
        return note

    async def _list(self, request: web.Request) -> web.Response:
        tags, after = set(request.query.getall("tag", [])), request.query.get("after")
        if after is not None and after not in self._notes:
            return _json({"error": "there is no note to begin after"}, 400)
        limit = request.query.get("limit", "20")
        if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit[:4]) <= 50):
            return _json({"error": "limit must be 1 to 50"}, 400)
        known = list(self._notes)
        later = known[known.index(after) + 1 :] if after is not None else known
        found = [self._notes[name] for name in later if tags <= set(self._notes[name]["tags"])]
        page = found[: int(limit)]
        return _json({"notes": page, "next": page[-1]["id"] if len(found) > len(page) else None})

    async def _create(self, request: web.Request) -> web.Response:
        draft = await _draft(request)
        if draft is None:
            return _json({"error": "a note is an object with a title"}, 400)
        if len(self._notes) >= _MOST_NOTES:
            return _json({"error": f"there are {_MOST_NOTES} notes, which is all that the sample holds"}, 409)
        return _json(self._add(draft), 201)

    async def _read(self, request: web.Request) -> web.Response:
        note = self._notes.get(request.match_info["id"])
        return _missing() if note is None else _json(note)

    async def _replace(self, request: web.Request) -> web.Response:
        name, draft = request.match_info["id"], await _draft(request)
        if name not in self._notes:
            return _missing()
        if draft is None:
            return _json({"error": "a note is an object with a title"}, 400)
        self._notes[name] = {"id": name, "text": "", "tags": [], **draft}
        return _json(self._notes[name])

    async def _delete(self, request: web.Request) -> web.Response:
        from aiohttp import web

        return _missing() if self._notes.pop(request.match_info["id"], None) is None else web.Response(status=204)

    async def _text(self, request: web.Request) -> web.Response:
        from aiohttp import web

        note = self._notes.get(request.match_info["id"])
        if note is None:
            return _missing()
        return web.Response(text=f"# {note['title']}\n\n{note['text']}\n", content_type="text/markdown")

    async def _status(self, _request: web.Request) -> web.Response:
        return _json({"notes": len(self._notes)})


async def _draft(request: web.Request) -> Note | None:
    """Return what a request wants a note to be; None for what is no note."""
    try:
        body = decode_json(await request.read())
    except RemoteProtocolError:
        return None
    match body:
        case {"title": str(title), **rest} if title and rest.keys() <= {"text", "tags"}:
            tags = rest.get("tags", [])
            sound = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
            return body if sound and isinstance(rest.get("text", ""), str) else None
    return None


def _json(value: Any, status: int = 200) -> web.Response:
    from aiohttp import web

    return web.Response(body=encode_json(value), status=status, content_type="application/json")


def _missing() -> web.Response:
    return _json({"error": "there is no such note"}, 404)


def _resolver(at: int) -> AbstractResolver:
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Resolver(AbstractResolver):
        async def resolve(
            self,
            host: str,
            port: int = 0,  # noqa: ARG002 - the sample has one of its own
            family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - it listens on IPv4
        ) -> list[ResolveResult]:
            return [ResolveResult(hostname=host, host="127.0.0.1", port=at, family=socket.AF_INET, proto=0, flags=0)]

        async def close(self) -> None:
            """Nothing to close."""

    return Resolver()
