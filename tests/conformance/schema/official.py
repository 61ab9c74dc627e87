"""The official schema and its examples, where they lie beside the checkout, and the form in which schemas compare."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from .errata import ERRATA, Definitions, Erratum

SPECIFICATION = Path(__file__).resolve().parents[4] / "shared" / "spec"
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
KEPT = ("minimum", "maximum", "maxItems", "format")


@cache
def _document(revision: str) -> dict[str, Any]:
    file = SPECIFICATION / revision / "schema" / "schema.json"
    if not file.is_file():
        pytest.skip("the official schema does not lie beside this checkout")
    # Published as draft-07 up to 2025-06-18; what it uses means the same in 2020-12.
    return json.loads(
        file.read_text(encoding="utf-8").replace("/definitions/", "/$defs/").replace('"definitions":', '"$defs":')
    )


def official(revision: str) -> Definitions:
    """The definitions as published."""
    return copy.deepcopy(_document(revision)["$defs"])


EXTENSION_TYPES = (
    "CancelTaskRequest",
    "CancelTaskResult",
    "CancelledTask",
    "CompletedTask",
    "CreateTaskResult",
    "DetailedTask",
    "FailedTask",
    "GetTaskRequest",
    "GetTaskResult",
    "InputRequiredTask",
    "Task",
    "TaskStatus",
    "TaskStatusNotification",
    "TaskStatusNotificationParams",
    "TaskSubscriptionAcknowledgedNotifications",
    "TaskSubscriptionNotifications",
    "TasksExtensionCapability",
    "UpdateTaskRequest",
    "UpdateTaskResult",
    "WorkingTask",
)
"""What the schema of the tasks extension defines beside its copies of the core protocol's types."""


def extension() -> Definitions:
    """The definitions of the tasks extension as published, its copies of the core protocol's types among them."""
    file = SPECIFICATION / "extensions" / "tasks" / "schema.json"
    if not file.is_file():
        pytest.skip("the schema of the tasks extension does not lie beside this checkout")
    found: Definitions = json.loads(file.read_text(encoding="utf-8"))["$defs"]
    return found


def corrected(revision: str, errata: tuple[Erratum, ...] = ERRATA) -> Definitions:
    """The definitions as they would read with these errata corrected."""
    definitions = official(revision)
    for erratum in errata:
        if revision in erratum.revisions:
            erratum.correct(definitions)
    return definitions


def examples(revision: str = "2026-07-28") -> list[tuple[str, str, Any]]:
    """The published example messages as (definition, file name, value)."""
    files = sorted((SPECIFICATION / revision / "schema" / "examples").glob("*/*.json"))
    if not files:
        pytest.skip("the official examples do not lie beside this checkout")
    return [(file.parent.name, file.name, json.loads(file.read_text(encoding="utf-8"))) for file in files]


def validator(definitions: Definitions, name: str) -> jsonschema_rs.Draft202012Validator:
    """A validator by another library than the one that stands behind our own judge."""
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})


def canonical(schema: dict[str, Any], definitions: Definitions) -> dict[str, Any]:
    """The same schema in the one form that all schemas of the same meaning share: no references, no prose, no order."""
    if "$ref" in schema:
        return canonical(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "allOf" in schema:
        return _intersection([canonical(part, definitions) for part in schema["allOf"]])
    if "const" in schema or "enum" in schema:
        return {"enum": sorted(schema.get("enum", [schema.get("const")]))}
    found: dict[str, Any] = {key: schema[key] for key in KEPT if key in schema}
    if "type" in schema:
        found["type"] = sorted([schema["type"]] if isinstance(schema["type"], str) else schema["type"])
    members = {name: canonical(part, definitions) for name, part in schema.get("properties", {}).items()}
    found |= {"properties": members} if members else {}
    found |= {"required": sorted(schema["required"])} if schema.get("required") else {}
    for key in ("items", "additionalProperties", "not"):
        part = {} if schema.get(key, True) is True else canonical(schema[key], definitions)
        if part or key in schema.keys() & {"not"}:
            found[key] = part
    return found | _union([canonical(part, definitions) for part in schema.get("anyOf", [])], alone=not found)


def _union(alternatives: list[dict[str, Any]], *, alone: bool) -> dict[str, Any]:
    flat = [inner for part in alternatives for inner in (part["anyOf"] if part.keys() == {"anyOf"} else [part])]
    types = sorted({name for part in flat if part.keys() == {"type"} for name in part["type"]})
    constants = sorted({constant for part in flat if part.keys() == {"enum"} for constant in part["enum"]})
    rest = {json.dumps(part, sort_keys=True): part for part in flat if part.keys() not in ({"type"}, {"enum"})}
    parts = ([{"type": types}] if types else []) + ([{"enum": constants}] if constants else [])
    parts += [rest[key] for key in sorted(rest)]
    if len(parts) == 1 and alone:
        return parts[0]
    return {"anyOf": parts} if parts else {}


def _intersection(parts: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        members = dict(found.get("properties", {}))
        for name, schema in part.get("properties", {}).items():
            both = [members.get(name, {}), schema]
            members[name] = next((one for one in both if "enum" in one), _intersection(both))
        required = sorted({*found.get("required", []), *part.get("required", [])})
        found |= part | ({"properties": members} if members else {}) | ({"required": required} if required else {})
    return found
