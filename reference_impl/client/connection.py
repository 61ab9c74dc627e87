"""One connection to one server, of either era, as its user sees it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import anyio

from reference_impl.client.dispatcher import Dispatcher
from reference_impl.client.errors import RequestFailed, ResourceNotFound
from reference_impl.client.listening import listen
from reference_impl.client.opening import Agreement
from reference_impl.client.paging import list_all
from reference_impl.client.requester import Requester
from reference_impl.client.settings import DEFAULT_OPTIONS, CallOptions, JsonObject
from reference_impl.client.subscriptions import Filter, Subscription
from reference_impl.client.tasks import Tasks
from reference_impl.client.tools import Tools
from reference_impl.protocol.errors import Code
from reference_impl.protocol.lifecycle import LOG_LEVELS
from reference_impl.protocol.messages import Notification
from reference_impl.protocol.revisions import Era, Revision
from reference_impl.protocol.tasks import Task

__all__ = ["ClientConnection"]


class ClientConnection:
    """A conversation that has begun; `connect` makes it.

    Results are JSON objects as the server sent them. Every request raises `NotOffered` where the agreement does not
    allow it, `RequestFailed` for a JSON-RPC error, `RequestTimeout`, `InvalidAnswer`, `InputRefused` and
    `ConnectionClosed`.
    """

    def __init__(
        self, requester: Requester, dispatcher: Dispatcher, *, mirrors: bool, ended: anyio.Event | None = None
    ) -> None:
        self._requester = requester
        self._dispatcher = dispatcher
        self.ended = ended or anyio.Event()
        """Set once the channel has ended, which no later request outlives; over HTTP, which has none, it never is."""
        self.tasks = Tasks(requester)
        self.tools = Tools(requester, self.tasks, mirrors=mirrors)

    # What was agreed ----------------------------------------------------------------------------

    @property
    def agreement(self) -> Agreement:
        """What holds now: revision, capabilities, the server's name for itself, its instructions."""
        return self._requester.agreement

    @property
    def revision(self) -> Revision:
        """The revision that is spoken."""
        return self.agreement.revision

    @property
    def era(self) -> Era:
        """The server's era; a later connection to the same server can be told, which spares it the probe."""
        return self.revision.era

    # Features -----------------------------------------------------------------------------------

    async def request(
        self, method: str, params: JsonObject | None = None, options: CallOptions = DEFAULT_OPTIONS
    ) -> JsonObject:
        """Make any request that the revision knows; return its complete result, for which a task is waited."""
        result = await self._requester.request(method, params, options)
        task = self.tasks.created(result) if method == "tools/call" else None
        return result if task is None else await self.tasks.settle(task, options)

    async def list_tools(self, options: CallOptions = DEFAULT_OPTIONS) -> list[JsonObject]:
        """Return all tools that can be called over this transport."""
        return await self.tools.list(options)

    async def call_tool(
        self, name: str, arguments: JsonObject | None = None, options: CallOptions = DEFAULT_OPTIONS
    ) -> JsonObject:
        """Call a tool and return its result; a tool that failed says so in `isError`.

        Where the call becomes a task, because the server made it one (2026-07-28) or the tool can be called in no other
        way (2025-11-25), its end is waited for; a call that is cancelled or given up takes its task along.
        """
        return await self.tools.call(name, arguments, options)

    async def start_tool(
        self,
        name: str,
        arguments: JsonObject | None = None,
        options: CallOptions = DEFAULT_OPTIONS,
        *,
        ttl: int | None = None,
    ) -> Task | JsonObject:
        """Call a tool and return the task that the call becomes; `tasks` knows what to do with it.

        A server of 2026-07-28 may still return the result. At 2025-11-25 `ttl` is how many milliseconds the task should
        be kept; raises `NotOffered` for a tool that does not run as a task.
        """
        return await self.tools.start(name, arguments, options, ttl=ttl)

    async def list_resources(self, options: CallOptions = DEFAULT_OPTIONS) -> list[JsonObject]:
        """Return all resources."""
        return await list_all(self._requester, "resources/list", options)

    async def list_resource_templates(self, options: CallOptions = DEFAULT_OPTIONS) -> list[JsonObject]:
        """Return all templates of resource URIs."""
        return await list_all(self._requester, "resources/templates/list", options)

    async def read_resource(self, uri: str, options: CallOptions = DEFAULT_OPTIONS) -> JsonObject:
        """Read a resource. Raises `ResourceNotFound` if there is none of this URI, and what a request raises."""
        try:
            return await self.request("resources/read", {"uri": uri}, options)
        except RequestFailed as error:
            # Servers of today still send the code of older revisions (`server/resources#error-handling`).
            if error.code not in (Code.RESOURCE_NOT_FOUND, self.revision.resource_not_found):
                raise
            raise ResourceNotFound(error.code, error.message, error.data, "resources/read") from error

    async def list_prompts(self, options: CallOptions = DEFAULT_OPTIONS) -> list[JsonObject]:
        """Return all prompts."""
        return await list_all(self._requester, "prompts/list", options)

    async def get_prompt(
        self, name: str, arguments: dict[str, str] | None = None, options: CallOptions = DEFAULT_OPTIONS
    ) -> JsonObject:
        """Return a prompt filled with its arguments."""
        params: JsonObject = {"name": name}
        return await self.request(
            "prompts/get", params if arguments is None else params | {"arguments": arguments}, options
        )

    async def complete(
        self,
        reference: JsonObject,
        argument: str,
        value: str,
        context: dict[str, str] | None = None,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> JsonObject:
        """Return completions for an argument of a prompt or a resource template, given what was typed so far.

        `reference` is the specification's `ref`; `context` are the arguments that are already filled in.
        """
        params: JsonObject = {"ref": reference, "argument": {"name": argument, "value": value}}
        if context is not None:
            params["context"] = {"arguments": context}
        return await self.request("completion/complete", params, options)

    # Utilities ----------------------------------------------------------------------------------

    async def set_logging_level(self, level: str) -> None:
        """Ask for log messages of this severity and above: of the session (legacy), or of every request from now on.

        Raises `ValueError` for a level that the specification does not know.
        """
        if level not in LOG_LEVELS:
            raise ValueError(f"{level!r} is none of {', '.join(LOG_LEVELS)}")
        if self.revision.modern:
            self._requester.caller.log_level = level
        else:
            await self.request("logging/setLevel", {"level": level})

    async def ping(self, timeout: float | None = None) -> None:
        """Make sure that the server answers: by `ping`, or at 2026-07-28, which has none, by `server/discover`."""
        method = "server/discover" if self.revision.modern else "ping"
        await self.request(method, None, CallOptions(timeout=timeout, fresh=True))

    async def roots_changed(self) -> None:
        """Tell a legacy server that the roots have changed; a modern one asks anew whenever it wants them."""
        if not self.revision.modern and self._requester.caller.settings.handlers.roots is not None:
            await self._requester.caller.tell(Notification("notifications/roots/list_changed"))

    # Changes ------------------------------------------------------------------------------------

    def listen(self, wanted: Filter) -> AbstractAsyncContextManager[Subscription]:
        """Open a stream of changes, closed with the block: `async with connection.listen(Filter(tools=True)) as news`.

        Iterating over it yields the notifications. Entering raises as a request does.
        """
        return listen(self._requester, self._dispatcher.subscriptions, wanted)
