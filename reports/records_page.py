"""The reference of records as Markdown, made from their schema: each kind of row, each field, what it holds."""

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["MARK", "fill", "reference"]

MARK = "<!-- what follows is made from the schema: python -m reports docs/records.md -->"


def fill(page: str, schema: dict[str, Any]) -> str:
    """Return a page with the reference behind its mark. Raises `ValueError` if it has none."""
    before, mark, _ = page.partition(MARK)
    if not mark:
        raise ValueError(f"the page has no line {MARK}")
    return f"{before}{MARK}\n\n{reference(schema)}"


# `Any`: pieces of a JSON Schema.
def reference(schema: dict[str, Any]) -> str:
    """Return a section for each kind of row, then one for each object within rows."""
    definitions: dict[str, Any] = schema["$defs"]
    kinds = {name: found["properties"]["kind"]["enum"][0] for name, found in definitions.items() if _is_row(found)}
    parts = [_section(f"`{kind}`", definitions[name]) for name, kind in kinds.items()]
    parts += [_section(name, found) for name, found in definitions.items() if name not in kinds]
    return "\n".join(parts)


def _is_row(found: dict[str, Any]) -> bool:
    return "kind" in found.get("properties", {})


def _section(title: str, found: dict[str, Any]) -> str:
    required = found.get("required", ())
    rows = [_row(name, field, required=name in required) for name, field in found["properties"].items()]
    text = " ".join(found.get("description", "").split())
    return "\n".join([f"## {title}\n", f"{text}\n", "| field | holds | |", "|---|---|---|", *rows, ""])


def _row(name: str, field: dict[str, Any], *, required: bool) -> str:
    notes = [field.get("description", ""), "" if required else _default(field)]
    return f"| `{name}` | {_type(field)} | {'; '.join(filter(None, notes))} |"


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    return "may be absent" if default in (None, "", [], {}) else f"`{default}` if absent".lower()


def _type(field: dict[str, Any]) -> str:
    """Return what a value is, in words of JSON."""
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    return "".join(_of_type(field))


def _of_type(field: dict[str, Any]) -> Iterator[str]:
    match field.get("type"):
        case "array" if "prefixItems" in field:
            yield f"array of {', '.join(map(_type, field['prefixItems']))}"
        case "array":
            yield f"array of: {_type(field.get('items') or {})}"
        case "object" if "additionalProperties" in field:
            yield f"object, of each name: {_type(field['additionalProperties'])}"
        case kind:
            yield str(kind or "anything")
            yield f" ({field['format']})" if "format" in field else ""


def _anchor(title: str) -> str:
    return re.sub(r"[^\w-]", "", title.lower())
