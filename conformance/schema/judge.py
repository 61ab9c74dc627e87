"""Does a value have the shape of a message type? Everything is compiled once for each revision and kept."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from jsonschema import Draft202012Validator

from conformance.accepting import Accepts, acceptor
from conformance.schema.compile import REVISIONS, answers, compiled, expanded, tables
from conformance.schema.explain import Violation, explained
from conformance.schema.notation import Schema


@dataclass(frozen=True, slots=True)
class Message:
    """What is known of one method: the names of the definitions to judge its messages by."""

    definition: str
    """The whole message, e.g. `CallToolRequest`."""

    results: tuple[str, ...]
    """The values of `result` that may answer it, the ordinary one first; none for a notification."""


def has_revision(revision: str) -> bool:
    """Whether the types of this revision are transcribed."""
    return revision in REVISIONS


def document(revision: str) -> dict[str, Any]:
    """The JSON Schema 2020-12 document of a revision, types under `$defs` by their official names; the caller's copy.

    Raises LookupError for a revision that is not transcribed.
    """
    return copy.deepcopy(_document(revision))


@cache
def definitions(revision: str) -> frozenset[str]:
    """The names of a revision's types. Raises LookupError for a revision that is not transcribed."""
    return frozenset(_document(revision)["$defs"])


@cache
def messages(revision: str) -> Mapping[str, Message]:
    """Every request and notification of a revision by its method.

    At 2026-07-28 this includes the three requests that a server may only make inside `inputRequests`.
    Raises LookupError for a revision that is not transcribed.
    """
    replies = answers(revision, tables())
    found: dict[str, Message] = {}
    for name, schema in _document(revision)["$defs"].items():
        match schema:
            case {"properties": {"method": {"const": str(method)}}}:
                found[method] = Message(name, replies.get(name, ()))
    return MappingProxyType(found)


def violations(revision: str, definition: str, value: object) -> list[Violation]:
    """Where a JSON value departs from the named type; nothing if it conforms.

    Formats (URIs, base64) are not judged, nor is anything that one message alone cannot show.
    Raises LookupError for a revision or definition that is not transcribed.
    """
    if _accepts(revision, definition)(value):
        return []
    validator = _validator(revision, definition)
    try:
        return explained(validator.iter_errors(value))
    except RecursionError:  # the library puts the whole offending value into its messages
        return [Violation("", "departs from its type and is nested too deeply to say where", "type")]


def ranked(revision: str, names: Sequence[str], value: object) -> list[tuple[str, list[Violation]]]:
    """Where a value departs from each of several types that it may have, the one it was evidently meant for first.

    That is one whose constants agree and most of whose required members are there; of equals the one with the fewest
    departures, and then the one named first. A type that it conforms to is all that is returned, with no departure.
    Raises LookupError for a revision or definition that is not transcribed.
    """
    judged = []
    for name in names:
        judged.append((name, violations(revision, name, value)))
        if not judged[-1][1]:
            return judged[-1:]
    return sorted(judged, key=lambda one: _remoteness(revision, *one))


def _remoteness(revision: str, definition: str, found: list[Violation]) -> tuple[bool, float, int]:
    """How far a value is from a type, worst sign first. A type of one member is not near for lacking only that."""
    tagged = any(violation.keyword == "const" and violation.pointer.count("/") == 1 for violation in found)
    lacking = sum(violation.keyword == "required" and not violation.pointer for violation in found)
    required = len(_expanded(revision)[definition].get("required", ()))
    return tagged, lacking / required if required else 0.0, len(found)


@cache
def _document(revision: str) -> Schema:
    if not has_revision(revision):
        raise LookupError(f"the message types of revision {revision!r} are not transcribed")
    return compiled(revision, tables())


@cache
def _expanded(revision: str) -> dict[str, Schema]:
    return expanded(_document(revision)["$defs"])


@cache
def _accepts(revision: str, definition: str) -> Accepts:
    return acceptor(_expanded(revision)[_known(revision, definition)])


@cache
def _validator(revision: str, definition: str) -> Draft202012Validator:
    return Draft202012Validator(_expanded(revision)[_known(revision, definition)])


def _known(revision: str, definition: str) -> str:
    if definition not in definitions(revision):
        raise LookupError(f"revision {revision} has no type {definition!r}")
    return definition
