"""A modern server whose tools ask for input in their results: once or in rounds, with states of many looks.

It asks for what the request declares: for forms if it can, else for samples or roots, and in rounds also for nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from conformance.clients import forms
from conformance.clients.offer import EMPTY_SCHEMA, Offer
from conformance.clients.reply import Message, Reply
from conformance.clients.said import calls_tools
from conformance.clients.scenario import Behaviour, Listener, Scenario, Scene, Turn, modern
from conformance.clients.scenarios.asks import NO_PROMPTS, PAGE
from conformance.transcript import Conversation
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.revisions import Revision

__all__ = ["SCENARIO"]

_JSON_STATE = '{"user": "a", "round":1.0}'
_TOKEN_STATE = base64.b64encode(bytes(range(48))).decode()
_LONG_STATE = ' \u00fc\u2603\\"%2F+=&\t' + "x" * 4096 + " "
_STARTS = 3
"""How often a tool asks a client that begins anew each time."""

Round = tuple[dict[str, Message], str | None]
"""What is asked in a round, by key, and the state that comes with it."""


def _question(method: str, params: Message | None = None) -> Message:
    return {"method": method} | ({} if params is None else {"params": params})


def _asking(declared: Message, *params: Message) -> dict[str, Message]:
    """Return as many questions as there are params of forms, of a kind that the client declares; none without."""
    if "form" in _modes(declared):
        questions = [_question("elicitation/create", item) for item in params]
    elif "sampling" in declared:
        questions = [_question("sampling/createMessage", forms.SAMPLE) for _ in params]
    else:
        questions = [_question("roots/list") for _ in params] if "roots" in declared else []
    return {f"question {number}": question for number, question in enumerate(questions)}


def _modes(declared: Message) -> frozenset[str]:
    return forms.elicitation_modes(declared["elicitation"]) if "elicitation" in declared else frozenset()


def _two_questions(declared: Message, _: Scene) -> list[Round]:
    return [(_asking(declared, forms.form(forms.FORM, "form"), forms.form(forms.FORM)), _JSON_STATE)]


def _no_state(declared: Message, _: Scene) -> list[Round]:
    return [(_asking(declared, forms.form(forms.DEFAULTS_FORM, "form")), None)]


def _rounds(declared: Message, _: Scene) -> list[Round]:
    form = _asking(declared, forms.form(forms.FORM, "form"))
    return [(form, _TOKEN_STATE), ({}, _LONG_STATE), (form, None)]


def _page(declared: Message, scene: Scene) -> list[Round]:
    params = forms.page(f"{scene.urls[PAGE]}/open", scene.revision)
    asked = {"page": _question("elicitation/create", params)} if "url" in _modes(declared) else {}
    return [(asked, "")]


def _samples(declared: Message, _: Scene) -> list[Round]:
    if "sampling" not in declared:
        return []
    kinds = {"sample": forms.SAMPLE, "garbage": forms.GARBAGE}
    return [({name: _question("sampling/createMessage", params)}, name) for name, params in kinds.items()]


def _roots(declared: Message, _: Scene) -> list[Round]:
    return [({"roots": _question("roots/list")}, "roots")] if "roots" in declared else []


def _nothing(*_: object) -> list[Round]:
    return []


_TOOLS: dict[str, Callable[[Message, Scene], list[Round]]] = {
    "test_mrtr_echo_state": _two_questions,
    "test_mrtr_unrelated": _nothing,
    "test_mrtr_no_state": _no_state,
    "test_mrtr_no_result_type": _nothing,
    "ask_in_rounds": _rounds,
    "open_a_page": _page,
    "tell_roots": _roots,
    "sample_twice": _samples,
}
"""Those with `mrtr` in their names are called by clients for the official suite."""


def _offer(_: Revision) -> Offer:
    return Offer((tuple({"name": name, "inputSchema": EMPTY_SCHEMA} for name in _TOOLS),), capabilities=NO_PROMPTS)


def _begin(scene: Scene) -> Behaviour:
    at: dict[str, int] = {}
    starts: dict[str, int] = {}

    def reply(turn: Turn) -> Reply | None:
        name = turn.params.get("name")
        if turn.method != "tools/call" or not turn.is_request or name not in _TOOLS:
            return None
        if turn.params.keys() & {"inputResponses", "requestState"}:
            at[name] = at.get(name, -1) + 1
        else:
            at[name], starts[name] = 0, starts.get(name, 0) + 1
        rounds = [item for item in _TOOLS[name](_declared(turn), scene) if item[0] or item[1] is not None]
        if at[name] >= len(rounds) or starts.get(name, 0) > _STARTS:
            return None
        asked, state = rounds[at[name]]
        result: dict[str, Any] = {"resultType": "input_required"} | ({"inputRequests": asked} if asked else {})
        return turn.result(result if state is None else result | {"requestState": state})

    return Behaviour(reply=reply, offer=_offer, official="sep-2322-client-request-state")


def _declared(turn: Turn) -> Message:
    meta = turn.params.get("_meta")
    declared = meta.get(CLIENT_CAPABILITIES) if isinstance(meta, dict) else None
    return declared if isinstance(declared, dict) else {}


def _needs(plain: Sequence[Conversation]) -> str | None:
    return None if any(map(calls_tools, plain)) else "the client calls no tool"


SCENARIO = Scenario(
    "asked-back",
    "has tools that ask for input in their results: for what the client declares, once or in rounds, with and without"
    " a state",
    _begin,
    binds=modern,
    listeners=(Listener(PAGE),),
    needs=_needs,
)
