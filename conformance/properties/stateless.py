"""The properties that hold for every single message, whatever came before it.

Each makes cases from what the target offers; `conformance.properties.oracle` judges how the target takes them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.properties import framing
from conformance.properties.arguments import invalid_arguments, known_arguments, valid_arguments
from conformance.properties.case import Case, Kin
from conformance.properties.expectation import Expectation
from conformance.properties.formats import wrong_formats
from conformance.properties.header_breaks import HEADER_ROWS, contradicting_headers, known_contradictions
from conformance.properties.messages import (
    EDGES,
    NearValid,
    ids,
    more_ids,
    more_near_valid,
    near_valid,
    request,
)
from conformance.properties.openings import known_listens, wrong_handshakes
from conformance.properties.pairs import calls_after, calls_again, calls_beside, calls_cut, known_cuts, known_pairs
from conformance.properties.promises import CALL_ROWS, LEAKS
from conformance.properties.property import Ground, Property
from conformance.properties.texts import any_texts
from conformance.properties.transcribed import known_wrong_params, wrong_params
from conformance.properties.ways import way_of
from reference_impl.protocol.methods import PAGINATED

__all__ = ["PROPERTIES"]

_KNOWN = 60
"""Known-bad requests that are tried before others at most."""
_SOME = 5
"""Listed items of a kind that cases are made for."""


def _sound(ground: Ground) -> list[tuple[str, dict[str, Any]]]:
    """Return sound requests that any target of this kind answers with a result: a label and the message."""
    cheap = "server/discover" if ground.revision.modern else "ping"
    declared = [method for method in PAGINATED if method.partition("/")[0] in ground.capabilities]
    lists = [method for method in declared if method != "resources/templates/list"]
    reads = [{"uri": resource.get("uri")} for resource in ground.surface.resources[:_SOME]]
    return [
        *((method, request(ground.revision, method)) for method in (cheap, *lists)),
        *(("resources/read", request(ground.revision, "resources/read", params)) for params in reads),
    ]


def sound_requests(ground: Ground) -> SearchStrategy[Case]:
    """Sound requests with any legal id."""

    listed = _sound(ground)

    def case(sound: tuple[str, dict[str, Any]], identifier: Any) -> Case:
        expectation = Expectation.ANSWER if sound[0] == "resources/read" else Expectation.RESULT
        return Case(sound[0], expectation, {**sound[1], "id": identifier}, exact_id=True)

    def others(random: Random) -> Iterator[Case]:
        return (case(random.choice(listed), identifier) for identifier in more_ids(random))

    drawn = st.builds(case, st.sampled_from(listed), ids())
    return drawn.map(lambda made: replace(made, kin=Kin(others)))


def known_ids(ground: Ground) -> Iterator[Case]:
    """The cheapest request with ids from where narrower types end."""
    label, message = _sound(ground)[0]
    for identifier in (0, *EDGES):
        yield Case(label, Expectation.RESULT, {**message, "id": identifier}, exact_id=True)


def near_valid_messages(ground: Ground) -> SearchStrategy[Case]:
    """Requests that are wrong in exactly one known way."""

    def broken(sound: tuple[str, dict[str, Any]]) -> SearchStrategy[Case]:
        wrong = near_valid(sound[1], ground.revision, dual_era=ground.dual_era)
        return wrong.map(lambda item: replace(_spoiled(item), kin=Kin(partial(others, sound[1]))))

    def others(message: dict[str, Any], random: Random) -> Iterator[Case]:
        return map(_spoiled, more_near_valid(message, ground.revision, random, dual_era=ground.dual_era))

    drawn = st.sampled_from(_sound(ground)).flatmap(broken) | wrong_params(ground)
    listed = (*wrong_formats(ground), *known_listens(ground))
    return drawn | st.sampled_from(listed) if listed else drawn


def _spoiled(item: NearValid) -> Case:
    return Case(item.defect, item.expectation, item.message, way=item.way)


def known_near_valid(ground: Ground) -> Iterator[Case]:
    """Requests that are wrong in ways that many a server has not minded, or minded too much."""
    cheap = _sound(ground)[0][1]
    told = {name: value for name, value in cheap.items() if name != "id"}
    yield Case("id is missing", Expectation.ERROR_OR_SILENCE, told, way="id")
    yield from itertools.islice(known_wrong_params(ground), _KNOWN)
    yield from itertools.islice(wrong_formats(ground), _SOME)
    yield from itertools.islice(known_listens(ground), _SOME)


def odd_framing(ground: Ground) -> SearchStrategy[Case]:
    """Bytes cut anywhere, and lines that are no messages."""
    method = "server/discover" if ground.revision.modern else "ping"

    def framed(identifier: int) -> SearchStrategy[Case]:
        message = request(ground.revision, method, request_id=identifier)
        made = framing.whole(message) if ground.transport in _WHOLE else framing.framings(message)
        if ground.transport in _LINES:
            made |= framing.together(message, request(ground.revision, method, request_id=identifier + 10**9))
        return made.map(_framed)

    # Bytes cannot be given another id afterwards, so it is drawn from so many that none comes twice.
    return st.integers(10**6, 10**9).flatmap(framed)


def known_framings(ground: Ground) -> Iterator[Case]:
    """Lines that broke readers in the field."""
    method = "server/discover" if ground.revision.modern else "ping"
    for number in itertools.count():
        made = framing.known(request(ground.revision, method, request_id=10**6 - 1 - number))
        if number >= len(made):
            return
        yield _framed(made[number])


def _framed(item: framing.Framing) -> Case:
    way = "" if item.expectation is Expectation.ANSWER else way_of(item.label)
    return Case(item.label, item.expectation, chunks=item.chunks, requests=item.requests, way=way)


_WHOLE = ("sse", "ws")
_LINES = ("stdio", "memory")
_ECHO = ("base.response.id-echo", "base.response.id-echo-legacy")

PROPERTIES: tuple[Property, ...] = (
    Property(
        "property.requests",
        (*_ECHO, "base.message.json-rpc", "base.response.every-request"),
        "Every sound request, whatever its id, gets exactly one answer: same id, valid by the schema.",
        sound_requests,
        known_ids,
    ),
    Property(
        "property.near-valid",
        ("base.response.every-request", "property.survives", LEAKS),
        "A request that is wrong in one way gets an error or silence, as the rules say, and the target serves on.",
        near_valid_messages,
        known_near_valid,
    ),
    Property(
        "property.handshake",
        ("base.response.every-request", "property.survives"),
        "A handshake that is wrong in one way is answered, with a result or an error.",
        wrong_handshakes,
    ),
    Property(
        "property.headers",
        ("base.response.every-request", "property.survives", *HEADER_ROWS),
        "A request whose headers contradict its body is refused, and the target serves on.",
        contradicting_headers,
        known_contradictions,
    ),
    Property(
        "property.arguments.valid",
        ("base.message.json-rpc", "base.response.every-request", *CALL_ROWS),
        "A tool answers arguments that its own schema allows with one response, valid by the schemas.",
        valid_arguments,
        known_arguments,
    ),
    Property(
        "property.arguments.invalid",
        ("base.response.every-request", "property.survives", "tools.arguments.refused", LEAKS),
        "A tool answers arguments that its own schema forbids with one response, and the target serves on.",
        invalid_arguments,
    ),
    Property(
        "property.framing",
        ("base.response.every-request", "property.framing.lines"),
        "Messages arrive however their bytes were cut, and lines that are no messages do not stop the target.",
        odd_framing,
        known_framings,
    ),
    Property(
        "property.texts",
        ("base.message.json-rpc", "base.response.every-request", LEAKS),
        "Prompts, completions and resource templates answer any text with one response, valid by the schema.",
        any_texts,
    ),
    Property(
        "property.again",
        ("property.same-shape", "base.response.every-request"),
        "A read-only tool answers the same call twice in the same shape.",
        calls_again,
    ),
    Property(
        "property.after",
        ("property.independent", "base.response.every-request"),
        "A read-only tool gives no call the answer of an earlier one.",
        calls_after,
        known_pairs,
    ),
    Property(
        "property.beside",
        ("http.isolation.collision", "property.independent", "base.response.every-request"),
        "Of two calls at the same time, each gets its own answer.",
        calls_beside,
    ),
    Property(
        "property.cut",
        ("property.framing.lines", "property.pieces", "base.response.every-request"),
        "A call gets the same answer however its bytes were cut.",
        calls_cut,
        known_cuts,
    ),
)
