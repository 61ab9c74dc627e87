"""An upstream's answer becomes a tool's result: JSON as structured content, texts, images, and in words all else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.schemas import Validator
from reference_impl.server.content import Block, ToolResult, audio, image, text
from reference_impl.servers.gateway.exchange import Reply
from reference_impl.servers.gateway.operations import is_json
from reference_impl.servers.gateway.redacting import Redactor
from reference_impl.servers.gateway.texts import shortened
from reference_impl.servers.gateway.upstream import Answer

__all__ = ["META", "Results"]

META = "touchstone.gateway/upstream"
"""Member of a result's `_meta`: `status`, `attempts`, and the rate limit's headers where there are any."""

_LONGEST_ERROR = 4_000
_DEEPEST = 200
_LIMITS = ("ratelimit", "x-ratelimit", "x-rate-limit")
_MEDIA: dict[str, Callable[[bytes, str], Block]] = {"image": image, "audio": audio}
_SHOWN_OF_HEAD = ("content-type", "content-length", "last-modified", "etag", "location")
_LONGEST_HEADER = 200
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9._-]+)", re.IGNORECASE)
_CHARSETS = re.compile(
    r"(?:us-)?ascii|iso-8859-\d{1,2}|latin-?\d|windows-\d{3,4}|utf-(?:16|32)(?:le|be)?|gb2312|gbk|gb18030|big5"
    r"|shift_jis|euc-(?:jp|kr)|iso-2022-(?:jp|kr)|koi8-[ru]",
    re.IGNORECASE,
)
"""Charsets that texts really have; Python knows others that are no charsets, and some that take time."""


@dataclass(frozen=True, slots=True)
class _Body:
    """A body, read. `value` is what its JSON says, the ellipsis where it is none; `wrong` is what is wrong with it."""

    blocks: list[Block]
    value: Any = ...
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Makes the results of one operation. `judge` is of its output schema, where it declares one."""

    label: str
    judge: Validator | None
    redactor: Redactor

    def of(self, answer: Answer) -> ToolResult:
        """Return the result: an error for a status that is no success, for rubbish, and for what breaks the promise
        of the output schema."""
        reply = answer.reply
        meta = {META: self._facts(answer)}
        if not 200 <= reply.status < 300 and reply.status != HTTPStatus.NOT_MODIFIED:
            return ToolResult([text(self._refusal(reply))], is_error=True, meta=meta)
        body = self._read(reply)
        wrong = body.wrong
        if wrong is None and self.judge is not None:
            unfit = "it has no JSON body" if body.value is ... else self.judge(body.value)
            wrong = None if unfit is None else f"which is not what its document promises: {unfit}"
        if wrong is not None:
            said = self.redactor.text(f"{self.label} was carried out and answered {_status(reply)}, {wrong}")
            return ToolResult([text(said), *_bounded(body.blocks)], is_error=True, meta=meta)
        return ToolResult(body.blocks, body.value, meta=meta)

    def _facts(self, answer: Answer) -> dict[str, Any]:
        limits = self._limits(answer.reply)
        facts = {"status": answer.reply.status, "attempts": answer.attempts}
        return {**facts, "rateLimit": limits} if limits else facts

    def _limits(self, reply: Reply) -> dict[str, str]:
        found = {name: value for name, value in reply.headers.items() if name.startswith(_LIMITS)}
        found |= {"retry-after": reply.headers["retry-after"]} if "retry-after" in reply.headers else {}
        return {name: self.redactor.text(shortened(value, _LONGEST_HEADER)) for name, value in found.items()}

    def _refusal(self, reply: Reply) -> str:
        """Say what the upstream said: status, limits, and the beginning of its body."""
        lines = [f"{self.label} answered {_status(reply)}"]
        lines += [f"{name}: {value}" for name, value in self._limits(reply).items()]
        if 300 <= reply.status < 400:
            lines.append("It redirects, which is followed for GET and HEAD within one origin alone")
        body = self._read(reply)
        told = "\n".join(block["text"] for block in body.blocks if block["type"] == "text")
        return self.redactor.text("\n".join([*lines, shortened(told, _LONGEST_ERROR)] if told else lines))

    def _read(self, reply: Reply) -> _Body:
        kind = reply.headers.get("content-type", "").strip()
        plain = kind.partition(";")[0].strip().lower()
        if not reply.body:
            return _Body([text(self.redactor.text(_bare(reply)))])
        if is_json(plain):
            return self._json(reply.body, kind)
        family = plain.partition("/")[0]
        if (
            family == "text"
            or (not plain and _is_text(reply.body))
            or plain.endswith(("+xml", "/xml", "/yaml", "+yaml", "/javascript", "/x-ndjson"))
        ):
            return _Body([text(self.redactor.text(_decoded(reply.body, kind)))])
        if self.redactor.holds(reply.body):
            return _Body([text("The answer is withheld: it holds a credential of this gateway")])
        if family in _MEDIA and plain.isascii() and len(plain) < _LONGEST_HEADER:
            return _Body([_MEDIA[family](reply.body, plain)])
        digest = hashlib.sha256(reply.body).hexdigest()
        shown = shortened(plain, _LONGEST_HEADER) or "no type"
        said = f"A body of {len(reply.body)} bytes, {shown}, SHA-256 {digest}; it is not shown"
        return _Body([text(self.redactor.text(said))])

    def _json(self, data: bytes, kind: str) -> _Body:
        try:
            found = decode_json(_decoded(data, kind, strict=True))
        except (RemoteProtocolError, UnicodeError):
            beginning = self.redactor.text(shortened(data[: 4 * _LONGEST_ERROR].decode("utf-8", "replace"), 500))
            return _Body([text(beginning)], wrong="but its body is no valid JSON; it begins:")
        if _too_deep(found):
            return _Body([], wrong=f"but its body is nested more than {_DEEPEST} deep")
        value = self.redactor.value(found)
        return _Body([text(encode_json(value).decode())], value)


def _status(reply: Reply) -> str:
    reason = "".join(character for character in reply.reason if character.isprintable())[:80]
    return f"{reply.status} {reason}".strip()


def _bare(reply: Reply) -> str:
    """Tell of an answer without a body what its headers say."""
    found = [f"{name}: {reply.headers[name]}" for name in _SHOWN_OF_HEAD if name in reply.headers]
    return "\n".join([_status(reply), *(shortened(line, _LONGEST_HEADER) for line in found)])


def _decoded(data: bytes, kind: str, *, strict: bool = False) -> str:
    """Decode a text by the charset that its type names, by UTF-8 where it names none or one that nobody knows."""
    errors = "strict" if strict else "replace"
    named = _CHARSET.search(kind)
    if named and named[1].lower() not in ("utf-8", "utf8") and _CHARSETS.fullmatch(named[1]):
        try:
            return data.decode(named[1], errors)
        except (LookupError, ValueError):
            pass
    return data.decode("utf-8-sig", errors)


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def _bounded(blocks: list[Block]) -> list[Block]:
    return [text(shortened(block["text"], _LONGEST_ERROR)) if block["type"] == "text" else block for block in blocks]


def _too_deep(value: Any) -> bool:
    level, deep = ([value] if isinstance(value, dict | list) else []), 0
    while level and deep <= _DEEPEST:
        below = [item for one in level for item in (one.values() if isinstance(one, dict) else one)]
        level, deep = [item for item in below if isinstance(item, dict | list)], deep + 1
    return deep > _DEEPEST
