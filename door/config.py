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

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from conformance.surface import Permission
from conformance.target import HttpTarget, StdioTarget, Target, TargetError, parse_target
from door.errors import Refusal
from door.hosts_file import is_entry, read_entry
from door.secrets import Secrets
from door.settings_file import DEFAULT_FILE, Given, read_file

__all__ = ["DEFAULT_FILE", "Settings", "read_settings"]


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
    table = read_file(file)
    secrets = Secrets()
    own = Given(headers=secrets.pairs_of_headers(headers), env=secrets.pairs_of_variables(env))
    target = _target(list(words), table.target, own, secrets)
    return Settings(
        target=target,
        permission=Permission(frozenset([*table.tools.allow, *allow]), table.tools.samples),
        objectives=tuple(table.load.objectives),
        secrets=secrets.found(target),
    )


def _target(words: list[str], given: Given, own: Given, secrets: Secrets) -> Target | None:
    if len(words) == 1 and is_entry(words[0]):
        given = read_entry(words[0])
        words = given.words()
    elif len(words) == 1 and words[0].endswith(".json"):
        raise Refusal(f"{words[0]} is no program; {words[0]}#NAME is a server in its mcpServers")
    elif not words:
        words = given.words()
    elif _parsed(words) != _parsed(given.words()):
        # The headers and variables of the file are for the file's own target, and for no other to see.
        given = Given()
    target = _parsed(words)
    headers = secrets.resolved(given.headers) | secrets.resolved(own.headers)
    env = secrets.resolved(given.env) | secrets.resolved(own.env)
    match target:
        case StdioTarget() if headers:
            raise Refusal("--header goes with a URL; a command takes its credentials from --env")
        case HttpTarget() if env:
            raise Refusal("--env goes with a command; a URL takes its credentials from --header")
        case StdioTarget():
            return replace(target, env=env, cwd=given.cwd)
        case HttpTarget():
            return replace(target, headers=headers)
    return target


def _parsed(words: list[str]) -> Target | None:
    try:
        return parse_target(words) if words else None
    except TargetError as error:
        raise Refusal(str(error)) from None
