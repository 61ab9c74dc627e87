"""Plays of one conversation: the life of a session, of either era, from what the target declares."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.capabilities import declares
from conformance.posing import may_ask
from conformance.properties.case import Case
from conformance.properties.machines.changes import TRIGGERS
from conformance.properties.machines.drawing import (
    SOME,
    Request,
    any_play,
    asks,
    doing,
    leaving,
    one_play,
    quick_calls,
    sound_requests,
    subscriptions,
    to_cancel,
)
from conformance.properties.machines.legacy_tasks import TTL
from conformance.properties.machines.modern import DROP
from conformance.properties.machines.steps import Step
from conformance.properties.openings import LISTENABLE
from conformance.properties.property import Ground
from conformance.samples import simplest
from reference_impl.protocol.methods import TASKS

__all__ = ["known_sessions", "sessions"]

_SESSION = "a session"


def sessions(ground: Ground) -> SearchStrategy[Case]:
    """The life of one conversation: use, cancellation, and over HTTP broken connections, DELETE and streams taken up
    again; of the modern era streams of changes, calls that ask, and tasks."""
    plain, cancelled = asks(ground), to_cancel(ground)
    kinds = [plain, plain, doing("cancel", cancelled)]
    if ground.transport != "stdio":
        # There it is a process that ends and another that begins, which is dear and shows nothing new.
        kinds.append(leaving())
    if ground.transport == "http":
        kinds.append(doing("give up", cancelled))
    kinds += _changes(ground)
    kinds += _modern(ground) if ground.revision.modern else _legacy(ground)
    return any_play(_SESSION, st.one_of(kinds))


def known_sessions(ground: Ground) -> Iterator[Case]:
    """What broke other targets: use of a session after its end, of a stream after others, of a process after one that
    ended as it should or without a word; one stream of changes and two at once, two subscriptions, two tasks, a
    question that nobody answers, and two changes of a list."""
    ask = sound_requests(ground)[0].step("ask")
    if ground.transport == "http" and ground.revision.sessions:
        yield one_play(_SESSION, Step("delete"), ask)
        yield one_play(_SESSION, ask, Step("resume"))
    if ground.transport == "stdio":
        for politely in (0, 1):
            call = sound_requests(ground)[-1].step("ask")
            yield one_play(_SESSION, call, Step("leave", slot=politely), call)
    if len(subscribed := subscriptions(ground)) > 1:
        yield one_play(_SESSION, *(each.step("ask") for each in subscribed[:2]))
    for made in [] if ground.revision.modern else _as_tasks(ground)[:1]:
        two = [made.step("task", slot=slot) for slot in (0, 1)]
        yield one_play(_SESSION, *two, Step("look at task"))
        if declares(ground.capabilities, "tasks.list"):
            yield one_play(_SESSION, *two, Step("find tasks"))
        yield one_play(_SESSION, two[0], Step("cancel task"))
    if wanted := _listened(ground)[:1] if ground.revision.modern else []:
        streams = [wanted[0].step("listen", slot=slot) for slot in (0, 1)]
        yield one_play(_SESSION, streams[0])
        yield one_play(_SESSION, *streams)
    yield from (one_play(_SESSION, each.step("question", slot=DROP)) for each in _asking(ground)[:1])
    yield from (one_play(_SESSION, *steps) for steps in _known_changes(ground))


def _known_changes(ground: Ground) -> Iterator[tuple[Step, ...]]:
    """Each list changed twice, while somebody listens to it where that takes a request."""
    for feature in _changeable(ground):
        pull = Request("tools/call", {"name": TRIGGERS[feature], "arguments": {}}).step("change")
        listen = Step("listen", params={f"{feature}ListChanged": True})
        yield (listen, pull, pull) if ground.revision.modern else (pull, pull)


def _changeable(ground: Ground) -> list[str]:
    """Return the lists that the target tells of and has a known tool to change."""
    named = {tool.get("name") for tool in ground.surface.tools if simplest(tool.get("inputSchema")) == {}}
    told = [feature for feature in TRIGGERS if declares(ground.capabilities, f"{feature}.listChanged")]
    return [feature for feature in told if TRIGGERS[feature] in named]


def _changes(ground: Ground) -> list[SearchStrategy[Step]]:
    pulls = [Request("tools/call", {"name": TRIGGERS[each], "arguments": {}}) for each in _changeable(ground)]
    return [doing("change", pulls)] if pulls else []


def _legacy(ground: Ground) -> list[SearchStrategy[Step]]:
    kinds = [doing("cancel finished", sound_requests(ground)), *_task_moves(ground)]
    if subscribed := subscriptions(ground):
        kinds.append(doing("ask", subscribed))
    if ground.transport == "http" and ground.revision.sessions:
        kinds.append(st.just(Step("delete")))
    if ground.transport == "http":
        kinds.append(st.integers(0, 2).map(lambda slot: Step("resume", slot=slot)))
    return kinds


def _as_tasks(ground: Ground) -> list[Request]:
    """Return calls that the target runs as tasks, of the handshake era."""
    if not declares(ground.capabilities, "tasks.requests.tools.call"):
        return []
    calls = [call for call in ground.surface.task_calls() if not ground.surface.is_slow(call)]
    return [Request("tools/call", {**call.params, "task": {"ttl": TTL}}) for call in calls[:SOME]]


def _task_moves(ground: Ground) -> list[SearchStrategy[Step]]:
    made = _as_tasks(ground)
    if not made:
        return []
    moves = ["look at task", "fetch task"]
    moves += ["cancel task"] if declares(ground.capabilities, "tasks.cancel") else []
    moves += ["find tasks"] if declares(ground.capabilities, "tasks.list") else []
    return [
        doing("task", made, slots=2),
        st.builds(lambda do, slot: Step(do, slot=slot), st.sampled_from(moves), st.integers(0, 1)),
    ]


def _listened(ground: Ground) -> list[Request]:
    """Return what the target can be listened to for, one kind of change each."""
    return [Request("", {flag: True}) for flag, path in LISTENABLE.items() if declares(ground.capabilities, path)]


def _asking(ground: Ground) -> list[Request]:
    """Return calls whose result may ask; of the legacy era there are none."""
    calls = quick_calls(ground) if ground.revision.modern else []
    return [Request("tools/call", call.params) for call in calls if may_ask(call.tool)][:SOME]


def _modern(ground: Ground) -> list[SearchStrategy[Step]]:
    kinds = []
    if wanted := _listened(ground):
        kinds += [doing("listen", wanted, slots=2), st.integers(0, 1).map(lambda slot: Step("unlisten", slot=slot))]
    if asking := _asking(ground):
        kinds.append(doing("question", asking, slots=3))
    calls = quick_calls(ground)
    if calls and declares(ground.capabilities, f"extensions.{TASKS}"):
        kinds.append(doing("task", [Request("tools/call", call.params) for call in calls[: 2 * SOME]], slots=3))
    return kinds
