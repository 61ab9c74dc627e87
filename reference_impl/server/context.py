"""What a handler can ask of its surroundings: report progress, log, ask the client, know who is calling."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import LOG_LEVELS
from reference_impl.protocol.messages import Notification
from reference_impl.protocol.revisions import Revision
from reference_impl.server.access import ACCESS, Access
from reference_impl.server.asking import ask_client, checked
from reference_impl.server.deadline import lift_deadline, paused
from reference_impl.server.errors import ToolError
from reference_impl.server.exchange import Exchange
from reference_impl.server.inputs import InputRequired, Inputs, Question
from reference_impl.server.questions import check_form, check_messages, check_url
from reference_impl.server.tracing import trace_context

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["Context"]

_SEVERITY = {level: rank for rank, level in enumerate(LOG_LEVELS)}


class Context:
    """Given to handlers that have a parameter named `context`."""

    __slots__ = ("_asked", "_exchange", "_inputs", "server")

    def __init__(self, server: AdvancedMCPServer, exchange: Exchange, inputs: Inputs) -> None:
        self.server = server
        self._exchange = exchange
        self._inputs = inputs
        self._asked = False

    @property
    def revision(self) -> Revision:
        """The revision that this request is served by."""
        return self._exchange.revision

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the client declared."""
        return self._exchange.capabilities

    def require(self, capability: str, member: str | None = None) -> None:
        """Check that the client declared a capability, and in it `member`. Raises `RemoteProtocolError`."""
        self._exchange.require(capability, member)

    @property
    def client_info(self) -> Mapping[str, Any]:
        """Name and version of the client as it gave them; for display only."""
        return self._exchange.client_info or {}

    @property
    def principal(self) -> str | None:
        """Whom the authentication hook named, or None."""
        return self._exchange.principal

    @property
    def access(self) -> Access | None:
        """What the token of this request says, or None without authorization. It is not the token: that is for this
        server alone, and is never passed on (`basic/authorization#token-handling`)."""
        return ACCESS.get()

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of the token of this request."""
        access = ACCESS.get()
        return frozenset() if access is None else access.scopes

    @property
    def trace(self) -> Mapping[str, str]:
        """`traceparent`, `tracestate` and `baggage` as the client sent them (W3C Trace Context), for spans and nobody
        else (`basic/index#meta`)."""
        return trace_context(self._exchange.request.params)

    @property
    def request_id(self) -> str | int:
        """The id of the request, as the client chose it: unique among its own, and no secret."""
        return self._exchange.request.id

    @property
    def progress_token(self) -> str | int | None:
        """The token that opts into progress, or None."""
        return self._exchange.progress_token

    def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Report progress, if the client asked for it. A value that does not rise is left out: they must
        (`basic/utilities/progress#progress-flow`). In a task the message becomes the task's own, too."""
        exchange = self._exchange
        if exchange.run is not None and message is not None:
            self.say(message)
        if exchange.progress_token is None or not math.isfinite(progress):
            return
        if exchange.progress is not None and progress <= exchange.progress:
            return
        exchange.progress = progress
        params: dict[str, Any] = {"progressToken": exchange.progress_token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message is not None and exchange.revision.progress_message:
            params["message"] = message
        exchange.notify("notifications/progress", params)

    def log(self, level: str, data: Any, logger: str | None = None) -> None:
        """Send a log message if the client wants that level: a modern one has to name it, a legacy one may."""
        exchange = self._exchange
        lowest = exchange.log_level if exchange.session is None else exchange.session.log_level or "debug"
        if lowest is None or not self.server.options.logs or _SEVERITY[level] < _SEVERITY[lowest]:
            return
        params = {"level": level, "data": data}
        exchange.notify("notifications/message", params if logger is None else params | {"logger": logger})

    def say(self, message: str) -> None:
        """Say in words how it goes, to those who look at the task; without a task nobody hears it."""
        run = self._exchange.run
        if run is not None and run.live:
            run.say(message)

    @property
    def is_task(self) -> bool:
        """Whether this request is being carried out as a task."""
        run = self._exchange.run
        return run is not None and run.live

    @property
    def asked(self) -> bool:
        """Whether it depends on what the client was asked, now or before: then the result is this user's alone."""
        return self._asked or bool(self._inputs.answers) or self._inputs.notes is not None

    async def begin_task(self) -> bool:
        """Go on as a task from here, where the tool `begins` its tasks itself; the client is answered now.

        Returns whether this is a task: not if the client did not say that it can handle one, or there are too many.
        What is asked before goes to the client as without tasks (`extensions/tasks#task-creation`).
        """
        run = self._exchange.run
        begun = run is not None and await run.start()
        if begun:
            lift_deadline()
        return begun

    async def elicit(
        self, message: str, schema: dict[str, Any], key: str = "elicit", *, as_task: bool = False
    ) -> dict[str, Any]:
        """Ask the user to fill in a form. `schema` is a flat object schema (`client/elicitation`).

        Returns the `ElicitResult`; accepted content fits the schema. `key` tells several questions of one handler
        apart. `as_task` lets a client that can (2025-11-25) take it as a task, for users who may need long. Raises
        `ValueError` for a schema that is no form.
        """
        check_form(schema, self.revision)
        params: dict[str, Any] = {"message": message, "requestedSchema": schema}
        if self.revision.url_elicitation:
            params["mode"] = "form"
        answers = await self.ask({key: Question("elicitation/create", params, as_task)})
        return dict(answers[key])

    async def elicit_url(
        self, message: str, url: str, key: str = "elicit_url", *, identifier: str | None = None
    ) -> dict[str, Any]:
        """Ask the user to visit a page, for what must not pass through the client (`client/elicitation#url-mode`).

        Returns the `ElicitResult`; `accept` means only that the user agreed to go there. `identifier` is what
        `elicitation_complete` will name, unique to this visit.
        """
        answers = await self.ask({key: Question("elicitation/create", self._visit(message, url, identifier))})
        return dict(answers[key])

    async def require_visit(self, message: str, url: str, *, identifier: str | None = None) -> None:
        """Refuse to go on before the user has visited a page. Call it only while that has not happened.

        At 2025-11-25 the request fails with the page (-32042, `client/elicitation#url-elicitation-required-error`) and
        the client makes it again afterwards; later, the page is asked for like any input, and this returns once the
        user has agreed to go there. Raises `ToolError` where clients cannot or users will not.
        """
        params = self._visit(message, url, identifier)
        question = Question("elicitation/create", params)
        self._require(question)
        if not self.revision.modern:
            raise RemoteProtocolError(Code.URL_ELICITATION_REQUIRED, message, {"elicitations": [params]})
        answers = await self.ask({"visit": question})
        if answers["visit"]["action"] != "accept":
            raise ToolError(f"Cannot go on without the page: {message}")

    def _visit(self, message: str, url: str, identifier: str | None) -> dict[str, Any]:
        check_url(url)
        params = {"mode": "url", "message": message, "url": url}
        if not self.revision.modern:
            params["elicitationId"] = identifier or secrets.token_urlsafe(16)
        return params

    def elicitation_complete(self, identifier: str) -> None:
        """Tell the client that asked, and no other, that the visit `identifier` has done what it was for; handlers may
        have returned long before (`client/elicitation#completion-notifications-for-url-mode-elicitation`)."""
        session = self._exchange.session
        modes = {} if session is None else session.capabilities.get("elicitation")
        if session is not None and session.revision.url_elicitation and isinstance(modes, dict) and "url" in modes:
            session.send(Notification("notifications/elicitation/complete", {"elicitationId": identifier}))

    async def sample(
        self,
        messages: list[dict[str, Any]],
        max_tokens: int,
        key: str = "sample",
        *,
        as_task: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        """Ask the client's model for a completion; returns the `CreateMessageResult`. `more` are further parameters;
        `as_task` as in `elicit`."""
        check_messages(messages)
        params = {"messages": messages, "maxTokens": max_tokens, **more}
        answers = await self.ask({key: Question("sampling/createMessage", params, as_task)})
        return dict(answers[key])

    async def roots(self, key: str = "roots") -> list[dict[str, Any]]:
        """Ask for the client's roots, each with `uri` and perhaps `name`; a client that tells of changes is asked again
        only after one (`client/roots#implementation-guidelines`)."""
        session = self._exchange.session
        self._asked = True  # though it may have been in an earlier request
        if session is not None and session.roots is not None:
            return list(session.roots)
        changes = None if session is None else session.roots_changes
        answers = await self.ask({key: Question("roots/list")})
        roots = list(answers[key].get("roots", []))
        if session is not None and session.tells_of_roots and changes == session.roots_changes:
            session.roots = list(roots)
        return roots

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, dict[str, Any]]:
        """Ask several things at once; returns the results by key.

        Raises `ToolError` if a legacy client cannot or will not answer, `RemoteProtocolError` if a modern one did not
        declare that it can, or answers what was not asked.
        """
        for question in questions.values():
            self._require(question)
        self._asked = True
        run = self._exchange.run
        if run is not None and run.live:
            with paused():
                return await run.ask(questions)
        if self._exchange.session is not None:
            with paused():
                return {key: await self._ask_legacy(question) for key, question in questions.items()}
        missing = {key: question for key, question in questions.items() if key not in self._inputs.answers}
        if missing:
            raise InputRequired(missing, self._inputs.notes)
        return {key: checked(question, self._inputs.answers[key]) for key, question in questions.items()}

    def _require(self, question: Question) -> None:
        exchange = self._exchange
        capability, members = _needed(question, exchange.revision)
        try:
            for member in members:
                exchange.require(capability, member)
        except RemoteProtocolError as error:
            if exchange.session is None:
                raise
            raise ToolError(error.message) from None

    async def _ask_legacy(self, question: Question) -> dict[str, Any]:
        session = self._exchange.session
        if session is None or not session.initialized:
            raise ToolError("The client has not finished its initialization")
        return await ask_client(session, question, self._exchange.send, self.server.options.ask_timeout)

    @property
    def notes(self) -> Any:
        """What an earlier run of this handler left with `again`, or None."""
        return self._inputs.notes

    def again(self, notes: Any) -> InputRequired:
        """Return an exception to raise: the client is to send the request again, with `notes` (JSON) kept for that
        run."""
        if not self.revision.modern:
            raise ToolError("Requests in several rounds need revision 2026-07-28")
        return InputRequired({}, notes)

    def close_stream(self) -> None:
        """Close the connection that awaits the result, where it can be resumed (2025-11-25 over HTTP); the client
        fetches the rest by reconnecting (`basic/transports#sending-messages-to-the-server`)."""
        if self._exchange.close_stream is not None:
            self._exchange.close_stream()


def _needed(question: Question, revision: Revision) -> tuple[str, list[str | None]]:
    """Return the client's capability that a question needs, and which members of it (None: its mere declaration)."""
    params = question.params
    match question.method:
        case "elicitation/create":
            mode = params.get("mode", "form")
            if not revision.elicitation or (mode == "url" and not revision.url_elicitation):
                raise ToolError(f"Revision {revision} has no elicitation in mode {mode}")
            return "elicitation", [mode if revision.url_elicitation else None]
        case "sampling/createMessage":
            tools = ["tools"] if "tools" in params or "toolChoice" in params else []
            context = ["context"] if params.get("includeContext", "none") != "none" else []
            return "sampling", [None, *tools, *context]
    return "roots", [None]
