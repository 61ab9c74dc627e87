"""Asking the client for input, in the way of its era.

Legacy: a JSON-RPC request to the client. Modern: the request under way ends with `input_required`, and the client
sends it again with the answers (`basic/patterns/mrtr`). The handler then runs again from its start, finds what was
answered, and gets one question further; what it asks, and under which key, must therefore not vary between runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server.exchange import Exchange
from reference_impl.server.state import StateSeal

__all__ = ["InputRequired", "Inputs", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """One input request: `method` is `elicitation/create`, `sampling/createMessage` or `roots/list`.

    `as_task`: a client that takes such requests as tasks (2025-11-25) is to take it as one.
    """

    method: str
    params: dict[str, Any] = field(default_factory=dict)
    as_task: bool = False

    def on_wire(self) -> dict[str, Any]:
        """Return an entry of `inputRequests`."""
        return {"method": self.method, "params": self.params}


class InputRequired(Exception):  # noqa: N818 - the name of the result that it becomes
    """Ends a run of a handler: the client has to answer first. `notes` is what the handler wants to find again."""

    def __init__(self, questions: Mapping[str, Question], notes: Any = None) -> None:
        super().__init__("input required")
        self.questions = dict(questions)
        self.notes = notes


class Inputs:
    """The answers that a modern request brought along: this round's, and those of earlier rounds from the sealed
    state."""

    __slots__ = ("answers", "notes")

    def __init__(self, answers: dict[str, Any], notes: Any = None) -> None:
        self.answers = answers
        self.notes = notes

    @classmethod
    def of(cls, exchange: Exchange, seal: StateSeal) -> Inputs:
        """Read `inputResponses` and `requestState`. Raises `RemoteProtocolError` (-32602) where either is refused."""
        params = exchange.request.params or {}
        if exchange.session is not None or ("inputResponses" not in params and "requestState" not in params):
            return NO_INPUTS
        answers: dict[str, Any] = {}
        notes = None
        if "requestState" in params:
            earlier = seal.open(params["requestState"], exchange.request.method, params, exchange.principal)
            answers, notes = dict(earlier["answers"]), earlier["notes"]
        responses = params.get("inputResponses", {})
        if not isinstance(responses, dict) or not all(isinstance(item, dict) for item in responses.values()):
            raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: inputResponses must map keys to results")
        return cls({**responses, **answers}, notes)

    def result(self, required: InputRequired, exchange: Exchange, seal: StateSeal) -> dict[str, Any]:
        """Return the `InputRequiredResult` that asks, and that carries what is known so far."""
        params = exchange.request.params or {}
        memory = {"answers": self.answers, "notes": required.notes}
        result: dict[str, Any] = {
            "resultType": "input_required",
            "requestState": seal.seal(memory, exchange.request.method, params, exchange.principal),
        }
        if required.questions:
            result["inputRequests"] = {key: question.on_wire() for key, question in required.questions.items()}
        return result


NO_INPUTS = Inputs({})
"""Those of every request that brings none; a legacy client is asked while its request waits."""
