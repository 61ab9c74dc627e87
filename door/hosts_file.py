"""`FILE.json#NAME`: one entry of the `mcpServers` format, in which desktop hosts and editors keep their servers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from door.errors import Refusal
from door.settings_file import Given, Value

__all__ = ["is_entry", "read_entry"]

_FORM = re.compile(r"(.+?\.json)#(.*)", re.DOTALL)


class _Entry(msgspec.Struct, frozen=True):
    """As much of an entry as says how to reach the server; hosts add keys of their own."""

    command: str | None = None
    args: list[Value] = []
    url: str | None = None
    type: Any = None
    transport: Any = None
    env: dict[str, Value] = {}
    headers: dict[str, Value] = {}
    cwd: str | None = None


def is_entry(word: str) -> bool:
    """Whether a TARGET is of this form."""
    return _FORM.fullmatch(word) is not None and "://" not in word


def read_entry(word: str) -> Given:
    """Read the entry that `word` names. Raises `Refusal` if there is none, or none that can be understood."""
    form = _FORM.fullmatch(word)
    assert form is not None, "is_entry has said so"
    file, name = form[1], form[2]
    entry = _find(_servers(file), file, name)
    try:
        found = msgspec.convert(entry, _Entry)
    except msgspec.ValidationError as error:
        raise Refusal(f"{file}: server {name!r}: {error}".replace("`", "'")) from None
    if found.url is None and found.command is None:
        raise Refusal(f"{file}: server {name!r} has neither command nor url")
    if found.url is not None:
        return Given(url=found.url, type=_name(found.type) or _name(found.transport), headers=found.headers)
    return Given(command=[str(found.command), *map(str, found.args)], env=found.env, cwd=found.cwd)


def _name(value: Any) -> str | None:
    """Return what a host calls the transport, where that is a name."""
    return value if isinstance(value, str) else None


def _servers(file: str) -> dict[str, Any]:
    try:
        table = json.loads(Path(file).read_text("utf-8-sig"))
    except OSError as error:
        raise Refusal(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{file}: no JSON: {error}") from None
    servers = (table.get("mcpServers") or table.get("servers")) if isinstance(table, dict) else None
    return servers if isinstance(servers, dict) else {}


def _find(servers: dict[str, Any], file: str, name: str) -> Any:
    if name not in servers:
        raise Refusal(f"{file}: no server is called {name!r}; it has {', '.join(servers) or 'none'}")
    return servers[name]
