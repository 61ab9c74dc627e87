"""Servers that ask in an odd way, and break no rule by it, fail no check."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from conformance.patience import Patience
from conformance.runner import Plan, run_checks
from reports.records import Verdict
from tests.conformance.scripted import Message, Scripted, Wire

_PATIENCE = Patience(start=5, answer=3, quiet=0.05, stop=1, check=8, run=30)
_FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_TOOL: Message = {"name": "ask_name", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}


def _text(text: str) -> Message:
    return {"content": [{"type": "text", "text": text}]}


class _Asker:
    """Asks for a name whenever its tool is called. `end` says what a call comes to by an answer: None asks again."""

    def __init__(self, *, at_once: bool = False, tool_of: str = "elicitation") -> None:
        self.server = Scripted(
            {
                "initialize": self._initialize,
                "tools/list": self._list,
                "tools/call": self._call,
                "": self._answer,
                "notifications/cancelled": self._pass_over,
                "notifications/initialized": self._pass_over,
            },
            {"tools": {}},
        )
        self.at_once = at_once
        self.needs = tool_of
        self.asked = 0
        self._able: dict[int, Message] = {}
        self._open: dict[str, Message] = {}

    async def _initialize(self, wire: Wire, message: Message) -> None:
        self._able[wire.number] = message["params"]["capabilities"]
        await wire.reply(message, self.server.greeting())

    async def _list(self, wire: Wire, message: Message) -> None:
        await wire.reply(message, {"tools": [_TOOL]})

    async def _pass_over(self, _wire: Wire, _message: Message) -> None:
        """Take a notification."""

    async def _call(self, wire: Wire, message: Message) -> None:
        if self.needs not in self._able[wire.number]:
            await self.unable(wire, message)
            return
        await self._ask(wire, message)
        if self.at_once:
            await wire.reply(message, _text("You will be asked."))

    async def unable(self, wire: Wire, message: Message) -> None:
        await wire.reply(message, _text("Hello, stranger."))

    async def _ask(self, wire: Wire, call: Message) -> None:
        self.asked += 1
        name = f"question {self.asked}"
        self._open[name] = call
        question = {"message": "Who are you?", "requestedSchema": _FORM}
        await wire.say({"jsonrpc": "2.0", "id": name, "method": "elicitation/create", "params": question})

    async def _answer(self, wire: Wire, message: Message) -> None:
        call = self._open.pop(message.get("id", ""), None)
        if call is None or self.at_once:
            return
        result: Any = message.get("result", {})
        content = result.get("content") or {}
        if result.get("action") in ("decline", "cancel"):
            await wire.reply(call, _text("As you like."))
        elif isinstance(content.get("name"), str):
            await wire.reply(call, _text(f"Hello, {content['name']}."))
        else:
            await self._ask(wire, call)


class _Refuser(_Asker):
    """Has an error of JSON-RPC for clients that cannot be asked."""

    async def unable(self, wire: Wire, message: Message) -> None:
        await wire.refuse(message, -32603)


def _outcome(asker: _Asker, check: str) -> Verdict:
    verdicts: list[Verdict] = []
    plan = Plan(asker.server.target, verdicts.append, only=(check,), patience=_PATIENCE)
    anyio.run(run_checks, plan)
    (verdict,) = verdicts
    return verdict


@pytest.mark.parametrize("check", ["elicitation.misfit", "lifecycle.undeclared"])
def test_a_question_may_be_put_again_until_its_answer_fits(check: str) -> None:
    asker = _Asker()
    verdict = _outcome(asker, check)
    assert verdict.outcome == "passed", verdict.actual
    assert asker.asked > 1


def test_a_call_may_be_answered_before_the_question_that_it_raised() -> None:
    verdict = _outcome(_Asker(at_once=True), "timeouts.held-back")
    assert verdict.outcome == "blocked", verdict.actual


def test_a_tool_that_needs_to_ask_may_refuse_a_client_that_cannot_be_asked() -> None:
    verdict = _outcome(_Refuser(), "tools.call.error-in-result")
    assert verdict.outcome == "passed", verdict.actual


def test_a_tool_that_asks_nobody_is_not_excused() -> None:
    verdict = _outcome(_Refuser(tool_of="touchstone"), "tools.call.error-in-result")
    assert verdict.outcome == "failed"
