"""The keys of `touchstone.toml`, read from what the file is decoded into; what each is for is said here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from door.reference.markdown import table
from door.settings_file import File

__all__ = ["MEANINGS", "keys", "render_settings"]

MEANINGS = {
    "baseline": "a file of known failures; as `--baseline`",
    "rules": "the release whose rules count; as `--rules`",
    "target.command": "what starts a server on standard streams: a list of words, or a command line",
    "target.url": "where a server is: `http://`, `https://`, `ws://`, `wss://`, or `sse+http://`",
    "target.start": "the command line that serves `url`, if it is to be started for each run; as `--start`",
    "target.type": "`sse` for HTTP with SSE, where `url` does not say so itself; others say nothing new",
    "target.env": "variables for `command`; as `--env`",
    "target.headers": "fields sent with every request; as `--header`",
    "target.cwd": "the folder in which `command` runs",
    "authorization.good": "the token that goes with every request; as `--token`",
    "authorization.second": "a token as good, of somebody else",
    "authorization.expired": "one that was good once",
    "authorization.foreign": "one for another server, by the same issuer",
    "authorization.narrow": "a good one with too few scopes for something that the server offers",
    "authorization.issuer": "where Touchstone plays an issuer that the server trusts, and makes all of the tokens",
    "authorization.scopes": "the scopes of the tokens that it makes",
    "authorization.resource": "the resource that they are for; otherwise the URL of the target",
    "authorization.readable": "origins beside the target's own from which documents may be read",
    "tools.allow": "tools that may be called although they do not say that they are read-only; as `--allow`",
    "tools.samples": "arguments with which a tool succeeds, by its name",
    "tools.asks": "tools that ask their client for something, out of those that may be called",
    "load.objectives": "what is expected under load: a list, or a table by operation; as `--slo`",
    "load.mix": "requests of the load, each a `[[load.mix]]`; see below",
    "load.mix.tool": "the tool that is called",
    "load.mix.prompt": "or the prompt that is asked for",
    "load.mix.resource": "or the URI that is read",
    "load.mix.method": "or any other method",
    "load.mix.arguments": "arguments of the tool or prompt; without them the simplest that it takes",
    "load.mix.params": "params of the method",
    "load.mix.name": "what the report calls it",
    "load.mix.weight": "how often it comes, relative to the others",
    "load.mix.echoes": "the answer repeats `{n}`, and is checked for it",
}
"""Key to what it is for; a test asks that these are the keys there are."""
_JSON = {"array": "list", "object": "table", "string": "text", "number": "number", "boolean": "true or false"}


def keys(struct: Any = File, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield path, type and default of every key below a struct, tables and lists of tables opened."""
    schemas, parts = msgspec.json.schema_components([struct])
    found = parts[schemas[0]["$ref"].rpartition("/")[2]]["properties"]
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for name, schema in found.items():
        inner = _struct(fields[name].type)
        if inner is None or "items" in schema:
            yield f"{path}{name}", _type(schema), schema.get("default")
        if inner is not None:
            yield from keys(inner, f"{path}{name}.")


def render_settings() -> str:
    """Return a table of the keys of each table of the file."""
    tables: dict[str, list[tuple[str, str, str, str]]] = {"": []}
    for path, type_, default in keys():
        section, _, name = path.rpartition(".")
        absent = "" if default in (None, "", [], {}) else f"`{_toml(default)}`"
        tables.setdefault(section, []).append((f"`{name}`", type_, absent, MEANINGS[path]))
    return "\n".join(
        f"## {_heading(section)}\n\n" + table(("key", "is a", "otherwise", "for"), rows)
        for section, rows in tables.items()
    )


def _heading(section: str) -> str:
    if not section:
        return "Above the first table"
    return f"`[[{section}]]`" if section == "load.mix" else f"`[{section}]`"


def _struct(type_: Any) -> Any:
    """Return the struct that a field holds, or holds a list of."""
    candidates = (type_, *getattr(type_, "__args__", ()))
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, msgspec.Struct)), None)


def _type(schema: dict[str, Any]) -> str:
    kinds = [part.get("type") for part in schema.get("anyOf", [schema])]
    return " or ".join(_JSON[kind] for kind in kinds if kind in _JSON)


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
