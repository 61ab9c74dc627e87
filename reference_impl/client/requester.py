"""A request from the user's call to a complete result: capabilities, cache, lost sessions, further questions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from reference_impl.client.answers import Answers
from reference_impl.client.cache import ResultCache
from reference_impl.client.caller import Caller
from reference_impl.client.errors import InvalidAnswer, NotOffered, RequestFailed, SessionLost
from reference_impl.client.opening import Agreement
from reference_impl.client.settings import DEFAULT_OPTIONS, CallOptions, JsonObject
from reference_impl.client.wire import Answer
from reference_impl.protocol.errors import CODES, Code
from reference_impl.protocol.messages import ErrorResponse
from reference_impl.protocol.methods import TASKS, Method, find

__all__ = ["Requester"]


class Requester:
    """Makes requests that the agreement allows. `renew` replaces the agreement that it is given, whose session is lost,
    unless that has been done already."""

    def __init__(
        self,
        caller: Caller,
        agreement: Agreement,
        cache: ResultCache,
        answers: Answers,
        renew: Callable[[Agreement], Awaitable[None]],
    ) -> None:
        self.caller = caller
        self.agreement = agreement
        self.cache = cache
        self._renew = renew
        self._answers = answers

    async def request(
        self, method: str, params: JsonObject | None = None, options: CallOptions = DEFAULT_OPTIONS, schema: Any = None
    ) -> JsonObject:
        """Return the complete result of a request, from the cache where its hints allow; or the task that it became.

        Raises `NotOffered`, `RequestFailed`, `RequestTimeout`, `InvalidAnswer`, `InputRefused`, `ConnectionClosed`.
        """
        row = self.offered(method)
        cacheable = row.caches and self.agreement.revision.caching_hints
        context = self._context()
        found = self.cache.find(method, params, context) if cacheable and not options.fresh else None
        if found is not None:
            return found
        age = self.cache.age(method)
        result, rounds = await self._converse(row, params, options, schema)
        # What answers to an input is no answer to the bare request (`server/utilities/caching#cache-key`).
        if cacheable and not rounds and (age, context) == (self.cache.age(method), self._context()):
            self.cache.keep(method, params, result, context)
        return result

    def _context(self) -> str:
        """Name the authorization that requests are made under, for results that are private to it."""
        authorizer = self.caller.settings.authorizer
        return "" if authorizer is None else str(authorizer.generation)

    def offered(self, method: str) -> Method:
        """Return the method's row. Raises `NotOffered` if the revision lacks it or the server did not declare it."""
        revision = self.agreement.revision
        row = find(method, revision)
        if row is None:
            raise NotOffered(f"{revision} has no {method}, and that is what this server speaks")
        undeclarable = row.capability == "completions" and not revision.completions_capability
        if row.capability is not None and not undeclarable and not self.agreement.offers(row.capability):
            raise NotOffered(f"{method} cannot be asked for: the server declares no capability {row.capability}")
        if row.extension is not None and not self._shares(row.extension):
            raise NotOffered(f"{method} cannot be asked for: not both sides declare the extension {row.extension}")
        return row

    def _shares(self, extension: str) -> bool:
        """Tell whether both sides declare an extension."""
        own = self.caller.settings.handlers.capabilities(self.agreement.revision)
        sides = (own.get("extensions"), self.agreement.capabilities.get("extensions"))
        return all(isinstance(side, dict) and extension in side for side in sides)

    async def _converse(
        self, row: Method, params: JsonObject | None, options: CallOptions, schema: Any
    ) -> tuple[JsonObject, int]:
        """Ask until the result is complete; return it, and how many rounds of input it took (`patterns/mrtr`)."""
        answered: JsonObject = {}
        for rounds in range(self.caller.settings.input_rounds + 1):
            # Each round is a request of its own, with an id of its own; state and inputs go into no other request.
            asked = {**(params or {}), **answered} if answered else params
            try:
                result = _result(row.name, await self._answer(row.name, asked, options, schema))
            except RequestFailed as error:
                if await self._browsed(error):
                    continue
                raise
            if self._complete(row, result):
                return result, rounds
            answered = await self._inputs(result)
        raise InvalidAnswer(f"{row.name}: the server still asks for input after {rounds} rounds")

    async def _answer(self, method: str, params: JsonObject | None, options: CallOptions, schema: Any) -> Answer:
        agreement = self.agreement
        try:
            return await self.caller.call(method, params, options, schema)
        except SessionLost:
            await self._renew(agreement)
            if params is not None and "cursor" in params:
                # A cursor is of its session (`server/utilities/pagination#implementation-guidelines`).
                raise SessionLost(f"{method}: a new session has begun, which does not know this cursor") from None
        return await self.caller.call(method, params, options, schema)

    async def _browsed(self, error: RequestFailed) -> bool:
        """Tell whether a refused request may be made again: if the user did in a browser what the server wanted."""
        revision = self.agreement.revision
        if error.code != Code.URL_ELICITATION_REQUIRED or revision not in CODES[error.code].window:
            return False
        return await self._answers.to_browser(error.data, revision, self.caller.settings.maximum)

    def _complete(self, row: Method, result: JsonObject) -> bool:
        """Tell whether a result is complete. Raises `InvalidAnswer` for a type that this request cannot have."""
        kind = result.get("resultType", "complete") if self.agreement.revision.result_type else "complete"
        if kind == "complete":
            return True
        if kind == "input_required" and row.asks:
            return False
        if kind == "task" and row.defers and self._shares(TASKS):
            return True  # nothing more will come of this request
        raise InvalidAnswer(f"{row.name}: the server answered with a result of type {kind!r}")

    async def _inputs(self, result: JsonObject) -> JsonObject:
        """Return the members that the retry has to add: the inputs, and the state exactly as it came."""
        if "inputRequests" not in result and "requestState" not in result:
            raise InvalidAnswer("input is required, but neither inputRequests nor requestState say of what kind")
        added: JsonObject = {}
        if "inputRequests" in result:
            added["inputResponses"] = await self.inputs(result["inputRequests"])
        if "requestState" in result:
            added["requestState"] = result["requestState"]
        return added

    async def inputs(self, wanted: Any) -> JsonObject:
        """Return what `inputRequests` ask for, by their keys. Raises `InvalidAnswer`, `InputRefused`."""
        return await self._answers.to_inputs(wanted, self.agreement.revision)


def _result(method: str, answer: Answer) -> JsonObject:
    if isinstance(answer, ErrorResponse):
        raise RequestFailed(answer.code, answer.message, answer.data, method)
    if not isinstance(answer.result, dict):
        raise InvalidAnswer(f"the result of {method} is not an object")
    return answer.result
