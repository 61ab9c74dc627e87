"""Monitors of what servers ask for: of whom, and with what. The shape of a question is for the monitors of shapes.

Sources: `client/elicitation#capabilities`, `client/sampling`, `client/roots`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.traffic import revision_of
from conformance.questions import Question, questions
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import Revision

__all__ = ["ELICIT", "about", "asked_by"]

ELICIT, _SAMPLE = "elicitation/create", "sampling/createMessage"
_NEEDS = {ELICIT: "elicitation", _SAMPLE: "sampling", "roots/list": "roots"}


def asked_by(method: str, conversation: Conversation) -> Iterator[tuple[Question, Revision]]:
    """Every question of a method, with the revision spoken."""
    revision = revision_of(conversation)
    if revision is not None:
        for question in questions(conversation):
            if question.method == method and question.entry.defect is None:
                yield question, revision


def about(question: Question, expected: str, actual: Any, breaks: str | None = None) -> Mismatch:
    """Return what is wrong with a question."""
    mismatch = Mismatch(expected, brief(actual), [question.entry.index])
    mismatch.breaks = breaks
    return mismatch


# Capabilities ---------------------------------------------------------------------------------------


@monitor(
    "questions.declared",
    "roots.capability-checked",
    "lifecycle.operation.capabilities",
    "lifecycle.operation.capabilities-should",
)
def declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server asks by requests of its own only for what the client declared."""
    revision = revision_of(conversation)
    if revision is None or revision.modern:
        return
    for question in questions(conversation):
        if question.declared is not None:
            need = _NEEDS[question.method]
            wanted = f"no {question.method}: the client did not declare {need}"
            sent = f"{question.method}, {brief(question.params)}"
            breaks = "roots.capability-checked" if need == "roots" else None
            yield None if need in question.declared else about(question, wanted, sent, breaks)


@monitor("elicitation.mode", "elicitation.mode.undeclared")
def mode(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server asks in no mode that the client did not declare; a client that names no mode takes forms."""
    for question, revision in asked_by(ELICIT, conversation):
        modes = (question.declared or {}).get("elicitation")
        wanted = question.params.get("mode", "form")
        if revision.url_elicitation and isinstance(modes, dict):
            fine = wanted in (modes or {"form": {}})
            yield None if fine else about(question, f"a mode among {', '.join(modes or ['form'])}", question.params)


@monitor("sampling.tools", "sampling.tools.undeclared")
def tools(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A sampling request holds tools only for a client that declared sampling.tools."""
    for question, revision in asked_by(_SAMPLE, conversation):
        able = (question.declared or {}).get("sampling")
        if revision.url_elicitation and isinstance(able, dict):
            fine = "tools" in able or not question.params.keys() & {"tools", "toolChoice"}
            yield None if fine else about(question, "no tools: sampling.tools was not declared", question.params)


@monitor("sampling.context", "sampling.context.avoided", "sampling.context.undeclared")
def context(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A sampling request asks for no context of servers, least of all of a client that did not declare it."""
    for question, revision in asked_by(_SAMPLE, conversation):
        able = (question.declared or {}).get("sampling")
        if revision.url_elicitation and isinstance(able, dict):
            fine = question.params.get("includeContext", "none") == "none"
            breaks = "sampling.context.avoided" if "context" in able else "sampling.context.undeclared"
            yield None if fine else about(question, "no includeContext, or none", question.params, breaks)


# Conversations to go on with -------------------------------------------------------------------------


@monitor("sampling.tool-results", "sampling.tool-results.alone", "sampling.tool-results.balanced")
def tool_results(conversation: Conversation) -> Iterator[Mismatch | None]:
    """In a conversation to go on with, each use of a tool has its result in the next message, which holds no more."""
    for question, revision in asked_by(_SAMPLE, conversation):
        asked = question.params.get("messages")
        if revision.url_elicitation and isinstance(asked, list):
            wrong = _unbalanced([message for message in asked if isinstance(message, dict)])
            yield about(question, wrong[1], asked, f"sampling.tool-results.{wrong[0]}") if wrong else None


def _unbalanced(asked: list[dict[str, Any]]) -> tuple[str, str] | None:
    """Return which rule a conversation breaks, and what was expected of it; None if it is as it must be."""
    awaited: list[Any] = []
    for message in (*asked, {}):
        blocks = _blocks(message)
        results = [block.get("toolUseId") for block in blocks if block.get("type") == "tool_result"]
        if results and message.get("role") == "user" and len(results) < len(blocks):
            return "alone", "a message with tool results to hold nothing else"
        if awaited and (message.get("role") != "user" or sorted(map(repr, results)) != sorted(map(repr, awaited))):
            return "balanced", f"a user's message with the results of {brief(awaited)}"
        awaited = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
    return None


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else [content]
    return [block for block in blocks if isinstance(block, dict)]
