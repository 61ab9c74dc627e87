"""Requests of every method that a target serves, wrong in one way against our transcription of the schema.

Sound requests are made from what the target lists; one rule of the method's own type is then broken within `params`.
Whether a target minds is its own affair, but a request that can be read is answered (JSON-RPC 2.0 section 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from conformance.capabilities import declares
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.json_schema_breaks import Break, breaks, confirmed, put
from conformance.properties.json_schema_document import Document, read
from conformance.properties.known import ID
from conformance.properties.messages import request
from conformance.properties.property import Ground
from conformance.properties.ways import way_of_keyword
from conformance.schema import document, has_revision, messages
from conformance.surface import prompt_arguments
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import Revision

__all__ = ["broken_requests", "known_wrong_params", "sound_params", "wrong_params"]

_SOME = 3
"""Listed items of a kind that requests are made for."""
_NO_TASK = "touchstone-no-such-task"
_WAYS = 8
"""Rules of one request that are broken before anything is drawn."""


def sound_params(ground: Ground) -> list[tuple[str, dict[str, Any]]]:
    """Return each method that the target serves, with params that it should take."""
    surface, declared = ground.surface, ground.capabilities
    served: list[tuple[str, dict[str, Any]]] = []
    if "tools" in declared:
        quick = [call for call in surface.calls() if not surface.is_slow(call)]
        served += [("tools/list", {}), *(("tools/call", call.params) for call in quick[:_SOME])]
    if "resources" in declared:
        uris = [item["uri"] for item in surface.resources[:_SOME] if isinstance(item.get("uri"), str)]
        served += [("resources/list", {}), *(("resources/read", {"uri": uri}) for uri in uris)]
        can = declared["resources"]
        if isinstance(can, dict) and can.get("subscribe") and uris and not ground.revision.modern:
            served += [(f"resources/{verb}", {"uri": uris[0]}) for verb in ("subscribe", "unsubscribe")]
    if "prompts" in declared:
        named = [prompt for prompt in surface.prompts[:_SOME] if isinstance(prompt.get("name"), str)]
        served += [("prompts/list", {})]
        served += [("prompts/get", {"name": each["name"], "arguments": prompt_arguments(each)}) for each in named]
    if "completions" in declared:
        served += [("completion/complete", params) for params in islice(surface.completions(), _SOME)]
    if "logging" in declared and not ground.revision.modern:
        served.append(("logging/setLevel", {"level": "info"}))
    return [*served, *_of_tasks(ground)]


def _of_tasks(ground: Ground) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests about a task that there is not: their types are looked at before it is."""
    about: dict[str, Any] = {"taskId": _NO_TASK}
    if declares(ground.capabilities, "tasks") and not ground.revision.modern:
        yield from ((f"tasks/{verb}", about) for verb in ("get", "result", "cancel"))
        yield "tasks/list", {}
    if declares(ground.capabilities, f"extensions.{TASKS}") and ground.revision.modern:
        about = {**about, "_meta": {CLIENT_CAPABILITIES: {"extensions": {TASKS: {}}}}}
        yield from (("tasks/get", about), ("tasks/cancel", about), ("tasks/update", {**about, "inputResponses": {}}))


def wrong_params(ground: Ground) -> SearchStrategy[Case]:
    """Requests of each method whose params break its type in one way; nothing where the target serves none."""
    revision = ground.revision
    served = sound_params(ground) if has_revision(revision.name) else []
    made = [(method, params) for method, params in served if method in messages(revision.name)]

    @st.composite
    def wrong(draw: DrawFn) -> Case:
        method, params = draw(st.sampled_from(made))
        sound = request(revision, method, params, request_id=ID)
        types = _type(revision.name, messages(revision.name)[method].definition)
        ways = [way for way in breaks(types.root, sound, types) if _within_params(way)]
        assume(ways)
        keyword = draw(st.sampled_from(list(dict.fromkeys(way.keyword for way in ways))))
        way = draw(st.sampled_from([way for way in ways if way.keyword == keyword]))
        broken = put(sound, way.path, way.value)
        assume(confirmed(types, way, broken))
        return _case(method, way, broken)

    return wrong() if made else st.nothing()


def known_wrong_params(ground: Ground) -> Iterator[Case]:
    """The same, one rule after the other of the first requests, for as many as is reasonable."""
    for method, params in sound_params(ground):
        yield from islice(
            broken_requests(ground.revision, request(ground.revision, method, params, request_id=ID)), _WAYS
        )


def broken_requests(revision: Revision, sound: dict[str, Any]) -> Iterator[Case]:
    """A sound request with one rule broken of those for its params, each rule once at each place."""
    method = sound["method"]
    if not has_revision(revision.name) or method not in messages(revision.name):
        return
    types = _type(revision.name, messages(revision.name)[method].definition)
    ways = {(way.path, way.keyword): way for way in breaks(types.root, sound, types) if _within_params(way)}
    for way in ways.values():
        broken = put(sound, way.path, way.value)
        if confirmed(types, way, broken):
            yield _case(method, way, broken)


def _within_params(way: Break) -> bool:
    """Whether a break leaves a JSON-RPC request whose params are an object with sound metadata.

    Others need not be told from noise, or pass for a request of another era; `messages` makes those.
    """
    member = way.path[1:2] if len(way.path) > 1 else ("_meta",) if "'_meta'" in way.description else ()
    return way.path[:1] == ("params",) and member != ("_meta",) and (len(way.path) > 1 or way.keyword != "type")


def _case(method: str, way: Break, broken: Any) -> Case:
    place = ".".join(map(str, way.path))
    name = way_of_keyword(way.keyword)
    return Case(f"{method}: {name} at {place} ({way.description})", Expectation.REPLY, broken, way=name)


@cache
def _type(revision: str, definition: str) -> Document:
    types = document(revision)
    return read({"$ref": f"#/$defs/{definition}", "$defs": types["$defs"]}, "2020-12", sound=True)
