"""The host's side of the terminal: lines that are typed, forms that servers ask to be filled in, plans and steps shown.

What is shown comes from models and servers: it is made visible, and secrets are taken out, before it is written.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Callable
from typing import Any

import anyio

from reference_impl.client.settings import JsonObject
from reference_impl.host.host import Execution
from reference_impl.host.plan import Plan
from reference_impl.host.running import Outcome
from reference_impl.schemas import SchemaError, compile_schema
from reference_impl.security.redaction import Redactor
from reference_impl.security.terminal_consent import shown
from reports.text import visible

__all__ = ["Lines", "Shown", "TerminalForm"]

_LONGEST_LINE = 64 * 1024
_TRIES = 3
_STRANGE = re.compile(r"[^\n -~]")
_MARKS = {"succeeded": "ok", "failed": "FAILED", "denied": "DENIED", "skipped": "skipped"}


class Lines:
    """Lines of a file descriptor, read without blocking the servers' conversations."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        # A file and /dev/null are always ready, and cannot be waited for.
        mode = os.fstat(handle).st_mode
        self._waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(handle)
        self._rest = b""

    async def next(self) -> str | None:
        """Return the next line without its end, or None at the end of the input."""
        while b"\n" not in self._rest:
            if self._waits:
                await anyio.wait_readable(self._handle)
            piece = os.read(self._handle, 4096)
            if not piece or len(self._rest) > _LONGEST_LINE:
                last, self._rest = self._rest, b""
                return last.decode("utf-8", "replace") if last else None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")


class TerminalForm:
    """Forms of `elicitation/create`, asked field by field; one at a time. `open_terminal` returns a file descriptor."""

    def __init__(self, open_terminal: Callable[[], int], redactor: Redactor | None = None) -> None:
        self._open = open_terminal
        self._redactor = redactor or Redactor()
        self._lock = anyio.Lock()

    async def __call__(self, server: str, params: JsonObject) -> JsonObject:
        """Ask; without a terminal, or at its end, the answer is `cancel`."""
        async with self._lock:
            try:
                handle = self._open()
            except OSError:
                return {"action": "cancel"}
            try:
                return await self._asked(_Dialogue(handle), server, params)
            except (OSError, EOFError):
                return {"action": "cancel"}
            finally:
                os.close(handle)

    async def _asked(self, terminal: _Dialogue, server: str, params: JsonObject) -> JsonObject:
        message = shown(self._redactor.text(str(params.get("message") or "")), 1000)
        terminal.say(f"\nThe server {shown(server)} asks: {message}\n")
        if params.get("mode") == "url":
            terminal.say(f"  Open this address in a browser: {shown(str(params.get('url')), 2000)}\n")
            return {"action": "accept"}
        if not (await terminal.ask("  Answer it? [y/N] ")).lower().startswith("y"):
            return {"action": "decline"}
        content: JsonObject = {}
        for name, (field, required) in _fields(params.get("requestedSchema")).items():
            value = await self._field(terminal, name, field, required)
            if value is not None:
                content[name] = value
        return {"action": "accept", "content": content}

    async def _field(self, terminal: _Dialogue, name: str, field: JsonObject, required: bool) -> Any:
        for _ in range(_TRIES):
            said = (await terminal.ask(f"  {_label(name, field, required)}: ")).strip()
            if not said and (not required or "default" in field):
                return field.get("default")
            value = _typed(said, field)
            if value is not None and _fits(value, field):
                return value
            terminal.say("  That does not fit.\n")
        raise EOFError


class _Dialogue:
    def __init__(self, handle: int) -> None:
        self._handle, self._lines = handle, Lines(handle)

    def say(self, text: str) -> None:
        os.write(self._handle, text.encode("utf-8", "backslashreplace"))

    async def ask(self, text: str) -> str:
        self.say(text)
        line = await self._lines.next()
        if line is None:
            raise EOFError
        return line


def _fields(schema: Any) -> dict[str, tuple[JsonObject, bool]]:
    """Return the fields of a form, each with whether it is required; what is no field is left out."""
    table = schema if isinstance(schema, dict) else {}
    properties, required = table.get("properties"), table.get("required")
    fields = properties.items() if isinstance(properties, dict) else ()
    names = required if isinstance(required, list) else []
    return {name: (field, name in names) for name, field in fields if isinstance(field, dict)}


def _label(name: str, field: JsonObject, required: bool) -> str:
    options = _options(field)
    notes = [f"one of {', '.join(options)}"] if options else [str(field.get("type", "string"))]
    if "default" in field:
        notes.append(f"default {json.dumps(field['default'])}")
    elif not required:
        notes.append("may be empty")
    about = field.get("description") or field.get("title") or ""
    return shown(f"{name}{f' - {about}' if about else ''} ({', '.join(notes)})")


def _options(field: JsonObject) -> list[str]:
    inner = field.get("items") if field.get("type") == "array" else field
    table = inner if isinstance(inner, dict) else {}
    if isinstance(table.get("enum"), list):
        return [str(option) for option in table["enum"]]
    listed = table.get("oneOf") or table.get("anyOf")
    options = listed if isinstance(listed, list) else []
    return [str(option["const"]) for option in options if isinstance(option, dict) and "const" in option]


def _typed(text: str, field: JsonObject) -> Any:
    """Return what was typed as the field's type, or None if it is none of that."""
    options = _options(field)
    match field.get("type"):
        case "boolean":
            return {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}.get(text.lower())
        case "integer" | "number" as kind:
            try:
                return int(text) if kind == "integer" else float(text)
            except ValueError:
                return None
        case "array":
            chosen = [piece.strip() for piece in text.split(",") if piece.strip()]
            return chosen if not options or set(chosen) <= set(options) else None
    return text if not options or text in options else None


def _fits(value: Any, field: JsonObject) -> bool:
    """Tell whether a value is within the field's bounds, as far as these can be understood."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    try:
        return compile_schema(field)(value) is None
    except SchemaError:
        return True


class Shown:
    """Plans, steps and answers as a terminal may show them."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def text(self, text: str) -> str:
        """Return a text of strangers, on as many lines as it has."""
        return visible(self._redactor.text(text))

    def line(self, text: str, longest: int = 200) -> str:
        """Return a text of strangers in one line."""
        return shown(" ".join(self._redactor.text(text).split()), longest)

    def json(self, execution: Execution) -> str:
        """Return what became of a request as JSON, which a terminal may show as well."""
        redact = self._redactor.values
        summary = {name: value if name == "steps" else redact(value) for name, value in execution.summary().items()}
        summary["steps"] = [{name: redact(value) for name, value in step.items()} for step in summary["steps"]]
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        return _STRANGE.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)

    def plan(self, plan: Plan) -> str:
        """Return a plan, a line a step."""
        rows = [(step, f"{step.server}/{step.tool}") for step in plan.steps]
        wide = max((len(step.id) for step in plan.steps), default=0)
        far = min(40, max((len(tool) for _, tool in rows), default=0))
        lines = ["Plan:"]
        for step, tool in rows:
            arguments = json.dumps(step.arguments, ensure_ascii=False)
            after = f"  after {', '.join(sorted(step.needs))}" if step.needs else ""
            lines.append(f"  {step.id:<{wide}}  {self.line(tool):<{far}}  {self.line(arguments)}{after}")
        return "\n".join(lines) + "\n"

    def outcome(self, outcome: Outcome) -> str:
        """Return what became of a step, in a line."""
        step = outcome.step
        said = "" if outcome.error is None else f": {self.line(outcome.error, 500)}"
        took = f"  {outcome.seconds * 1000:.0f} ms" if outcome.status in ("succeeded", "failed") else ""
        return f"  {step.id}  {self.line(f'{step.server}/{step.tool}')}  {_MARKS[outcome.status]}{took}{said}\n"
