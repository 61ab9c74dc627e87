"""The judge's side of one conversation: what a check speaks through.

A peer sends what it is told, exactly, and returns what came, uninterpreted. It adds only what a correct client of the
revision adds (metadata, headers, session id), and answers the target's own requests as a plain client would.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from conformance.expect import Mismatch, brief, expect_result
from conformance.guise import BARE, CLIENT_INFO, Guise
from conformance.http_link import HttpLink
from conformance.http_reply import HttpReply, HttpRequest
from conformance.links import Answer, Silence, StreamLink
from conformance.patience import Patience
from conformance.surface import Surface
from conformance.transcript import NO_JSON, Conversation, Entry
from reference_impl.protocol import streamable
from reference_impl.protocol.lifecycle import initialize_params, request_meta
from reference_impl.protocol.messages import Notification, Request
from reference_impl.protocol.revisions import Revision, revision_named

if TYPE_CHECKING:
    from conformance.bench import Bench
    from reference_impl.transports.stdio import StdioProcess

__all__ = ["CLIENT_INFO", "Peer", "encode"]

_ids = itertools.count(random.Random(0).randrange(1000, 9000))  # noqa: S311 - no secret; never 0, which hides id bugs


class Peer:
    """One conversation with the target at one revision.

    `opening` is the answer to `initialize` or `server/discover`; `surface` what the target offers, gathered once and
    shared by all peers of a revision; `heard` every message that was neither an answer nor asked for; `tried` what
    tools answered (`conformance.calling`), `elsewhere` what lists hold on another connection (`conformance.lists`),
    each asked once, behind `trying`; `kept` what else checks do once for each other; `process` the target's process
    where it is a command; `guise` the client that we are to the target, chosen before anything is said.
    """

    def __init__(self, link: StreamLink | HttpLink, revision: Revision, patience: Patience, surface: Surface) -> None:
        self.link = link
        self.revision = revision
        self.patience = patience
        self.surface = surface
        self.bench: Bench | None = None
        self.process: StdioProcess | None = None
        self.guise: Guise = BARE
        self.opening: dict[str, Any] = {}
        self.session: str | None = None
        self.heard: list[Entry] = []
        self.tried: dict[str, Answer | Silence] = {}
        self.elsewhere: dict[str, list[str]] = {}
        self.trying = anyio.Lock()
        self.kept: dict[str, Any] = {}
        self._news: anyio.Event | None = None

    # What is known --------------------------------------------------------------------------------

    @property
    def conversation(self) -> Conversation:
        """The transcript of this peer's connection."""
        return self.link.conversation

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the target declared."""
        return self.conversation.capabilities

    @property
    def over_http(self) -> bool:
        """Whether the conversation runs over Streamable HTTP."""
        return isinstance(self.link, HttpLink)

    @property
    def http(self) -> HttpLink:
        """The HTTP link. Only for checks whose requirements bind `http`."""
        assert isinstance(self.link, HttpLink)
        return self.link

    @property
    def stream(self) -> StreamLink:
        """The stdio or in-memory link. Only for checks whose requirements bind `stdio`."""
        assert isinstance(self.link, StreamLink)
        return self.link

    @property
    def _awake(self) -> bool:
        """Whether the target runs already: a process that has said nothing yet may still be starting."""
        return self.process is None or any(True for _ in self.conversation.received())

    @property
    def modern_only(self) -> bool:
        """Whether the target speaks no revision with a handshake, as far as era detection found."""
        assert self.bench is not None
        return all(revision.modern for revision in self.bench.spoken)

    def another(self) -> AbstractAsyncContextManager[Peer]:
        """A further peer on a new connection to the same target, its handshake done."""
        assert self.bench is not None
        return self.bench.opened(self.conversation.purpose)

    # Opening --------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Do the handshake of the revision's era. Raises `Mismatch` if the target does not take part in it."""
        await self.conclude(await self.ask_opening())

    async def conclude(self, answer: Answer) -> None:
        """Do the rest of the handshake once its first request is answered. Raises `Mismatch` as `open` does."""
        self.opening = expect_result(answer)
        if not self.revision.modern:
            self._agree_on(self.opening.get("protocolVersion"), answer.entry)
            await self.notify("notifications/initialized")
        self.conversation.revision = self.revision.name
        declared = self.opening.get("capabilities")
        self.conversation.capabilities = declared if isinstance(declared, dict) else {}

    async def ask_opening(self) -> Answer:
        """Send the first request of the revision's era and return its answer, whatever it says."""
        answer = await self.call(self.opening_request(), timeout=self.patience.start)
        if answer.head is not None:
            self.session = answer.head.get(streamable.SESSION_ID)
        return answer

    def opening_request(self) -> dict[str, Any]:
        """Return a correct first request of the revision's era."""
        params = (
            None if self.revision.modern else initialize_params(self.revision, self.guise.info, self.guise.capabilities)
        )
        return self.message(self.opening_method, params)

    @property
    def opening_method(self) -> str:
        """The first request of the revision's era."""
        return "server/discover" if self.revision.modern else "initialize"

    @property
    def cheap_method(self) -> str:
        """A request without parameters that every server of the era answers."""
        return "server/discover" if self.revision.modern else "ping"

    async def farewell(self) -> None:
        """End the session, where there is one, as a polite client does (2025-11-25 `#session-management`)."""
        if self.session is not None and isinstance(self.link, HttpLink):
            headers = {**self.headers_for(None), "accept": None, "content-type": None}
            with suppress(Mismatch):
                await self.link.exchange(HttpRequest("DELETE", headers=headers), self.patience.quiet)

    def _agree_on(self, version: Any, entry: Entry) -> None:
        chosen = revision_named(version)
        if chosen is None or chosen.modern:
            raise Mismatch("a protocolVersion of the handshake era", brief(version), [entry.index])
        self.revision = chosen

    # Speaking -------------------------------------------------------------------------------------

    def new_id(self) -> int:
        """Return a request id that no peer of this run has used."""
        return next(_ids)

    def params(self, params: dict[str, Any] | None, meta: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Return params as a correct client of the revision sends them, with `meta` added to `_meta`."""
        merged = request_meta(self.revision, self.guise.info, self.guise.capabilities) if self.revision.modern else {}
        merged |= dict(meta or {})
        if not merged:
            return params
        own = (params or {}).get("_meta")
        return {**(params or {}), "_meta": merged | (own if isinstance(own, dict) else {})}

    def message(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        id: Any = None,  # noqa: A002 - JSON-RPC's own name
        meta: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return a correct request of the revision, to be sent as it is or spoiled."""
        message = {"jsonrpc": "2.0", "id": self.new_id() if id is None else id, "method": method}
        complete = self.params(params, meta)
        return message if complete is None else message | {"params": complete}

    async def request(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        id: Any = None,  # noqa: A002 - JSON-RPC's own name
        meta: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a correct request and return its answer, whatever it says.

        Raises `Silence` after the deadline, `Gone` if the target ends the conversation.
        """
        return await self.call(self.message(method, params, id=id, meta=meta), timeout=timeout)

    async def call(
        self,
        message: dict[str, Any],
        *,
        headers: Mapping[str, str | None] | None = None,
        defect: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send `message` as it is, which may be wrong in the way that `defect` names, and wait for an answer.

        `headers` change those that go with it over HTTP (None removes one).
        """
        patience = timeout or (self.patience.answer if self._awake else self.patience.start)
        data = encode(message)
        if isinstance(self.link, StreamLink):
            return await self.link.call(data, message, patience, defect)
        merged = {**self.headers_for(message), **(headers or {})}
        return await self.link.call(HttpRequest("POST", data, merged, message, defect), patience)

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> HttpReply | None:
        """Send a notification; over HTTP return the reply."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        return await self.tell(message if params is None else message | {"params": params})

    async def tell(self, message: Any, defect: str | None = None) -> HttpReply | None:
        """Send any JSON value and wait for no answer; over HTTP return the reply."""
        data = encode(message)
        if isinstance(self.link, StreamLink):
            await self.link.send(data, message, defect)
            return None
        request = HttpRequest("POST", data, self.headers_for(message), message, defect)
        return await self.link.exchange(request, self.patience.answer)

    async def post(
        self, body: bytes, headers: Mapping[str, str | None] | None = None, defect: str | None = None
    ) -> HttpReply:
        """POST raw bytes with a correct client's headers, changed by `headers`."""
        value = json_or_nothing(body)
        merged = {**self.headers_for(value), **(headers or {})}
        return await self.http.exchange(HttpRequest("POST", body, merged, value, defect), self.patience.answer)

    def headers_for(self, message: Any) -> dict[str, str]:
        """Return the headers that a correct client of the revision sends with a message."""
        typed = _typed(message)
        schema = self.surface.input_schema((typed.params or {}).get("name")) if isinstance(typed, Request) else None
        return streamable.request_headers(typed, self.revision, session=self.session, schema=schema)

    async def fence(self) -> Answer:
        """Ask something cheap that any target answers: what was sent before it has been dealt with."""
        return await self.request(self.cheap_method)

    async def overhear(self, wanted: Callable[[Entry], bool], timeout: float, since: int = 0) -> Entry | None:
        """Return the first of `heard`, from `since` on, that is wanted, as soon as it came; None after the deadline."""
        with anyio.move_on_after(timeout):
            while True:
                news = self._news = self._news or anyio.Event()
                found = next((entry for entry in self.heard[since:] if wanted(entry)), None)
                if found is not None:
                    return found
                await news.wait()
        return None

    async def hear(self, entry: Entry) -> None:
        """Take a message that answers nothing: keep it, and answer it if it is a request."""
        self.heard.append(entry)
        news, self._news = self._news, None
        if news is not None:
            news.set()
        if entry.is_request() and not self.revision.modern:
            if self.bench is None or (self.over_http and self.guise is BARE):
                await self._answer(entry)
            else:
                # Not here: a target that reads nothing, or asks on, before we read on would stop us both.
                self.bench.later(partial(self._answer, entry))

    async def _answer(self, entry: Entry) -> None:
        # That the target has gone, or does not take the answer, is told by whatever is asked of it next.
        with suppress(Mismatch):
            await self._reply(entry)

    async def _reply(self, entry: Entry) -> None:
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": entry.value["id"]}
        if entry.value["method"] == "ping":
            reply["result"] = {}
        elif (answer := await self.guise.answer(entry.value)) is not None:
            if not answer:
                return
            reply |= answer
        else:
            reply["error"] = {"code": -32601, "message": "Touchstone does not declare that client capability"}
        await self.tell(reply)


def encode(message: Any) -> bytes:
    """Encode any JSON value as UTF-8, non-ASCII characters as themselves."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def json_or_nothing(data: bytes) -> Any:
    """Return the JSON value of `data`, or `NO_JSON`."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return NO_JSON


def _typed(message: Any) -> Request | Notification:
    """Return enough of a message to compute its headers, however wrong the rest of it is."""
    fields = message if isinstance(message, dict) else {}
    method, params = fields.get("method"), fields.get("params")
    text = method if isinstance(method, str) else ""
    members = params if isinstance(params, dict) else None
    return Request(0, text, members) if "id" in fields and "method" in fields else Notification(text, members)
