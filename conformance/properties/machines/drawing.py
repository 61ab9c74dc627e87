"""What plays are drawn from: sound requests of a target, and the steps that anybody can make of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.capabilities import declares
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.machines.steps import Step
from conformance.properties.property import Ground
from conformance.surface import ToolCall, lasting, prompt_arguments
from reference_impl.protocol.methods import PAGINATED

__all__ = [
    "SOME",
    "Request",
    "any_play",
    "asks",
    "doing",
    "leaving",
    "once_more",
    "one_play",
    "quick_calls",
    "sound_requests",
    "subscriptions",
    "to_cancel",
]

SOME = 5
"""Listed items of a kind that are used."""
_LONGEST = 8
"""Steps of a play."""
_BRIEF = 0.2
"""Seconds that a call lasts which is to be cancelled, where a tool takes fractions of a second."""


@dataclass(frozen=True, slots=True)
class Request:
    """A sound request: its method and its params."""

    method: str
    params: dict[str, Any] | None = None

    def step(self, do: str, on: int = 0, slot: int = 0) -> Step:
        """Return the step that makes something of it."""
        return Step(do, on, self.method, self.params, slot)


def any_play(label: str, steps: SearchStrategy[Step]) -> SearchStrategy[Case]:
    """Return plays of some of the steps."""
    return st.lists(steps, min_size=1, max_size=_LONGEST).map(lambda each: one_play(label, *each))


def one_play(label: str, *steps: Step) -> Case:
    """Return the play of just these steps."""
    return Case(label, Expectation.ANSWER, steps=steps)


def sound_requests(ground: Ground) -> list[Request]:
    """Return sound requests that change nothing, the simplest first."""
    surface, declared = ground.surface, ground.capabilities
    lists = [method for method in PAGINATED if method.partition("/")[0] in declared]
    found = [Request("server/discover" if ground.revision.modern else "ping")]
    found += [Request(method) for method in lists if method != "resources/templates/list"]
    found += [Request("resources/read", {"uri": each["uri"]}) for each in _with(surface.resources, "uri")]
    for prompt in _with(surface.prompts, "name"):
        found.append(Request("prompts/get", {"name": prompt["name"], "arguments": prompt_arguments(prompt)}))
    if "completions" in declared:
        found += [Request("completion/complete", params) for params in islice(surface.completions(), SOME)]
    found += [Request("tools/call", call.params) for call in quick_calls(ground)[:SOME]]
    return found


def _with(items: Iterable[dict[str, Any]], member: str) -> list[dict[str, Any]]:
    return [each for each in items if isinstance(each.get(member), str)][:SOME]


def quick_calls(ground: Ground) -> list[ToolCall]:
    """Return calls that may be made and take no time."""
    return [call for call in ground.surface.calls() if not ground.surface.is_slow(call)]


def to_cancel(ground: Ground) -> list[Request]:
    """Return requests that are worth cancelling: those that take a moment first."""
    lasts = [made for call in ground.surface.calls() if (made := lasting(call, _BRIEF)) is not None]
    moments = [made for made in lasts if _BRIEF in made.arguments.values()]
    return [Request("tools/call", made.params) for made in moments[:1]] + sound_requests(ground)


def asks(ground: Ground, on: tuple[int, ...] = (0,)) -> SearchStrategy[Step]:
    """Requests, and in the legacy era subscriptions."""
    chosen = sound_requests(ground) + subscriptions(ground)
    alone = st.builds(lambda one, who: one.step("ask", who), st.sampled_from(chosen), st.sampled_from(on))
    return alone | once_more(on)


def subscriptions(ground: Ground) -> list[Request]:
    """Return subscriptions to resources, and their ends; of the modern era there are none."""
    if ground.revision.modern or not declares(ground.capabilities, "resources.subscribe"):
        return []
    uris = [{"uri": each["uri"]} for each in _with(ground.surface.resources, "uri")]
    return [Request(f"resources/{verb}", each) for verb in ("subscribe", "unsubscribe") for each in uris]


def once_more(on: tuple[int, ...] = (0,)) -> SearchStrategy[Step]:
    """The last request again."""
    return st.sampled_from(on).map(lambda who: Step("once more", who))


def doing(do: str, requests: list[Request], on: tuple[int, ...] = (0,), slots: int = 1) -> SearchStrategy[Step]:
    """Steps that do the same with any of some requests, in any of some slots."""
    drawn = (st.sampled_from(requests), st.sampled_from(on), st.integers(0, slots - 1))
    return st.builds(lambda one, who, slot: one.step(do, who, slot), *drawn)


def leaving(on: tuple[int, ...] = (0,)) -> SearchStrategy[Step]:
    """The end of a conversation, without a word or as it should be."""
    return st.builds(lambda who, slot: Step("leave", who, slot=slot), st.sampled_from(on), st.integers(0, 1))
