"""Monitors of progress: whose it is, that it rises, that it ends (`basic/patterns/progress`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.traffic import Asked, Key, key, notifications, requests
from conformance.transcript import Conversation, Entry

_TOKEN = "progressToken"  # noqa: S105 - the name of a member


def _progress(conversation: Conversation) -> Iterator[tuple[Entry, dict[str, Any], list[Asked]]]:
    """Every progress notification that has a token, with the requests that had given that token before."""
    asked = [request for request in requests(conversation) if _TOKEN in request.meta]
    for entry, message, params in notifications(conversation):
        # What a resumed stream brings may have come before, so its exchange is marked.
        if message["method"] == "notifications/progress" and _TOKEN in params and entry.defect is None:
            token = key(params[_TOKEN])
            givers = [item for item in asked if item.entry.index < entry.index and key(item.meta[_TOKEN]) == token]
            yield entry, params, givers


@monitor("progress.token", "progress.token.given", "progress.token.given-legacy")
def progress_token(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Progress is reported under a token that a request gave, with the same value and type."""
    for entry, params, givers in _progress(conversation):
        yield None if givers else Mismatch("a token that a request gave", brief(params), [entry.index])


@monitor("progress.rising", "progress.value.rises", "progress.value.rises-legacy")
def progress_rising(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Each progress value of a request is greater than the one before."""
    last: dict[tuple[Key, int], float] = {}
    for entry, params, givers in _progress(conversation):
        # A later request may give the token of one that is over again.
        token = key(params[_TOKEN]), max((asked.entry.index for asked in givers), default=0)
        value = params.get("progress")
        if isinstance(value, int | float) and not isinstance(value, bool):
            before = last.get(token)
            if before is not None and value <= before:
                yield Mismatch(f"progress above {before}", f"progress {value}", [entry.index])
            else:
                yield None
            last[token] = value


@monitor("progress.ended", "progress.stops", "progress.stops-legacy")
def progress_ended(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No progress is reported on a request after its response."""
    for entry, params, givers in _progress(conversation):
        late = [asked for asked in givers if asked.answer is not None and _after(conversation, asked.answer, entry)]
        if givers and len(late) == len(givers) and not any(_made_a_task(asked) for asked in late):
            yield Mismatch("no progress after the response", brief(params), [entry.index])
        elif givers:
            yield None


def _after(conversation: Conversation, answer: Entry, entry: Entry) -> bool:
    """Whether `entry` was sent after `answer`; on different streams of HTTP nobody can tell."""
    ordered = conversation.transport != "http" or answer.exchange == entry.exchange
    return ordered and answer.index < entry.index


def _made_a_task(asked: Asked) -> bool:
    """A task keeps its request's token until it ends (2025-11-25 `basic/utilities/progress`)."""
    result = asked.answer.value.get("result") if asked.answer is not None and asked.answer.is_message else None
    return isinstance(result, dict) and ("task" in result or result.get("resultType") == "task")


@monitor("progress.words", "progress.message", "progress.message-legacy")
def progress_words(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A message that goes with progress holds something to read."""
    for entry, params, _ in _progress(conversation):
        text = params.get("message")
        if isinstance(text, str):
            readable = any(character.isprintable() and not character.isspace() for character in text)
            yield None if readable else Mismatch("a message with something to read", brief(params), [entry.index])
