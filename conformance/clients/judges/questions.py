"""Judges of how clients take questions, in both eras: what they declared, what they answer, and with what content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from conformance.clients.declare import judge
from conformance.clients.said import Said, modern, said
from conformance.dialects import misfit
from conformance.expect import Inapplicable, Mismatch, brief
from conformance.questions import Question, questions
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES

_METHODS = {"elicitation": "elicitation/create", "sampling": "sampling/createMessage", "roots": "roots/list"}
_DOTS = re.compile(r"(^|[/\\])\.{1,2}([/\\]|$)")


def asked(conversation: Conversation, method: str) -> list[Question]:
    """What our server asked by one method."""
    return [question for question in questions(conversation, Direction.SENT) if question.method == method]


@judge("client.elicitation-declared", "elicitation.declared", "elicitation.declared-legacy")
def elicitation_declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Only a client that declares elicitation is asked for input with success, and it says so on every request."""
    yield from _declared(conversation, "elicitation")


@judge("client.sampling-declared", "sampling.declared", "sampling.declared-legacy")
def sampling_declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Only a client that declares sampling samples, and it says so on every request."""
    yield from _declared(conversation, "sampling")


@judge("client.roots-declared", "roots.declared", "roots.declared-legacy")
def roots_declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Only a client that declares roots tells its roots, and it says so on every request."""
    yield from _declared(conversation, "roots")


def _declared(conversation: Conversation, capability: str) -> Iterator[Mismatch | None]:
    if modern(conversation):
        yield from _declared_throughout(conversation, capability)
        return
    for question in asked(conversation, _METHODS[capability]):
        if question.reply is None or question.declared is None:
            continue
        fine = capability in question.declared or not _serves(question.reply.result)
        evidence = [question.entry.index, question.reply.entry.index]
        wanted = f"an error, for {capability} was not declared"
        yield None if fine else Mismatch(wanted, brief(question.reply.result), evidence)


def _serves(result: Any) -> bool:
    """Whether a result gives what was asked for: to decline, or to tell of no roots, takes no capability."""
    given = result if isinstance(result, dict) else {}
    return given.get("action") == "accept" or "model" in given or bool(given.get("roots"))


def _declared_throughout(conversation: Conversation, capability: str) -> Iterator[Mismatch | None]:
    """Between two requests that declare a capability none leaves it out: they are of one client, then."""
    requests = [item for item in said(conversation) if item.is_request and item.is_modern]
    declaring = [number for number, item in enumerate(requests) if _declares(item, capability)]
    if not declaring:
        raise Inapplicable(f"the client never declares {capability}")
    first = requests[declaring[0]]
    for item in requests[declaring[0] : declaring[-1] + 1]:
        actual = f"{item.method} with {brief(item.meta.get(CLIENT_CAPABILITIES))}"
        evidence = [first.entry.index, item.entry.index]
        wanted = f"{capability} declared as on the requests before and after"
        yield None if _declares(item, capability) else Mismatch(wanted, actual, evidence)


def _declares(item: Said, capability: str) -> bool:
    capabilities = item.meta.get(CLIENT_CAPABILITIES)
    # What is no object at all is the finding of those who judge metadata.
    return not isinstance(capabilities, dict) or capability in capabilities


# What comes back ------------------------------------------------------------------------------------


@judge("client.elicitation-content", "elicitation.answer.validated", "elicitation.answer.validated-early")
def elicitation_content(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The content of an answer that accepts fits the schema that was asked for."""
    for question in asked(conversation, "elicitation/create"):
        schema = question.params.get("requestedSchema")
        reply = question.reply.result if question.reply is not None else None
        if isinstance(reply, dict) and reply.get("action") == "accept" and isinstance(schema, dict):
            assert question.reply is not None
            content = reply.get("content", {})
            wrong = misfit(schema, content)
            evidence = [question.entry.index, question.reply.entry.index]
            actual = f"{brief(content)} ({wrong})"
            yield None if wrong is None else Mismatch("content that fits requestedSchema", actual, evidence)


@judge("client.roots-uris", "roots.uri.file", "roots.uri.validated")
def roots_uris(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The uri of every root begins with file:// and has no dot segments."""
    for question in asked(conversation, "roots/list"):
        result = question.reply.result if question.reply is not None else None
        roots = result.get("roots") if isinstance(result, dict) else None
        for root in roots if isinstance(roots, list) else ():
            uri = root.get("uri") if isinstance(root, dict) else None
            if isinstance(uri, str) and question.reply is not None:
                yield _misplaced(uri, [question.entry.index, question.reply.entry.index])


def _misplaced(uri: str, evidence: list[int]) -> Mismatch | None:
    if not uri.lower().startswith("file://"):
        mismatch = Mismatch("a uri that begins with file://", uri, evidence)
        mismatch.breaks = "roots.uri.file"
        return mismatch
    path = unquote(uri[len("file://") :].partition("?")[0].partition("#")[0])
    if _DOTS.search(path):
        mismatch = Mismatch("a uri without dot segments", uri, evidence)
        mismatch.breaks = "roots.uri.validated"
        return mismatch
    return None
