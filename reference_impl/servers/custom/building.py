"""A server of what a module offers: its public functions as tools, its marked ones as what they were marked as, or the
server that it has made itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from reference_impl.server import AdvancedMCPServer, ServerOptions
from reference_impl.server.errors import SetupError
from reference_impl.server.uri_template import UriTemplate
from reference_impl.servers.custom.describing import contained, describe, handler_of
from reference_impl.servers.custom.docstrings import words_of
from reference_impl.servers.custom.loading import Source, loaded, place_of
from reference_impl.servers.custom.marks import Mark, mark_of

__all__ = ["build"]

_PLAIN = Mark("tool")


def build(source: Source) -> AdvancedMCPServer:
    """Load a module and return its server. Raises `SetupError`, in one line with the place."""
    with loaded(source) as module:
        made = getattr(module, "server", None)
        return made if isinstance(made, AdvancedMCPServer) else _gathered(source, module)


def _gathered(source: Source, module: ModuleType) -> AdvancedMCPServer:
    version = getattr(module, "__version__", "1.0.0")
    server = AdvancedMCPServer(
        source.stem,
        version if isinstance(version, str) else "1.0.0",
        instructions=words_of(module.__doc__).description or None,
        options=ServerOptions(ttl_ms=0, cache_scope="private"),
    )
    for name, function in _offered(source, module):
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise SetupError(f"{place_of(function, source.path)}: {name} yields; a tool returns, so return a list")
        _register(server, name, function, source.path)
    if not (server.tools or server.resources or server.templates or server.prompts):
        raise SetupError(f"{source.path}: it defines no public function, so there is nothing to serve")
    return server


def _offered(source: Source, module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions that the module defines, in its order: those of `__all__` if it has one, else those without
    an underscore, each once. Raises `SetupError`."""
    named = getattr(module, "__all__", None)
    if not isinstance(named, list | tuple | None):
        raise SetupError(f"{source.path}: __all__ must be a list of names")
    seen: set[int] = set()
    for name, value in list(vars(module).items()):
        public = name in named if named is not None else not name.startswith("_")
        own = inspect.isfunction(_within(value)) and value.__module__ == module.__name__
        if own and public and id(value) not in seen:
            seen.add(id(value))
            yield name, value


def _within(value: Any) -> Any:
    """Return what `functools.cache` and its kin are put around."""
    return value if inspect.isclass(value) or inspect.ismodule(value) else inspect.unwrap(value)


def _register(server: AdvancedMCPServer, name: str, function: Callable[..., Any], path: Path) -> None:
    mark = mark_of(function) or _PLAIN
    try:
        _ADDING[mark.kind](server, name, function, dict(mark.given))
    except (TypeError, ValueError, NameError) as error:  # the last: a hint that names what is not there
        lines = str(error).splitlines() or [type(error).__name__]
        words = lines[-1] if lines[0].endswith(":") else lines[0]  # msgspec's list of ways out, then what is wrong
        raise SetupError(f"{place_of(function, path)}: {name} cannot be a {mark.kind}: {words}") from None


def _add_tool(server: AdvancedMCPServer, name: str, function: Callable[..., Any], given: dict[str, Any]) -> None:
    description = describe(function)
    output = given.setdefault("outputSchema", description.output)
    if output is None:
        del given["outputSchema"]
    given["name"] = given.get("name") or name
    given["description"] = given.get("description") or description.words or None
    given["schema"] = given.get("schema") or description.schema
    server.tool(**given)(handler_of(function, description, structured=output is not None))


def _add_resource(server: AdvancedMCPServer, name: str, function: Callable[..., Any], given: dict[str, Any]) -> None:
    given["name"] = given.get("name") or name
    given["description"] = given.get("description") or words_of(function.__doc__).description or None
    _check_parameters(function, UriTemplate(given["uri"]).names if "{" in given["uri"] else ())
    server.resource(**given)(contained(function))


def _add_prompt(server: AdvancedMCPServer, name: str, function: Callable[..., Any], given: dict[str, Any]) -> None:
    words = words_of(function.__doc__)
    given["name"] = given.get("name") or name
    given["description"] = given.get("description") or words.description or None
    if given.get("arguments") is None:
        parameters = [item for item in inspect.signature(function).parameters.values() if item.name != "context"]
        given["arguments"] = [_argument(item, words.parameters.get(item.name)) for item in parameters]
    _check_parameters(function, {argument["name"] for argument in given["arguments"]})
    server.prompt(**given)(contained(function))


def _check_parameters(function: Callable[..., Any], given: Collection[str]) -> None:
    """Raises `TypeError` for a parameter that nothing is given to."""
    for item in inspect.signature(function).parameters.values():
        if item.kind in (item.POSITIONAL_ONLY, item.VAR_POSITIONAL, item.VAR_KEYWORD):
            raise TypeError(f"the parameter {item} cannot be given by name")
        if item.default is item.empty and item.name not in (*given, "context"):
            raise TypeError(f"nothing is given to the parameter {item.name}")


def _argument(item: inspect.Parameter, words: str | None) -> dict[str, Any]:
    described = {} if words is None else {"description": words}
    return {"name": item.name, **described, "required": item.default is item.empty}


_ADDING: dict[str, Callable[[AdvancedMCPServer, str, Callable[..., Any], dict[str, Any]], None]] = {
    "tool": _add_tool,
    "resource": _add_resource,
    "prompt": _add_prompt,
}
