"""Which headers of a tools/call mirror which arguments, as the tool's schema says, and what stands in them.

Source: `basic/transports/streamable-http#custom-headers-from-tool-parameters` of the modern era.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.clients.said import Said
from reference_impl.protocol.streamable import PARAM_PREFIX

__all__ = ["Mirror", "decoded", "mirrors", "needs_encoding"]

_SENTINEL = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_SAFE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class Mirror:
    """An argument that has a header: its path, its value (`absent`: not given, or null), and what the header holds."""

    item: Said
    header: str
    path: tuple[str, ...]
    value: Any
    given: str | None

    @property
    def absent(self) -> bool:
        """Whether there is nothing to mirror."""
        return self.value is None

    @property
    def text(self) -> str:
        """The value as the header is to say it."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        whole = isinstance(self.value, float) and self.value.is_integer()  # JSON has one type of numbers
        return str(int(self.value) if whole else self.value)

    @property
    def mirrored(self) -> bool:
        """Whether the header says what the argument says."""
        return self.given is not None and decoded(self.given) == self.text


def mirrors(item: Said, schema: dict[str, Any]) -> Iterator[Mirror]:
    """Every argument of a call whose schema has a header for it."""
    arguments = item.params.get("arguments")
    yield from _below(item, schema, arguments if isinstance(arguments, dict) else {}, ())


def _below(item: Said, schema: dict[str, Any], value: dict[str, Any], path: tuple[str, ...]) -> Iterator[Mirror]:
    for name, part in schema.get("properties", {}).items():
        if "x-mcp-header" in part:
            header = PARAM_PREFIX + part["x-mcp-header"].lower()
            given = item.entry.head.get(header) if item.entry.head is not None else None
            yield Mirror(item, header, (*path, name), value.get(name), given)
        elif isinstance(value.get(name), dict):
            yield from _below(item, part, value[name], (*path, name))


def needs_encoding(text: str) -> bool:
    """Whether no header can carry text as it is."""
    return text != "" and _SAFE.fullmatch(text) is None


def decoded(value: str) -> str | None:
    """Return what a header value stands for: itself, or what its Base64 form holds (None: not decodable)."""
    wrapped = _SENTINEL.fullmatch(value)
    if wrapped is None:
        return value
    try:
        return base64.b64decode(wrapped[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
