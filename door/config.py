"""The settings of a run: command line over `touchstone.toml` over defaults; a TARGET may also name an `mcp.json`.

```toml
[target]
command = ["node", "build/index.js"]   # or: url = "http://127.0.0.1:3000/mcp"
env = { API_KEY = "env:API_KEY" }      # values as env:NAME are read from the environment
headers = { Authorization = "env:TOKEN" }
cwd = "."

[tools]
allow = ["search"]                     # tools that may be called although they do not say readOnlyHint

[tools.samples]
search = { query = "touchstone" }      # arguments to call a tool with

[load]
objectives = ["p99<100ms", "errors<0.1%"]
```
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.surface import Permission
from conformance.target import HttpTarget, StdioTarget, Target, TargetError, parse_target
from door.errors import Refusal

__all__ = ["DEFAULT_FILE", "Settings", "read_settings"]

DEFAULT_FILE = "touchstone.toml"
_SHAPE: dict[str, set[str]] = {
    "target": {"command", "url", "env", "headers", "cwd"},
    "tools": {"allow", "samples"},
    "load": {"objectives"},
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What to test and how. `target` is None where none was given; `secrets` are values that no record may show."""

    target: Target | None = None
    permission: Permission = field(default_factory=Permission)
    objectives: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


def read_settings(
    words: Sequence[str],
    *,
    file: str | None = None,
    headers: Sequence[str] = (),
    env: Sequence[str] = (),
    allow: Sequence[str] = (),
) -> Settings:
    """Read the settings of one command. Raises `Refusal` for anything wrong with them, in one line."""
    table = _read_toml(file)
    given = table.get("target", {})
    secrets: list[str] = []
    own_headers = _resolve(given.get("headers", {}), secrets) | _pairs(headers, ":", "--header 'Name: value'", secrets)
    own_env = _resolve(given.get("env", {}), secrets) | _pairs(env, "=", "--env NAME=value", secrets)
    target = _target(list(words), given, own_headers, own_env)
    tools = table.get("tools", {})
    return Settings(
        target=target,
        permission=Permission(frozenset([*tools.get("allow", []), *allow]), tools.get("samples", {})),
        objectives=tuple(table.get("load", {}).get("objectives", [])),
        secrets=tuple(secrets),
    )


def _read_toml(file: str | None) -> dict[str, Any]:
    path = Path(file or DEFAULT_FILE)
    if file is None and not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Refusal(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{path}: {error}") from None
    for section, members in table.items():
        known = _SHAPE.get(section)
        if known is None or not isinstance(members, dict):
            raise Refusal(f"{path}: [{section}] is not a section; known are {', '.join(_SHAPE)}")
        if unknown := members.keys() - known:
            raise Refusal(f"{path}: [{section}] has no {min(unknown)!r}; known are {', '.join(sorted(known))}")
    return table


def _target(words: list[str], given: Mapping[str, Any], headers: dict[str, str], env: dict[str, str]) -> Target | None:
    if len(words) == 1 and ".json" in words[0] and "#" in words[0]:
        return _from_hosts_file(words[0], env)
    if not words:
        command, url = given.get("command"), given.get("url")
        words = [url] if isinstance(url, str) else command if isinstance(command, list) else []
        if isinstance(command, str):
            words = [command]
    if not words:
        return None
    try:
        target = parse_target(words, headers)
    except TargetError as error:
        raise Refusal(str(error)) from None
    if isinstance(target, StdioTarget):
        return StdioTarget(target.argv, env, given.get("cwd"))
    return target


def _from_hosts_file(text: str, env: dict[str, str]) -> Target:
    """Read `FILE#NAME`: one entry of the `mcpServers` format of desktop hosts and editors."""
    file, _, name = text.rpartition("#")
    try:
        table = json.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise Refusal(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    except ValueError as error:
        raise Refusal(f"{file}: no JSON: {error}") from None
    servers = (table.get("mcpServers") or table.get("servers")) if isinstance(table, dict) else None
    entry = servers.get(name) if isinstance(servers, dict) else None
    if not isinstance(entry, dict):
        known = ", ".join(servers) if isinstance(servers, dict) else "none"
        raise Refusal(f"{file}: no server is called {name!r}; it has {known}")
    if isinstance(entry.get("url"), str):
        return HttpTarget(entry["url"], _strings(entry.get("headers")))
    if isinstance(entry.get("command"), str):
        arguments = [str(word) for word in entry.get("args", [])]
        return StdioTarget((entry["command"], *arguments), _strings(entry.get("env")) | env, entry.get("cwd"))
    raise Refusal(f"{file}: server {name!r} has neither command nor url")


def _strings(table: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in table.items()} if isinstance(table, dict) else {}


def _pairs(texts: Sequence[str], separator: str, form: str, secrets: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, found, value = text.partition(separator)
        if not found or not name.strip():
            raise Refusal(f"{text!r} is not {form}")
        pairs[name.strip()] = value.strip()
    return _resolve(pairs, secrets)


def _resolve(table: Mapping[str, Any], secrets: list[str]) -> dict[str, str]:
    """Replace `env:NAME` by the variable's value, and remember every value as a secret."""
    resolved = {}
    for name, text in table.items():
        value = str(text)
        if value.startswith("env:"):
            variable = value.removeprefix("env:")
            if variable not in os.environ:
                raise Refusal(f"{name}: the environment has no {variable}")
            value = os.environ[variable]
        if len(value) >= 6:  # shorter ones are no secrets, and would blot out half of a report
            secrets.append(value)
        resolved[name] = value
    return resolved
