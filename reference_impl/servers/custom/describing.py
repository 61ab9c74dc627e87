"""From a function to a tool: schemas of what it takes and returns, and a handler that converts between JSON and these.

Hints may be what msgspec can describe: scalars, containers, literals, unions, enumerations, dates, dataclasses, typed
dictionaries, named tuples, and `Annotated[T, msgspec.Meta(...)]` with bounds and descriptions.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, get_type_hints

import msgspec

from reference_impl.server import Context, ToolError, ToolResult
from reference_impl.server.threads import in_thread
from reference_impl.servers.custom.docstrings import words_of

__all__ = ["Description", "contained", "describe", "handler_of"]

_REFERENCE = "#/$defs/{name}"
_FREE = (Any, None, type(None), object, str, bytes, ToolResult)
_SAYS_NOTHING: tuple[dict[str, Any], ...] = (
    {},
    {"type": "object"},
    {"type": "array"},
    {"type": "array", "items": {"type": "object"}},
)
"""Hints and schemas of returns that say nothing of structure: text, blocks of content, or anything."""

Handler = Callable[..., Awaitable[Any]]


class Description(msgspec.Struct, frozen=True):
    """What a function takes and returns. `arguments` is a struct of its parameters, `output` None where the return hint
    says nothing that could be held against a schema."""

    words: str
    schema: dict[str, Any]
    output: dict[str, Any] | None
    arguments: type[msgspec.Struct]


def describe(function: Callable[..., Any]) -> Description:
    """Describe a function. Raises `TypeError` for one that cannot be called by name or has hints of no JSON."""
    hints = get_type_hints(function, include_extras=True)
    words = words_of(function.__doc__)
    fields: list[Any] = []
    for item in inspect.signature(function).parameters.values():
        if item.name == "context":
            if hints.get("context", Context) not in (Any, Context):
                raise TypeError("a parameter named context gets the server's Context: give this one another name")
            continue
        if item.kind in (item.POSITIONAL_ONLY, item.VAR_POSITIONAL, item.VAR_KEYWORD):
            raise TypeError(f"the parameter {item} cannot be given by name")
        hint = hints.get(item.name, Any)
        if item.name in words.parameters:
            hint = _described(hint, words.parameters[item.name])
        fields.append((item.name, hint, *(() if item.default is item.empty else (_default(item.default),))))
    arguments = msgspec.defstruct("Arguments", fields, kw_only=True)
    schema = _schema(arguments) | {"additionalProperties": False}
    schema.pop("title", None)
    schema.setdefault("properties", {})
    return Description(words.description, schema, _output(hints.get("return", Any)), arguments)


def _described(hint: Any, words: str) -> Any:
    """Return a hint with the docstring's words, unless it has words of its own."""
    own = any(isinstance(item, msgspec.Meta) and item.description for item in getattr(hint, "__metadata__", ()))
    return hint if own else Annotated[hint, msgspec.Meta(description=words)]


def _default(value: Any) -> Any:
    """Return a default as msgspec takes it: what can be changed is made anew for each call."""
    if getattr(value, "__hash__", None) is None:
        return msgspec.field(default_factory=lambda: copy.deepcopy(value))
    return value


def _schema(kind: Any) -> dict[str, Any]:
    """Return the schema of a type, itself at the root and what it refers to in `$defs`."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    root = dict(schema)
    reference = root.pop("$ref", None)
    if reference is not None:
        name = reference.rpartition("/")[2]
        root = dict(components[name])
        if f'"{reference}"' not in msgspec.json.encode(components).decode():
            components.pop(name)
    return root | ({"$defs": components} if components else {})


def _output(hint: Any) -> dict[str, Any] | None:
    if hint in _FREE:
        return None
    schema = _schema(hint)
    return None if schema in _SAYS_NOTHING else schema


def handler_of(function: Callable[..., Any], description: Description, *, structured: bool) -> Handler:
    """Return what a server calls: takes JSON, calls the function with what its hints say (in a thread, if it is not
    `async`), and returns JSON. Text and content are left as they are unless `structured`."""
    wants_context = "context" in inspect.signature(function).parameters
    is_async = inspect.iscoroutinefunction(function)
    if wants_context and not is_async:
        raise TypeError("it wants a context, so it must be async")

    async def handle(context: Context, **given: Any) -> Any:
        arguments = _converted(given, description.arguments)
        if wants_context:
            arguments["context"] = context
        value = await (contained(function)(**arguments) if is_async else in_thread(function, **arguments))
        return value if isinstance(value, ToolResult) or (isinstance(value, str) and not structured) else _json(value)

    return handle


def contained(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose `sys.exit` fails a call and not the server; in threads, all functions are like that."""
    if not inspect.iscoroutinefunction(function):
        return function

    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except SystemExit as error:
            raise RuntimeError("the function asked to exit") from error

    return call


def _json(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)


def _converted(given: dict[str, Any], arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """Return arguments as the hints want them. Raises `ToolError`."""
    try:
        found = msgspec.convert(given, arguments, str_keys=True)
    except msgspec.ValidationError:
        try:
            found = msgspec.convert(_whole(given), arguments, str_keys=True)
        except msgspec.ValidationError as error:
            raise ToolError(f"Invalid arguments: {error}") from None
    return {name: getattr(found, name) for name in arguments.__struct_fields__}


def _whole(value: Any) -> Any:
    """Return a value with `3.0` as `3`: to JSON Schema both are integers."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
    return value
