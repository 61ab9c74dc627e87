"""The questions that our scripted servers ask: forms, pages to open, messages for a model."""

from __future__ import annotations

from typing import Any

from reference_impl.protocol.revisions import Revision

__all__ = [
    "DEFAULTS",
    "DEFAULTS_FORM",
    "FORM",
    "GARBAGE",
    "SAMPLE",
    "elicitation_modes",
    "form",
    "mixed_results",
    "page",
    "unanswered_tools",
    "with_tools",
]

Message = dict[str, Any]

FORM: Message = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "count": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "count"],
}
"""What everybody can fill in."""
DEFAULTS: Message = {"name": "John Doe", "age": 30, "score": 95.5, "status": "active", "verified": True}
"""The defaults of `DEFAULTS_FORM`, which are those of the official suite: clients know what to do with them."""
DEFAULTS_FORM: Message = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": DEFAULTS["name"]},
        "age": {"type": "integer", "default": DEFAULTS["age"]},
        "score": {"type": "number", "default": DEFAULTS["score"]},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": DEFAULTS["status"]},
        "verified": {"type": "boolean", "default": DEFAULTS["verified"]},
    },
    "required": [],
}


def form(schema: Message, mode: str | None = None) -> Message:
    """Return the params of an elicitation of a form, in which the mode is named or not."""
    params = {"message": "Touchstone asks for your input.", "requestedSchema": schema}
    return params if mode is None else {"mode": mode, **params}


def page(url: str, revision: Revision) -> Message:
    """Return the params of an elicitation by a page."""
    known = {} if revision.modern else {"elicitationId": "touchstone-page"}
    return {"mode": "url", "message": "Touchstone asks you to open a page.", "url": url, **known}


def _said(role: str, content: object) -> Message:
    return {"role": role, "content": content}


def _text(text: str) -> Message:
    return {"type": "text", "text": text}


def _sampling(*messages: Message, **members: Any) -> Message:
    return {"messages": list(messages), "maxTokens": 100, **members}


SAMPLE = _sampling(_said("user", _text("Say hello.")))
GARBAGE = _sampling(_said("user", {"type": "touchstone-nonsense", "nothing": True}))
"""Content of a type that no revision has."""
_TOOL: Message = {"name": "weather", "inputSchema": {"type": "object", "properties": {"city": {"type": "string"}}}}
_USE: Message = {"type": "tool_use", "id": "use-1", "name": "weather", "input": {"city": "Paris"}}
_RESULT: Message = {"type": "tool_result", "toolUseId": "use-1", "content": [_text("sunny")]}
_ASKED = _said("user", _text("What is the weather in Paris?"))


def with_tools() -> Message:
    """Return the params of sampling that gives the model a tool."""
    return _sampling(_ASKED, tools=[_TOOL])


def unanswered_tools() -> Message:
    """Return params in which the use of a tool lacks its result."""
    return _sampling(_ASKED, _said("assistant", [_USE]), _said("user", _text("And tomorrow?")), tools=[_TOOL])


def mixed_results() -> Message:
    """Return params in which the result of a tool stands beside text in one message."""
    later = _said("user", [_text("Here it is."), _RESULT])
    return _sampling(_ASKED, _said("assistant", [_USE]), later, tools=[_TOOL])


def elicitation_modes(declared: object) -> frozenset[str]:
    """Return the modes that a declared elicitation capability stands for: forms, where it names none."""
    named = {"form", "url"} & (declared.keys() if isinstance(declared, dict) else set())
    return frozenset(named or {"form"})
