"""What clients ask for in the state machines, and how they answer what they are asked."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.reference_impl.machine.ledger import Json
from tests.reference_impl.machine.offered import FIXED

__all__ = ["JOBS", "OF_TASKS", "PARAMS", "answer_to", "names", "of_a_task", "right_answer", "slow"]

JOBS = ("job", "asking_job", "required_job", "failing_job", "perhaps_job")
OF_TASKS = ("tasks/get", "tasks/result", "tasks/cancel", "tasks/list", "tasks/update")
"""What is asked of a task, whichever era knows it."""

PARAMS: dict[str, tuple[str, Json]] = {
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
            *("change", "touch", "nobody", "wavering", "tidy"),
            *JOBS,
        )
    },
    **{
        f"{name} as a task": ("tools/call", {"name": name, "arguments": {}, "task": {"ttl": 30_000}})
        for name in (*JOBS, "wait")
    },
}
"""What clients ask for: a name for the log of a failure, method, and params."""

slow = st.sampled_from(
    (
        *("wait", "steps", "wavering", "stubborn", "tidy", "elicit", "sample", "twice", "listen", "slow read"),
        *("perhaps_job", "job as a task", "asking_job as a task", "required_job"),
    )
)
"""Names of requests that take their time."""

names = slow | st.sampled_from(("flood", "subscribe")) | st.sampled_from(sorted(PARAMS))
"""Names of requests, more often than others those that take their time."""

_WRONG: dict[str, Json] = {
    "refuse": {"error": {"code": -1, "message": "no"}},
    "nonsense": {"result": {"action": 7}},
    "no object": {"result": 5},
    "malformed": {"result": {}, "error": {}},
}


def right_answer(method: str, params: Json) -> Json:
    """Return the result that fits a question of the server: a form gets the question's own words."""
    match method:
        case "elicitation/create":
            return {"action": "accept", "content": {"name": params["message"]}}
        case "sampling/createMessage":
            return {"role": "assistant", "content": {"type": "text", "text": "x"}, "model": "m"}
    return {"roots": []}


def answer_to(identifier: Any, question: tuple[str, Json], how: str) -> Json:
    """Return an answer to a question of the server: a right one unless `how` names a wrong one."""
    return {"jsonrpc": "2.0", "id": identifier} | (_WRONG.get(how) or {"result": right_answer(*question)})


def of_a_task(method: str, task_id: str) -> Json:
    """Return the params of a request about a task; an update answers what no task ever asked, and what one may ask."""
    if method == "tasks/list":
        return {}
    answers = {"nobody": {}, "job": {"action": "decline"}}
    return {"taskId": task_id} | ({"inputResponses": answers} if method == "tasks/update" else {})
