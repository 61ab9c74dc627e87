"""What clients ask for in the state machines, and how they answer what they are asked."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.reference_impl.machine.offered import FIXED

__all__ = ["PARAMS", "answer_to", "names"]

PARAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "ping": ("ping", {}),
    "tools": ("tools/list", {}),
    "resources": ("resources/list", {"cursor": "nobody's"}),
    "templates": ("resources/templates/list", {}),
    "prompts": ("prompts/list", {}),
    "read": ("resources/read", {"uri": FIXED}),
    "slow read": ("resources/read", {"uri": "mem://slow/x"}),
    "no read": ("resources/read", {"uri": "mem://nothing/at/all"}),
    "prompt": ("prompts/get", {"name": "greet", "arguments": {"name": "x"}}),
    "bad prompt": ("prompts/get", {"name": "greet"}),
    "complete": (
        "completion/complete",
        {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": ""}},
    ),
    "subscribe": ("resources/subscribe", {"uri": FIXED}),
    "unsubscribe": ("resources/unsubscribe", {"uri": FIXED}),
    "level": ("logging/setLevel", {"level": "error"}),
    "bad level": ("logging/setLevel", {"level": "loud"}),
    "unknown": ("no/such/method", {}),
    "notification as request": ("notifications/initialized", {}),
    "discover": ("server/discover", {}),
    "initialize again": ("initialize", {"protocolVersion": 5}),
    "listen": (
        "subscriptions/listen",
        {"notifications": {"toolsListChanged": True, "resourceSubscriptions": [FIXED]}},
    ),
    "bad listen": ("subscriptions/listen", {"notifications": 7}),
    "flood": ("tools/call", {"name": "flood", "arguments": {"count": 40}}),
    "echo": ("tools/call", {"name": "echo", "arguments": {"text": "x" * 3000}}),
    "bad echo": ("tools/call", {"name": "echo", "arguments": {"text": 5}}),
    **{
        name: ("tools/call", {"name": name, "arguments": {}})
        for name in (
            *("wait", "steps", "stubborn", "fail", "crash", "unwritable", "log", "elicit", "sample", "roots", "twice"),
            *("change", "touch", "nobody"),
        )
    },
}
"""What clients ask for: a name for the log of a failure, method, and params."""

names = st.sampled_from(
    ("wait", "steps", "stubborn", "elicit", "sample", "twice", "flood", "listen", "subscribe", "slow read")
) | st.sampled_from(sorted(PARAMS))
"""Names of requests, more often than others those that take their time."""

_RIGHT: dict[str, dict[str, Any]] = {
    "elicitation/create": {"action": "accept", "content": {"name": "x"}},
    "sampling/createMessage": {"role": "assistant", "content": {"type": "text", "text": "x"}, "model": "m"},
    "roots/list": {"roots": []},
}
_WRONG: dict[str, dict[str, Any]] = {
    "refuse": {"error": {"code": -1, "message": "no"}},
    "nonsense": {"result": {"action": 7}},
    "no object": {"result": 5},
    "malformed": {"result": {}, "error": {}},
}


def answer_to(identifier: Any, method: str, how: str) -> dict[str, Any]:
    """Return an answer to a question of the server: a right one unless `how` names a wrong one."""
    return {"jsonrpc": "2.0", "id": identifier} | _WRONG.get(how, {"result": _RIGHT[method]})
