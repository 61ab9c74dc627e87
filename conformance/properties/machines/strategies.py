"""Plays for a target, drawn by Hypothesis: of what it declares and offers, and of what its transport allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.capabilities import declares
from conformance.expect import Blocked, Inapplicable
from conformance.posing import may_ask
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.machines.play import MARK
from conformance.properties.machines.steps import Step
from conformance.properties.property import Ground, Property
from conformance.surface import ToolCall, lasting, prompt_arguments
from reference_impl.protocol.methods import PAGINATED, TASKS

__all__ = ["PROPERTIES", "conversations", "pages", "sessions", "tools"]

_SOME = 5
"""Listed items of a kind that are used."""
_LONGEST = 8
"""Steps of a play."""
_BRIEF = 0.2
"""Seconds that a call lasts which is to be cancelled, where a tool takes fractions of a second."""
_SESSION, _TWO, _WALKS = "a session", "two conversations at once", "walks through a list"
_LISTENABLE = {
    "toolsListChanged": "tools.listChanged",
    "promptsListChanged": "prompts.listChanged",
    "resourcesListChanged": "resources.listChanged",
}
"""Member of the filter of `subscriptions/listen` to the capability that stands behind it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A sound request: its method and its params."""

    method: str
    params: dict[str, Any] | None = None

    def step(self, do: str, on: int = 0, slot: int = 0) -> Step:
        """Return the step that makes something of it."""
        return Step(do, on, self.method, self.params, slot)


def _play(label: str, steps: SearchStrategy[Step]) -> SearchStrategy[Case]:
    return st.lists(steps, min_size=1, max_size=_LONGEST).map(lambda each: _case(label, *each))


def _case(label: str, *steps: Step) -> Case:
    return Case(label, Expectation.ANSWER, steps=steps)


# Requests ---------------------------------------------------------------------------------------------


def _requests(ground: Ground) -> list[Request]:
    """Return sound requests that change nothing, the simplest first."""
    surface, declared = ground.surface, ground.capabilities
    lists = [method for method in PAGINATED if method.partition("/")[0] in declared]
    found = [Request("server/discover" if ground.revision.modern else "ping")]
    found += [Request(method) for method in lists if method != "resources/templates/list"]
    found += [Request("resources/read", {"uri": each["uri"]}) for each in _with(surface.resources, "uri")]
    for prompt in _with(surface.prompts, "name"):
        found.append(Request("prompts/get", {"name": prompt["name"], "arguments": prompt_arguments(prompt)}))
    if "completions" in declared:
        found += [Request("completion/complete", params) for params in islice(surface.completions(), _SOME)]
    found += [Request("tools/call", call.params) for call in _calls(ground)[:_SOME]]
    return found


def _with(items: Iterable[dict[str, Any]], member: str) -> list[dict[str, Any]]:
    return [each for each in items if isinstance(each.get(member), str)][:_SOME]


def _calls(ground: Ground) -> list[ToolCall]:
    return [call for call in ground.surface.calls() if not ground.surface.is_slow(call)]


def _to_cancel(ground: Ground) -> list[Request]:
    """Return requests that are worth cancelling: those that take a moment first."""
    lasts = [made for call in ground.surface.calls() if (made := lasting(call, _BRIEF)) is not None]
    moments = [made for made in lasts if _BRIEF in made.arguments.values()]
    return [Request("tools/call", made.params) for made in moments[:1]] + _requests(ground)


def _asks(ground: Ground, on: tuple[int, ...] = (0,)) -> SearchStrategy[Step]:
    """Requests, and in the legacy era subscriptions."""
    chosen = _requests(ground) + _subscriptions(ground)
    alone = st.builds(lambda one, who: one.step("ask", who), st.sampled_from(chosen), st.sampled_from(on))
    return alone | _once_more(on)


def _subscriptions(ground: Ground) -> list[Request]:
    if ground.revision.modern or not declares(ground.capabilities, "resources.subscribe"):
        return []
    uris = [{"uri": each["uri"]} for each in _with(ground.surface.resources, "uri")]
    return [Request(f"resources/{verb}", each) for verb in ("subscribe", "unsubscribe") for each in uris]


def _once_more(on: tuple[int, ...] = (0,)) -> SearchStrategy[Step]:
    return st.sampled_from(on).map(lambda who: Step("once more", who))


def _doing(do: str, requests: list[Request], on: tuple[int, ...] = (0,), slots: int = 1) -> SearchStrategy[Step]:
    """Steps that do the same with any of some requests, in any of some slots."""
    drawn = (st.sampled_from(requests), st.sampled_from(on), st.integers(0, slots - 1))
    return st.builds(lambda one, who, slot: one.step(do, who, slot), *drawn)


def _leaving(on: tuple[int, ...] = (0,)) -> SearchStrategy[Step]:
    return st.builds(lambda who, slot: Step("leave", who, slot=slot), st.sampled_from(on), st.integers(0, 1))


# Sessions ---------------------------------------------------------------------------------------------


def sessions(ground: Ground) -> SearchStrategy[Case]:
    """The life of one conversation: use, cancellation, and over HTTP broken connections, DELETE and streams taken up
    again; of the modern era streams of changes, calls that ask, and tasks."""
    asks, to_cancel = _asks(ground), _to_cancel(ground)
    kinds = [asks, asks, _doing("cancel", to_cancel)]
    if ground.transport != "stdio":
        # There it is a process that ends and another that begins, which is dear and shows nothing new.
        kinds.append(_leaving())
    if ground.transport == "http":
        kinds.append(_doing("give up", to_cancel))
    kinds += _modern(ground) if ground.revision.modern else _legacy(ground)
    return _play(_SESSION, st.one_of(kinds))


def known_sessions(ground: Ground) -> Iterator[Case]:
    """What broke other targets: use of a session after its end."""
    if ground.transport == "http" and ground.revision.sessions:
        yield _case(_SESSION, Step("delete"), _requests(ground)[0].step("ask"))


def _legacy(ground: Ground) -> list[SearchStrategy[Step]]:
    kinds = [_doing("cancel finished", _requests(ground))]
    if subscriptions := _subscriptions(ground):
        kinds.append(_doing("ask", subscriptions))
    if ground.transport == "http" and ground.revision.sessions:
        kinds.append(st.just(Step("delete")))
    if ground.transport == "http":
        kinds.append(st.integers(0, 2).map(lambda slot: Step("resume", slot=slot)))
    return kinds


def _modern(ground: Ground) -> list[SearchStrategy[Step]]:
    kinds = []
    flags = [flag for flag, path in _LISTENABLE.items() if declares(ground.capabilities, path)]
    if flags:
        wanted = [Request("", {"notifications": {flag: True}}) for flag in flags]
        kinds += [_doing("listen", wanted, slots=2), st.integers(0, 1).map(lambda slot: Step("unlisten", slot=slot))]
    calls = _calls(ground)
    asking = [Request("tools/call", call.params) for call in calls if may_ask(call.tool)]
    if asking:
        kinds.append(_doing("question", asking[:_SOME], slots=3))
    if calls and declares(ground.capabilities, f"extensions.{TASKS}"):
        kinds.append(_doing("task", [Request("tools/call", call.params) for call in calls[: 2 * _SOME]], slots=3))
    return kinds


# Conversations side by side -----------------------------------------------------------------------------


def conversations(ground: Ground) -> SearchStrategy[Case]:
    """Two conversations at once, whose requests have equal ids."""
    if ground.transport == "stdio":
        raise Inapplicable("over stdio each conversation has a process of its own")
    both = (0, 1)
    kinds = [_asks(ground, both), _together(ground), _leaving(both), _doing("cancel", _to_cancel(ground), both)]
    if not ground.revision.modern:
        kinds.append(_doing("cancel elsewhere", _requests(ground), both))
    return _play(_TWO, st.one_of(kinds))


def known_conversations(ground: Ground) -> Iterator[Case]:
    """What broke other targets: calls at the same time under the same id."""
    one, two = (_marked(ground, words) for words in ("one", "two"))
    if one is not None and two is not None:
        yield _case(_TWO, Step("ask together", beside=(one.step("ask", 0), two.step("ask", 1))))


def _together(ground: Ground) -> SearchStrategy[Step]:
    """Two requests at the same time whose answers can be told apart: by a mark, or by what the schema says of them."""
    by_mark = [_marked(ground, words) for words in ("one", "two")]
    plain = _requests(ground)
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
        turns, second = _doing("turn the page", [one], slots=2), _doing("turn it again", [one], slots=2)
        return _play(_WALKS, st.one_of(turns, turns, second, _doing("foreign cursor", [one], slots=2)))

    return st.sampled_from(lists).flatmap(through)


def known_pages(ground: Ground) -> Iterator[Case]:
    """What broke other targets: a second walk, two that are under way at once, and a cursor used again."""
    for one in _lists(ground):
        turns = [one.step("turn the page", slot=slot) for slot in (0, 1)]
        yield _case(_WALKS, turns[0])
        yield _case(_WALKS, *turns)
        yield _case(_WALKS, turns[0], turns[0], one.step("turn it again"))


def _lists(ground: Ground) -> list[Request]:
    return [Request(method) for method in PAGINATED if method.partition("/")[0] in ground.capabilities]


def tools(ground: Ground) -> SearchStrategy[Case]:
    """Calls of tools that change nothing, in any order: the same call comes to an answer of the same shape."""
    if "tools" not in ground.capabilities:
        raise Inapplicable("the target does not declare tools")
    chosen = [Request("tools/call", call.params) for call in _calls(ground) if _is_model(call)]
    if not chosen:
        raise Blocked(
            "no tool says both that it only reads (readOnlyHint) and that its world is closed (openWorldHint)"
        )
    kinds = [_doing("repeat", chosen), _once_more(), _asks(ground), _doing("cancel", chosen)]
    return _play("calls that change nothing", st.one_of(kinds))


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
            *("tasks.status.known-moves", "tasks.status.final", "tasks.extension.create.durable"),
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
    ),
)
