"""Monitors of forms and pages: what a server asks a user to fill in, where it sends one, and what comes of it.

Sources: `client/elicitation#safe-url-handling`, `#user-interaction-model`, and of 2025-11-25
`client/elicitation#url-elicitation-required-error`, `#completion-notifications-for-url-mode-elicitation`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.questions import ELICIT, about, asked_by
from conformance.monitors.traffic import notifications, requests, revision_of
from conformance.questions import Question
from conformance.transcript import Conversation, HttpHead

__all__ = ["BYSTANDER"]

BYSTANDER = "a bystander of an elicitation"
"""The purpose of a conversation in which a check looks whether what is another's comes."""
_URL_FIRST = -32042
"""The error code for a page that has to be visited first."""
_LEAST_SECRET = 16
_SECRET = re.compile(
    r"(?:^| )(?:password|passwd|passphrase|secret|api key|secret key|private key|access token|card number|cvv|cvc)$"
)
"""How the name of a field ends that is for a secret; words such as token, key and pin mean other things too."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_FOLLOW = re.compile(r"\b(?:click|visit|open|go to|follow|see|browse)\b[^.!?\n]{0,40}?https?://", re.IGNORECASE)
"""A link that somebody is to follow; one that only shows what to type is none."""
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


# Forms and pages ------------------------------------------------------------------------------------


@monitor("elicitation.secrets", "elicitation.form.sensitive", "elicitation.sensitive")
def secrets(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No form has a field for a password, a key, a token or the number of a card."""
    for question, _ in asked_by(ELICIT, conversation):
        for name, field in _fields(question):
            wrong = _is_for_a_secret(name, field)
            yield about(question, "no field for a secret", f"{name}: {brief(field)}") if wrong else None


def _fields(question: Question) -> Iterator[tuple[str, dict[str, Any]]]:
    form = question.params.get("requestedSchema")
    fields = form.get("properties") if isinstance(form, dict) else None
    for name, field in fields.items() if isinstance(fields, dict) else ():
        if isinstance(field, dict):
            yield name, field


def _is_for_a_secret(name: str, field: dict[str, Any]) -> bool:
    if field.get("type") != "string" or field.keys() & {"enum", "oneOf", "const"}:
        return False
    named = (" ".join(_WORDS.findall(text)).lower() for text in (name, str(field.get("title", ""))))
    return field.get("format") == "password" or any(_SECRET.search(text) for text in named)


@monitor("elicitation.links", "elicitation.form.urls")
def links(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No text of a form holds a link that is to be followed."""
    for question, revision in asked_by(ELICIT, conversation):
        if revision.url_elicitation and question.params.get("mode", "form") == "form":
            texts = [question.params.get("message")]
            texts += [field.get(member) for _, field in _fields(question) for member in ("title", "description")]
            wrong = [text for text in texts if isinstance(text, str) and _FOLLOW.search(text)]
            yield about(question, "no link to follow in a form", wrong[0]) if wrong else None


def _pages(conversation: Conversation) -> Iterator[tuple[Question, str, SplitResult | None]]:
    """Each page that a user is sent to: its URL, and the parts of it, if it can be read as an absolute URL."""
    for question, revision in asked_by(ELICIT, conversation):
        url = question.params.get("url")
        if revision.url_elicitation and question.params.get("mode") == "url" and isinstance(url, str):
            yield question, url, _parts(url)


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        named = parts.hostname if parts.scheme in ("http", "https") else parts.netloc or parts.path
    except ValueError:
        return None
    return parts if parts.scheme and named and not any(character <= " " for character in url) else None


@monitor("elicitation.url", "elicitation.url.valid")
def url_valid(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The URL that a user is sent to is an absolute one."""
    for question, url, parts in _pages(conversation):
        yield about(question, "an absolute URL", url) if parts is None else None


@monitor("elicitation.url-https", "elicitation.url.https")
def url_https(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The URL that a user is sent to over a network is an https URL."""
    for question, url, parts in _pages(conversation):
        if parts is not None:
            fine = parts.scheme != "http" or _is_near(parts.hostname or "", conversation)
            yield None if fine else about(question, "an https URL", url)


def _is_near(host: str, conversation: Conversation) -> bool:
    """Whether a host is this machine, in a private network, or the one that the target itself is reached at."""
    own = {(entry.head.get("host") or "").rpartition(":")[0] for entry in conversation.sent() if entry.head}
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in own or host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".test"))
    return address.is_loopback or address.is_private


@monitor("elicitation.url-private", "elicitation.url.private")
def url_private(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The URL that a user is sent to holds no credentials and no address of mail that a form was answered with."""
    secrets = {secret for entry in conversation.sent() for secret in _credentials(entry.head)}
    given: list[str] = []
    for question, _ in asked_by(ELICIT, conversation):
        url = str(question.params.get("url", ""))
        parts = _parts(url)
        if question.params.get("mode") == "url" and parts is not None:
            wrong = parts.username is not None or any(text in unquote(url) for text in (*secrets, *given))
            # It is not shown as it came: our report is to hold no credentials either.
            shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="…" if parts.query else "").geturl()
            yield about(question, "a URL that gives nothing of the user away", shown) if wrong else None
        texts = (value for value in (question.accepted or {}).values() if isinstance(value, str))
        given += [text for text in texts if _ADDRESS.fullmatch(text)]


def _credentials(head: HttpHead | None) -> Iterator[str]:
    for name, value in head.headers if head is not None else ():
        secret = value.rpartition(" ")[2]
        if name == "authorization" and len(secret) >= _LEAST_SECRET:
            yield secret


# Pages that come first, and are done with ------------------------------------------------------------


@monitor(
    "elicitation.required",
    "elicitation.required.code",
    "elicitation.required.only",
    "elicitation.required.list",
    "elicitation.required.urls",
)
def required(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An error that names pages to visit first has the code for it, lists them, and goes to who can open them."""
    revision = revision_of(conversation)
    if revision is None or revision.modern or not revision.url_elicitation:
        return
    modes = _declared_modes(conversation)
    for asked in requests(conversation):
        error = asked.answer.value.get("error") if asked.answer and asked.answer.is_message else None
        data = error.get("data") if isinstance(error, dict) else None
        listed = data.get("elicitations") if isinstance(data, dict) else None
        if isinstance(error, dict) and (error.get("code") == _URL_FIRST or listed) and asked.answer is not None:
            told = _misled(error.get("code"), listed, "url" in modes)
            mismatch = Mismatch(told[1], brief(error), [asked.entry.index, asked.answer.index]) if told else None
            if mismatch is not None and told is not None:
                mismatch.breaks = f"elicitation.required.{told[0]}"
            yield mismatch


def _misled(code: Any, listed: Any, able: bool) -> tuple[str, str] | None:
    """Return which rule such an error breaks, and what was expected of it; None if it is as it must be."""
    if code != _URL_FIRST:
        return "code", f"code {_URL_FIRST} for an error that lists elicitations"
    if not able:
        return "only", f"no {_URL_FIRST} for a client that opens no pages"
    if not isinstance(listed, list) or not listed:
        return "list", "data.elicitations to list one at least"
    for item in listed:
        fine = isinstance(item, dict) and item.get("mode") == "url" and isinstance(item.get("elicitationId"), str)
        if not fine:
            return "urls", "elicitations of mode url, each with an elicitationId"
    return None


def _declared_modes(conversation: Conversation) -> dict[str, Any]:
    for entry in conversation.sent():
        if entry.is_request() and entry.value["method"] == "initialize":
            params = entry.value.get("params")
            able = params.get("capabilities") if isinstance(params, dict) else None
            modes = able.get("elicitation") if isinstance(able, dict) else None
            return modes if isinstance(modes, dict) else {}
    return {}


@monitor("elicitation.complete", "elicitation.complete.id")
def complete(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Word that a page has been dealt with names an elicitation that the client was told of."""
    for entry, message, params in notifications(conversation) if conversation.purpose != BYSTANDER else ():
        if message["method"] == "notifications/elicitation/complete":
            known = {
                identifier
                for earlier in conversation.entries[: entry.index]
                if earlier.is_message
                for identifier in _told_of(earlier.value)
            }
            fine = params.get("elicitationId") in known
            yield None if fine else Mismatch("the id of an elicitation", brief(message), [entry.index])


def _told_of(message: dict[str, Any]) -> Iterator[Any]:
    """The ids of the pages that a question or an error names."""
    params, error = message.get("params"), message.get("error")
    if message.get("method") == ELICIT and isinstance(params, dict):
        yield params.get("elicitationId")
    data = error.get("data") if isinstance(error, dict) else None
    listed = data.get("elicitations") if isinstance(data, dict) else None
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict):
            yield item.get("elicitationId")
