"""Reading an OpenAPI document: a file or a URL, JSON or YAML, plain JSON values afterwards."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.protocol.messages import decode_json
from reference_impl.server.errors import SetupError
from reference_impl.servers.gateway.fetching import fetched

__all__ = ["Document", "DocumentError", "load", "parsed"]

LARGEST = 32 * 1024 * 1024
_MOST_VALUES = 1_000_000
_DEEPEST = 100
_MOST_HOPS = 32
_VERSIONS = ("3.0", "3.1", "3.2")
_TAG = "tag:yaml.org,2002:"
_KEPT_TAGS = frozenset({f"{_TAG}null", f"{_TAG}merge"})
_SCALARS = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?$", "-+0123456789"),
)
"""What is no text in YAML, and how it may begin; int comes first, for both fit a whole number."""
_MOST_MERGED = 10_000
"""Members that `<<` may bring into one object: merges of merges multiply."""


class DocumentError(ValueError):
    """A part of the document cannot be used; what depends on it is left out, the rest is not."""


@dataclass(frozen=True, slots=True)
class Document:
    """An OpenAPI document as JSON. `version` is its minor version (`3.0`), `address` the URL it was read from, if it
    was, `name` what to call it in messages."""

    value: dict[str, Any]
    version: str
    name: str
    address: str | None = None

    @property
    def old(self) -> bool:
        """Whether its schemas are those of OpenAPI 3.0, a dialect of their own, not JSON Schema 2020-12."""
        return self.version == "3.0"

    def target(self, reference: Any) -> Any:
        """Return what a reference names. Raises `DocumentError` for what is elsewhere or nowhere."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise DocumentError(f"{reference!r} is in another file: bundle the document into one first")
        found: Any = self.value
        for step in _steps(reference):
            if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            elif isinstance(found, dict) and step in found:
                found = found[step]
            else:
                raise DocumentError(f"{reference!r} leads nowhere")
        return found

    def resolved(self, node: Any, what: str) -> dict[str, Any]:
        """Return the object that `node` is or, over references, stands for. Raises `DocumentError`."""
        for _ in range(_MOST_HOPS):
            if not isinstance(node, dict):
                raise DocumentError(f"{what} is no object")
            if "$ref" not in node:
                return node
            node = self.target(node["$ref"])
        raise DocumentError(f"{what} refers in a circle")


def _steps(reference: str) -> list[str]:
    from urllib.parse import unquote

    pointer = unquote(reference[1:])
    if pointer and not pointer.startswith("/"):
        raise DocumentError(f"{reference!r} is an anchor: only JSON pointers are followed")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def load(source: str) -> Document:
    """Read the document at a path or URL. Raises `SetupError`."""
    scheme = urlsplit(source).scheme if "://" in source else ""
    if scheme in ("http", "https"):
        return parsed(fetched(source, LARGEST), source.partition("?")[0], source)
    if scheme:
        raise SetupError(f"{source}: a document is a file, or at an http or https URL")
    path = Path(source)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise SetupError(f"{source}: {(error.strerror or 'cannot be read').lower()}") from None
    if len(data) > LARGEST:
        raise SetupError(f"{source} is larger than {LARGEST} bytes")
    return parsed(data, source)


def parsed(data: bytes, name: str, address: str | None = None) -> Document:
    """Read a document's bytes. Raises `SetupError` for what is neither JSON nor YAML, or no OpenAPI of a known
    version."""
    value = _plain(_decoded(data, name), name)
    if not isinstance(value, dict):
        raise SetupError(f"{name} is no OpenAPI document: it holds no object")
    if "swagger" in value:
        raise SetupError(
            f"{name} is Swagger {value['swagger']}: convert it to OpenAPI 3 first (for example with swagger2openapi)"
        )
    version = value.get("openapi")
    if not isinstance(version, str) or version[:3] not in _VERSIONS:
        raise SetupError(f"{name} is no OpenAPI document of version {', '.join(_VERSIONS)}: openapi is {version!r}")
    if not isinstance(value.get("paths", {}), dict):
        raise SetupError(f"{name} is no OpenAPI document: paths is no object")
    return Document(value, version[:3], name, address)


def _decoded(data: bytes, name: str) -> Any:
    """JSON where it looks like it, YAML otherwise: every JSON text begins with what few YAML documents do."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] == b"{":
        try:
            return decode_json(data)
        except RemoteProtocolError as error:
            raise SetupError(f"{name} is broken JSON: {error.message}") from None
    try:
        import yaml
    except ImportError:
        raise SetupError(f"{name} is YAML, which needs mcp-touchstone[yaml] (or convert it to JSON)") from None
    try:
        return yaml.load(data, Loader=_loader())  # noqa: S506 - a safe loader, with fewer types yet
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        where = " ".join(str(error).split())[:200]
        raise SetupError(f"{name} is broken YAML: {where}") from None
    except RecursionError:
        raise SetupError(f"{name} is nested too deep") from None


def _loader() -> Any:
    """Return a YAML loader that knows JSON's types alone: `2024-01-01` stays a text, and so do `no` and `12:30`."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # chosen while running
        def flatten_mapping(self, node: Any) -> None:
            merged = [value for key, value in node.value if key.tag == f"{_TAG}merge"]
            inner = [one for value in merged for one in (value.value if value.id == "sequence" else [value])]
            for one in inner:
                if one.id == "mapping":
                    self.flatten_mapping(one)
            if sum(len(one.value) for one in inner) > _MOST_MERGED:
                raise ValueError(f"it merges more than {_MOST_MERGED} members into one object")
            super().flatten_mapping(node)

    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag in _KEPT_TAGS] for first, found in resolvers.items()
    }
    for kind, pattern, beginnings in _SCALARS:
        Loader.add_implicit_resolver(_TAG + kind, re.compile(pattern), list(beginnings))
    return Loader


def _plain(value: Any, name: str) -> Any:
    """Copy a value of a YAML reader into plain JSON: keys are texts, and aliases that multiply or run in a circle are
    refused. Raises `SetupError`."""
    left = [_MOST_VALUES]

    def copied(item: Any, depth: int) -> Any:
        left[0] -= 1
        if left[0] < 0 or depth > _DEEPEST:
            raise SetupError(f"{name} holds more than {_MOST_VALUES} values, or is nested more than {_DEEPEST} deep")
        if isinstance(item, dict):
            return {_key(key): copied(member, depth + 1) for key, member in item.items()}
        if isinstance(item, list):
            return [copied(member, depth + 1) for member in item]
        if isinstance(item, float) and not math.isfinite(item):
            raise SetupError(f"{name} holds a number that JSON has not: {item}")
        if item is None or isinstance(item, str | bool | int | float):
            return item
        raise SetupError(f"{name} holds a value that JSON has not: {type(item).__name__}")

    return copied(value, 0)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key, default=str)
