"""A plan: steps `{server, tool, arguments}`, which of them wait for which, and whether they can be carried out.

    {"steps": [
        {"id": "rows", "server": "database", "tool": "execute_query", "arguments": {"query": "SELECT name FROM users"}},
        {"id": "note", "server": "files", "tool": "write_file", "arguments": {
            "path": "names.txt", "content": {"$from": "rows", "path": "/content/0/text"}}}
    ]}

A step waits for those that it refers to, and for those that it names in `after`; all others run side by side.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import msgspec

from reference_impl.client.registry import RegisteredTool, ToolRegistry
from reference_impl.client.settings import JsonObject
from reference_impl.host.errors import PlanError
from reference_impl.host.references import is_reference, references
from reference_impl.protocol.messages import encode_json
from reference_impl.schemas import SchemaError, compile_schema

__all__ = ["MOST_STEPS", "Plan", "Step", "argument_fault", "has_sound_schema", "read_plan"]

MOST_STEPS = 100
_LARGEST = 4 * 1024 * 1024
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The call of one tool. `why` says what made a planner choose it; `after` are ids of steps that come before."""

    id: str
    server: str
    tool: str
    arguments: JsonObject = {}
    after: tuple[str, ...] = ()
    why: str = ""

    @property
    def needs(self) -> frozenset[str]:
        """The ids of the steps that this one waits for. Raises `PlanError` for a reference of the wrong form."""
        return frozenset(self.after) | {reference.step for reference in references(self.arguments)}


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are told of; valid in itself once it is made. Raises `PlanError`."""

    steps: tuple[Step, ...] = field(default=())

    def __post_init__(self) -> None:
        if len(self.steps) > MOST_STEPS:
            raise PlanError(f"a plan has {MOST_STEPS} steps at most, not {len(self.steps)}")
        known: set[str] = set()
        for step in self.steps:
            if not _ID.fullmatch(step.id):
                raise PlanError(f"{step.id!r} is no id of a step: letters, digits, '_', '.' and '-', 64 at most")
            if step.id in known:
                raise PlanError(f"two steps have the id {step.id!r}")
            known.add(step.id)
        for step in self.steps:
            for needed in step.needs - known:
                raise PlanError(f"step {step.id}: there is no step {needed!r} to wait for")
        self._demand_order()

    def _demand_order(self) -> None:
        try:
            TopologicalSorter({step.id: step.needs for step in self.steps}).prepare()
        except CycleError as error:
            raise PlanError(f"the steps wait for each other: {' -> '.join(error.args[1])}") from None

    def check(self, registry: ToolRegistry) -> None:
        """Make sure that every tool is there and takes its arguments, as far as they are known. Raises `PlanError`."""
        for step in self.steps:
            tool = registry.find(step.server, step.tool)
            if tool is None:
                offered = ", ".join(sorted(tool.tool for tool in registry.of(step.server)))
                what = f"there is no tool {step.tool!r}; there are {offered}" if offered else "it has no tools here"
                raise PlanError(f"step {step.id}: server {step.server!r}: {what}")
            fault = argument_fault(tool, step.arguments)
            if fault is not None:
                raise PlanError(f"step {step.id}: {step.server}/{step.tool}: {fault}")


def has_sound_schema(tool: RegisteredTool) -> bool:
    """Tell whether a tool says in a way that can be relied on which arguments it takes."""
    try:
        compile_schema(tool.definition["inputSchema"])
    except (SchemaError, KeyError, TypeError):
        return False
    return isinstance(tool.definition["inputSchema"], dict)


def argument_fault(tool: RegisteredTool, arguments: JsonObject) -> str | None:
    """Say what is wrong with a tool's arguments, or None. A reference may stand for anything, until it is resolved."""
    try:
        encode_json(arguments)
    except (UnicodeEncodeError, TypeError, RecursionError):
        return "the arguments cannot be written as JSON: half a surrogate pair, or too deep"
    schema = tool.definition.get("inputSchema")
    if not isinstance(schema, dict):
        return None
    open_ = [name for name, value in arguments.items() if any(references(value))]
    try:
        judge = compile_schema(schema)
        return _partly(schema, arguments, frozenset(open_)) if open_ else judge(arguments)
    except SchemaError:
        return None  # the server will judge


def _partly(schema: JsonObject, arguments: JsonObject, open_: frozenset[str]) -> str | None:
    """Judge what can be judged before the references are resolved: names, and the values that hold none."""
    properties = schema.get("properties")
    known: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    missing = [name for name in (required if isinstance(required, list) else []) if name not in arguments]
    if missing:
        return f"{missing[0]!r} is a required property"
    unknown = arguments.keys() - known.keys()
    if unknown and schema.get("additionalProperties") is False:
        return f"it has no parameter {min(unknown)!r}"
    shared: JsonObject = {key: schema[key] for key in ("$schema", "$defs", "definitions") if key in schema}
    for name, value in arguments.items():
        if name in open_ or not isinstance(known.get(name), dict) or is_reference(value):
            continue
        fault = compile_schema({**shared, **known[name]})(value)
        if fault is not None:
            return f"{name}: {fault}"
    return None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: tuple[Step, ...]


def read_plan(source: str | Path) -> Plan:
    """Read a plan from a file, TOML by its ending `.toml` (`[[steps]]`) and JSON otherwise. Raises `PlanError`."""
    path = Path(source)
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1).decode("utf-8-sig")
        table = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        steps = msgspec.convert({"steps": table} if isinstance(table, list) else table, _File).steps
    except OSError as error:
        raise PlanError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except msgspec.ValidationError as error:
        raise PlanError(f"{path}: {str(error).replace('`', chr(39))}") from None
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path}: no {'TOML' if path.suffix == '.toml' else 'JSON'}: {error}") from None
    if not steps:
        raise PlanError(f"{path}: the plan has no steps")
    return Plan(steps)
