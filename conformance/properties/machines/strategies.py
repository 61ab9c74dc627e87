"""Plays for a target, drawn by Hypothesis: of what it declares and offers, and of what its transport allows."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.expect import Blocked, Inapplicable
from conformance.properties.case import Case
from conformance.properties.machines.drawing import (
    SOME,
    Request,
    any_play,
    asks,
    doing,
    leaving,
    once_more,
    one_play,
    quick_calls,
    sound_requests,
    to_cancel,
)
from conformance.properties.machines.lives import known_sessions, sessions
from conformance.properties.machines.play import MARK
from conformance.properties.machines.steps import Step
from conformance.properties.property import Ground, Property
from conformance.surface import ToolCall
from reference_impl.protocol.methods import PAGINATED

__all__ = ["PROPERTIES", "conversations", "effects", "pages", "sessions", "tools"]

_TWO, _WALKS, _EFFECTS = "two conversations at once", "walks through a list", "calls that change nothing more"
_SAME = "calls that change nothing"


# Conversations side by side -----------------------------------------------------------------------------


def conversations(ground: Ground) -> SearchStrategy[Case]:
    """Two conversations at once, whose requests have equal ids."""
    if ground.transport == "stdio":
        raise Inapplicable("over stdio each conversation has a process of its own")
    both = (0, 1)
    kinds = [asks(ground, both), _together(ground), leaving(both), doing("cancel", to_cancel(ground), both)]
    if not ground.revision.modern:
        kinds.append(doing("cancel elsewhere", sound_requests(ground), both))
    return any_play(_TWO, st.one_of(kinds))


def known_conversations(ground: Ground) -> Iterator[Case]:
    """What broke other targets: calls at the same time under the same id."""
    one, two = (_marked(ground, words) for words in ("one", "two"))
    if one is not None and two is not None:
        yield one_play(_TWO, Step("ask together", beside=(one.step("ask", 0), two.step("ask", 1))))


def _together(ground: Ground) -> SearchStrategy[Step]:
    """Two requests at the same time whose answers can be told apart: by a mark, or by what the schema says of them."""
    by_mark = [_marked(ground, words) for words in ("one", "two")]
    plain = sound_requests(ground)
    choice = [st.sampled_from([mark] * len(plain) + plain if mark else plain) for mark in by_mark]
    return st.builds(
        lambda one, two: Step("ask together", beside=(one.step("ask", 0), two.step("ask", 1))), choice[0], choice[1]
    )


def _marked(ground: Ground, words: str) -> Request | None:
    try:
        call, member = ground.surface.need_echo()
    except (Blocked, Inapplicable):
        return None
    params = {"name": call.tool["name"], "arguments": {**call.arguments, member: f"{MARK}{words}"}}
    return Request("tools/call", params)


# Lists and tools ----------------------------------------------------------------------------------------


def pages(ground: Ground) -> SearchStrategy[Case]:
    """Two walks through lists at once, cursors that are used twice, and such as were never given out."""
    lists = _lists(ground)
    if not lists:
        raise Inapplicable("the target declares no list")

    def through(one: Request) -> SearchStrategy[Case]:
        turns, second = doing("turn the page", [one], slots=2), doing("turn it again", [one], slots=2)
        return any_play(_WALKS, st.one_of(turns, turns, second, doing("foreign cursor", [one], slots=2)))

    return st.sampled_from(lists).flatmap(through)


def known_pages(ground: Ground) -> Iterator[Case]:
    """What broke other targets: a second walk, two that are under way at once, and a cursor used again."""
    for one in _lists(ground):
        turns = [one.step("turn the page", slot=slot) for slot in (0, 1)]
        yield one_play(_WALKS, turns[0])
        yield one_play(_WALKS, *turns)
        yield one_play(_WALKS, turns[0], turns[0], one.step("turn it again"))


def _lists(ground: Ground) -> list[Request]:
    return [Request(method) for method in PAGINATED if method.partition("/")[0] in ground.capabilities]


def tools(ground: Ground) -> SearchStrategy[Case]:
    """Calls of tools that change nothing, in any order: the same call comes to an answer of the same shape."""
    if "tools" not in ground.capabilities:
        raise Inapplicable("the target does not declare tools")
    chosen = _models(ground)
    if not chosen:
        raise Blocked(
            "no tool says both that it only reads (readOnlyHint) and that its world is closed (openWorldHint)"
        )
    kinds = [doing("repeat", chosen), once_more(), asks(ground), doing("cancel", chosen)]
    return any_play(_SAME, st.one_of(kinds))


def known_tools(ground: Ground) -> Iterator[Case]:
    """Each of the first tools twice in a row."""
    for one in _models(ground)[:SOME] if "tools" in ground.capabilities else ():
        yield one_play(_SAME, one.step("repeat"), one.step("repeat"))


def _models(ground: Ground) -> list[Request]:
    return [Request("tools/call", call.params) for call in quick_calls(ground) if _is_model(call)]


def effects(ground: Ground) -> SearchStrategy[Case]:
    """Tools that say they are idempotent, called twice, between looks through tools that only read."""
    if "tools" not in ground.capabilities:
        raise Inapplicable("the target does not declare tools")
    told = [call for call in quick_calls(ground) if _is_idempotent(call)][:SOME]
    looks = tuple(Request("tools/call", call.params).step("ask") for call in quick_calls(ground) if _is_model(call))[
        :SOME
    ]
    if not told or not looks:
        what = "says that it is idempotent (idempotentHint)" if not told else "shows what another has changed"
        raise Blocked(f"no tool that may be called {what}: --allow NAME")
    kinds = [Step("call again", method="tools/call", params=call.params, beside=looks) for call in told]
    return any_play(_EFFECTS, st.sampled_from(kinds) | asks(ground))


def known_effects(ground: Ground) -> Iterator[Case]:
    """Each of them alone."""
    looks = tuple(Request("tools/call", call.params).step("ask") for call in quick_calls(ground) if _is_model(call))[
        :SOME
    ]
    for call in [call for call in quick_calls(ground) if _is_idempotent(call)][:SOME] if looks else ():
        step = Step("call again", method="tools/call", params=call.params, beside=looks)
        yield one_play(_EFFECTS, step)


def _is_idempotent(call: ToolCall) -> bool:
    """Whether a tool changes something, and says that it does so once."""
    says = call.tool.get("annotations")
    return isinstance(says, dict) and says.get("idempotentHint") is True and says.get("readOnlyHint") is not True


def _is_model(call: ToolCall) -> bool:
    """Whether a tool can be foretold: it changes nothing, and what it tells does not come from outside."""
    says = call.tool.get("annotations")
    return isinstance(says, dict) and says.get("readOnlyHint") is True and says.get("openWorldHint") is False


_ONE = ("base.response.every-request", "base.message.json-rpc")
_OWN = ("base.response.id-echo", "base.response.id-echo-legacy", "base.response.one")

PROPERTIES: tuple[Property, ...] = (
    Property(
        "property.session",
        (
            *_ONE,
            *_OWN,
            "http.session.ended",
            "http.event.own-stream",
            "http.event.unique",
            *("progress.stops", "progress.stops-legacy"),
            *("subscriptions.acknowledged", "subscriptions.cancelled", "subscriptions.ended"),
            *("subscriptions.only-asked", "subscriptions.marked"),
            *("tasks.status.known-moves", "tasks.status.final", "tasks.cancel.final", "tasks.list.complete"),
            *("property.tasks.kept", "tasks.extension.create.durable"),
            *("tools.changed.notified", "prompts.changed.notified", "resources.changed.notified"),
            "tasks.extension.get.current",
        ),
        "Whatever a session went through before, every request gets one answer of its own, and the target serves on.",
        sessions,
        known_sessions,
    ),
    Property(
        "property.conversations",
        (*_ONE, *_OWN, "http.isolation.collision"),
        "Two conversations at once have nothing to do with each other, though their requests have equal ids.",
        conversations,
        known_conversations,
    ),
    Property(
        "property.pagination",
        (*_ONE, "pagination.stable", "pagination.ends"),
        "Walks through a list find the same items, whatever other walks go on and whatever cursors are tried.",
        pages,
        known_pages,
    ),
    Property(
        "property.read-only",
        (*_ONE, "property.read-only.same-shape"),
        "A tool that changes nothing, in a closed world, answers the same call in the same shape as before.",
        tools,
        known_tools,
    ),
    Property(
        "property.idempotent",
        (*_ONE, "property.idempotent"),
        "A tool that says it is idempotent changes nothing more when it is called the same way again.",
        effects,
        known_effects,
    ),
)
