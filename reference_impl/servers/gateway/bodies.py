"""Request bodies: what a tool's `body` argument looks like, and how it is written for its media type."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from reference_impl.protocol.messages import encode_json
from reference_impl.server.errors import ToolError
from reference_impl.servers.gateway.operations import Body, is_json

__all__ = ["BINARY", "body_schema", "written"]

BINARY: dict[str, Any] = {"contentEncoding": "base64"}
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"


def _kind(media_type: str) -> str:
    """Return how a media type is written: json, form, multipart, text or binary."""
    plain = media_type.partition(";")[0].strip().lower()
    if is_json(plain):
        return "json"
    known = {_FORM: "form", _MULTIPART: "multipart", "application/xml": "text", "application/yaml": "text"}
    textual = plain.startswith("text/") or plain.endswith(("+xml", "+yaml"))
    return known.get(plain, "text" if textual else "binary")


def body_schema(body: Body, translate: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the schema of the `body` argument."""
    kind = _kind(body.media_type)
    said = " ".join(part for part in (body.description, f"The request body ({body.media_type}).") if part)
    if kind == "text":
        return {"type": "string", "description": said}
    if kind == "binary":
        return {"type": "string", **BINARY, "description": f"{said} Written in Base64."}
    schema = translate(body.schema)
    made = dict(schema) if isinstance(schema, dict) else {"not": {}} if schema is False else {}
    if kind in ("form", "multipart"):
        made.setdefault("type", "object")
    if kind == "multipart":
        made["properties"] = {name: _field(member) for name, member in made.get("properties", {}).items()}
    return made if made.get("description") else {**made, "description": said}


def _field(member: Any) -> Any:
    if not _is_binary(member):
        return member
    kept = {key: value for key, value in member.items() if key != "format"}
    return {**kept, "type": "string", **BINARY}


def _is_binary(member: Any) -> bool:
    if not isinstance(member, dict):
        return False
    # In 3.1 a member with a media type and no encoding is raw bytes (Considerations for File Uploads).
    return member.get("format") == "binary" or ("contentMediaType" in member and "contentEncoding" not in member)


def written(body: Body, value: Any, schema: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return a body's bytes and content type. `schema` is the translated one. Raises `ToolError`."""
    match _kind(body.media_type):
        case "json":
            return encode_json(value), body.media_type
        case "text":
            return str(value).encode(), body.media_type
        case "form":
            pairs = [f"{quote_plus(name)}={quote_plus(text)}" for name, text in _fields(value)]
            return "&".join(pairs).encode(), _FORM
        case "multipart":
            return _multipart(value, schema)
    return _bytes(value, "body"), _concrete(body.media_type)


def _concrete(media_type: str) -> str:
    return "application/octet-stream" if "*" in media_type else media_type


def _bytes(value: Any, name: str) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raise ToolError(f"{name} must be written in Base64") from None


def _fields(value: Any) -> Iterator[tuple[str, str]]:
    """Yield a form's fields: a list is a field repeated, an object in a field is JSON (Encoding Object)."""
    if not isinstance(value, dict):
        raise ToolError("body must be an object: it is sent as a form")
    for name, member in value.items():
        for item in member if isinstance(member, list) else [member]:
            if item is not None:
                yield name, item if isinstance(item, str) else encode_json(item).decode()


def _multipart(value: Any, schema: Mapping[str, Any]) -> tuple[bytes, str]:
    binary = {name for name, member in schema.get("properties", {}).items() if _takes_bytes(member)}
    boundary = secrets.token_hex(16)
    parts = []
    for name, text in _fields(value):
        shown = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")  # as browsers do (HTML, 4.10.21.8)
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="{shown}"'
        if name in binary:
            parts.append(f'{head}; filename="{shown}"\r\ncontent-type: application/octet-stream\r\n\r\n'.encode())
            parts.append(_bytes(text, name))
        else:
            parts.append(f"{head}\r\n\r\n{text}".encode())
        parts.append(b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"{_MULTIPART}; boundary={boundary}"


def _takes_bytes(member: Any) -> bool:
    if not isinstance(member, dict):
        return False
    items = member.get("items")
    return member.get("contentEncoding") == "base64" or (
        isinstance(items, dict) and items.get("contentEncoding") == "base64"
    )
