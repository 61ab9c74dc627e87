"""What git keeps as bytes, told as text: names, messages, times, contents."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pygit2 import Commit, Signature

__all__ = ["commit_told", "day", "message_of", "person", "shown", "summary_of", "text_or_none", "when"]

_LONGEST_MESSAGE = 4_000


def shown(raw: bytes) -> str:
    """Return a name as text; bytes that are no UTF-8 become `\\xNN`, by which the file can be named again."""
    return raw.decode("utf-8", "backslashreplace")


def text_or_none(raw: bytes) -> str | None:
    """Return a file's contents as text, or None if they are none."""
    if b"\0" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def message_of(commit: Commit) -> str:
    """Return a commit's message, in the encoding that it names or in UTF-8; what fits neither becomes `\\xNN`."""
    try:
        named = codecs.lookup(commit.message_encoding or "utf-8").name
        return commit.raw_message.decode(named)
    except (LookupError, ValueError, TypeError):
        return shown(commit.raw_message)


def summary_of(message: str) -> str:
    """Return the first line of a message, as far as a line goes."""
    return (message.strip().splitlines() or [""])[0][:200]


def when(seconds: int, offset: int) -> str:
    """Return a time of git, with `offset` minutes from UTC, in ISO 8601; one beyond all calendars as `@seconds`."""
    try:
        return datetime.fromtimestamp(seconds, timezone(timedelta(minutes=offset))).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"@{seconds}"


def day(text: str) -> float:
    """Return a date or a time in ISO 8601 as seconds since 1970; without a zone it is UTC. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def person(signature: Signature) -> dict[str, str]:
    """Return who did something, and when."""
    return {
        "name": shown(signature.raw_name),
        "email": shown(signature.raw_email),
        "date": when(signature.time, signature.offset),
    }


def commit_told(commit: Commit) -> dict[str, Any]:
    """Return a commit without its changes."""
    message = message_of(commit)
    return {
        "id": str(commit.id),
        "parents": [str(parent) for parent in commit.parent_ids],
        "author": person(commit.author),
        "committer": person(commit.committer),
        "summary": summary_of(message),
        "message": message[:_LONGEST_MESSAGE],
    }
