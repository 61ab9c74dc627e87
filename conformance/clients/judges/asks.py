"""Judges of what clients answer to forms, pages, samples and roots, in both eras."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

from conformance.clients import forms
from conformance.clients.declare import judge
from conformance.clients.judges.questions import asked
from conformance.clients.said import said, spoken
from conformance.clients.scenarios.asks import COMPLETE, LAST_PING, PAGE
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.monitors.traffic import requests
from conformance.questions import Question
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.revisions import Revision

_SCENES = ("asks", "asked-back")
_ACTIONS = ("accept", "decline", "cancel")
_NO_METHOD, _INVALID, _REJECTED = -32601, -32602, -1
_SAYS_NO = re.compile(r"\b(reject|declin|den[iy]|refus)", re.IGNORECASE)


def _mode(question: Question) -> str:
    mode = question.params.get("mode", "form")
    return mode if isinstance(mode, str) else ""


def _modes(question: Question) -> frozenset[str]:
    """The modes that the client declared; none, where it declared no elicitation."""
    declared = question.declared or {}
    return forms.elicitation_modes(declared["elicitation"]) if "elicitation" in declared else frozenset()


def _elicited(conversation: Conversation, which: Callable[[Question], bool]) -> list[Question]:
    """The elicitations of a kind in a mode that the client declared."""
    every = [item for item in asked(conversation, "elicitation/create") if _mode(item) in _modes(item)]
    if not every:
        raise Inapplicable("the client declares no elicitation, or was not asked in a mode that it declares")
    found = [item for item in every if which(item)]
    if not found:
        raise Inapplicable("the client was asked nothing of the kind in a mode that it declares")
    return found


def _answered(question: Question) -> list[int]:
    """The evidence of an answered question. Raises `Blocked` without answer."""
    if question.reply is None:
        raise Blocked(f"the client did not answer {question.method} {question.name}")
    return [question.entry.index, question.reply.entry.index]


def _revision(conversation: Conversation) -> Revision:
    revision = spoken(conversation)
    assert revision is not None
    return revision


def _result(question: Question) -> dict[str, Any]:
    """The result of an answered question, or nothing."""
    result = question.reply.result if question.reply is not None else None
    return result if isinstance(result, dict) else {}


def _code(question: Question) -> Any:
    """The code of the error that a question was answered with, None for a result."""
    error = question.reply.error if question.reply is not None else None
    return error.get("code") if isinstance(error, dict) else None


def _said(question: Question) -> str:
    reply = question.reply
    return brief(reply.result if reply is not None and reply.error is None else reply and reply.error)


# Elicitation ----------------------------------------------------------------------------------------


@judge("client.elicitation-modes", "elicitation.modes", scenario=_SCENES)
def elicitation_modes(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client knows elicitation/create in the modes that it declares."""
    for question in _elicited(conversation, lambda _: True):
        evidence = _answered(question)
        if _code(question) == _NO_METHOD:
            yield Mismatch(f"an answer to elicitation of mode {_mode(question)}", _said(question), evidence)
        elif _result(question).get("action") in _ACTIONS:
            yield None


@judge("client.elicitation-mode-absent", "elicitation.mode.absent", scenario=_SCENES)
def elicitation_mode_absent(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An elicitation that names no mode is answered as the same form is that names it."""
    every = _elicited(conversation, lambda item: item.params.get("requestedSchema") == forms.FORM)
    named = next((item for item in every if "mode" in item.params), None)
    for question in every:
        if "mode" in question.params or named is None:
            continue
        evidence = [*_answered(named), *_answered(question)]
        action = _result(named).get("action")
        if action not in _ACTIONS:
            raise Blocked("the client answers a form with an error")
        fine = _result(question).get("action") in _ACTIONS
        yield None if fine else Mismatch(f"an answer as to mode form, which was {action}", _said(question), evidence)


@judge("client.elicitation-mode-refused", "elicitation.mode.refused", scenario="asks")
def elicitation_mode_refused(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Elicitation in a mode that was not declared gets error -32602."""
    every = [item for item in asked(conversation, "elicitation/create") if _modes(item)]
    undeclared = [item for item in every if _mode(item) not in _modes(item)]
    if not undeclared:
        raise Inapplicable("the client declares no elicitation, or all of its modes")
    for question in undeclared:
        evidence = _answered(question)
        fine = _code(question) == _INVALID
        wanted = f"error {_INVALID}: mode {_mode(question)} was not declared"
        yield None if fine else Mismatch(wanted, _said(question), evidence)


@judge("client.elicitation-defaults", "elicitation.form.defaults", scenario=_SCENES)
def elicitation_defaults(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that fills in forms gives back the defaults that it leaves alone."""
    every = _elicited(conversation, lambda item: _mode(item) == "form")
    fills = any(item.accepted for item in every)
    for question in every:
        if question.params.get("requestedSchema") == forms.DEFAULTS_FORM:
            evidence = _answered(question)
            if _result(question).get("action") != "accept" or not fills:
                raise Blocked("the client filled in no form")
            missing = sorted(forms.DEFAULTS.keys() - (question.accepted or {}).keys())
            actual = f"{_said(question)}, without {', '.join(missing)}"
            yield None if not missing else Mismatch(f"{brief(forms.DEFAULTS)}", actual, evidence)


@judge("client.elicitation-page", "elicitation.url.no-prefetch", "elicitation.url.consent", scenario=_SCENES)
def elicitation_page(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Nothing is fetched from the page that an elicitation names before the user has said yes to it."""
    for question in _elicited(conversation, lambda item: _mode(item) == "url"):
        fetched = [entry.index for entry in conversation.beside(PAGE) if entry.direction is Direction.RECEIVED]
        reply = question.reply
        agreed = _result(question).get("action") == "accept"
        early = [index for index in fetched if reply is None or index < reply.entry.index]
        evidence = [question.entry.index, *fetched[:1], *([reply.entry.index] if reply is not None else [])]
        if fetched and not agreed:
            mismatch = Mismatch("no request to the page", f"one, and the answer {_said(question)}", evidence)
            mismatch.breaks = "elicitation.url.no-prefetch" if early else "elicitation.url.consent"
            yield mismatch
        elif early:
            raise Blocked("the client opened the page before it answered; whoever stands for its user may have agreed")
        elif reply is not None:
            yield None


@judge("client.elicitation-complete", "elicitation.complete.unknown", scenario="asks")
def elicitation_complete(conversation: Conversation) -> Iterator[Mismatch | None]:
    """News of an elicitation that the client does not know changes nothing."""
    told = [
        entry.index for entry in conversation.sent() if entry.is_notification() and entry.value["method"] == COMPLETE
    ]
    pings = {item.message["id"]: item for item in requests(conversation) if item.message["method"] == "ping"}
    if not told or LAST_PING not in pings:
        raise Inapplicable("the client declares no elicitation")
    if any(item.answer is None for name, item in pings.items() if name != LAST_PING):
        raise Blocked("the client does not answer ping")
    fine = pings[LAST_PING].answer is not None
    evidence = [told[0], pings[LAST_PING].entry.index]
    yield None if fine else Mismatch("an answer to the ping that follows", "none", evidence)


# Sampling -------------------------------------------------------------------------------------------


def _sampled(conversation: Conversation, params: dict[str, Any]) -> list[Question]:
    """What a client that samples was asked with these params."""
    every = [item for item in asked(conversation, "sampling/createMessage") if "sampling" in (item.declared or {})]
    if not every:
        raise Inapplicable("the client declares no sampling")
    return [item for item in every if item.params == params]


def _completed(question: Question) -> bool:
    return "content" in _result(question)


@judge("client.sampling-tools", "sampling.tools.declared", scenario="asks")
def sampling_tools(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that did not declare sampling.tools does not sample with tools."""
    every = _sampled(conversation, forms.with_tools())
    if not every:
        raise Inapplicable("the client declares sampling.tools")
    for question in every:
        evidence = _answered(question)
        wanted = "an error: sampling.tools was not declared"
        yield Mismatch(wanted, _said(question), evidence) if _completed(question) else None


@judge("client.sampling-tool-results", "sampling.tool-results.missing", "sampling.tool-results.mixed", scenario="asks")
def sampling_tool_results(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Sampling whose messages leave a tool without its result, or mix results with text, gets error -32602."""
    kinds = {"missing": forms.unanswered_tools(), "mixed": forms.mixed_results()}
    found = [(name, item) for name, params in kinds.items() for item in _sampled(conversation, params)]
    if not found:
        raise Inapplicable("the client declares no sampling.tools")
    for name, question in found:
        evidence = _answered(question)
        mismatch = Mismatch(f"error {_INVALID}", _said(question), evidence)
        mismatch.breaks = f"sampling.tool-results.{name}"
        yield None if _code(question) == _INVALID else mismatch


@judge("client.sampling-content", "sampling.content.validated", scenario=_SCENES)
def sampling_content(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client samples nothing for a message whose content is of no type that there is."""
    if not any(map(_completed, _sampled(conversation, forms.SAMPLE))):
        raise Blocked("the client samples nothing for an ordinary message either")
    for question in _sampled(conversation, forms.GARBAGE):
        evidence = [question.entry.index, *([question.reply.entry.index] if question.reply is not None else [])]
        yield Mismatch("an error, or no answer", _said(question), evidence) if _completed(question) else None


@judge("client.sampling-refused", "sampling.failure.error", "sampling.rejected.code", scenario="asks")
def sampling_refused(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that does not sample says so by an error, which has code -1 where the user said no."""
    for question in _sampled(conversation, forms.SAMPLE):
        evidence = _answered(question)
        coded = _revision(conversation).url_elicitation
        error = question.reply.error if question.reply is not None else None
        code = error.get("code") if isinstance(error, dict) else None
        by_user = _SAYS_NO.search(_words(question)) is not None
        if code is None and not by_user:
            raise Blocked("the client samples whatever it is asked for; let it refuse, and this can be judged")
        fine = code is not None and not (coded and by_user and code != _REJECTED)
        wanted = f"error {_REJECTED} for what the user rejected" if coded else "an error"
        yield None if fine else Mismatch(wanted, _said(question), evidence)


def _words(question: Question) -> str:
    """What an answer to sampling says to people: the message of an error, or the text of a sample."""
    reply = question.reply
    spoken = reply.error.get("message") if reply is not None and isinstance(reply.error, dict) else None
    content = _result(question).get("content")
    return str(spoken if spoken is not None else content.get("text") if isinstance(content, dict) else "")


# Roots ----------------------------------------------------------------------------------------------


@judge("client.roots-changed", "roots.changed", scenario="asks")
def roots_changed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that declares roots.listChanged tells when its roots are others than before."""
    every = [item for item in asked(conversation, "roots/list") if "roots" in (item.declared or {})]
    if not every or not every[0].declared or not _declares_changes(every[0].declared):
        raise Inapplicable("the client declares no roots.listChanged")
    told = [item.entry.index for item in said(conversation) if item.method == "notifications/roots/list_changed"]
    for earlier, later in itertools.pairwise(every):
        first, second = _answered(earlier), _answered(later)
        if _result(earlier).get("roots") == _result(later).get("roots"):
            raise Blocked("the client's roots did not change")
        fine = any(first[-1] < index < second[-1] for index in told)
        wanted = "notifications/roots/list_changed before roots that are others"
        yield None if fine else Mismatch(wanted, _said(later), [*first, *second])


def _declares_changes(declared: dict[str, Any]) -> bool:
    roots = declared["roots"]
    return isinstance(roots, dict) and roots.get("listChanged") is True
