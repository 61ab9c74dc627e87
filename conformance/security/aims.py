"""Where a payload goes: arguments of tools that may be called, variables of resource templates, arguments of prompts.

What an argument is for is guessed from its name, its schema and what is said of it. A guess that is wrong costs a call
that comes to nothing: it is no evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conformance.samples import simplest
from conformance.surface import Surface, prompt_arguments

__all__ = ["FORBIDDEN", "Aim", "Role", "aims", "unaimed"]

FORBIDDEN = "(neither read-only nor allowed)"
_TOOLS = 40
"""Tools of a target that are probed."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VARIABLE = re.compile(r"\{([+#./;?&]?)([A-Za-z0-9_]+)[^}]*\}")


@dataclass(frozen=True, slots=True)
class Role:
    """What an argument is for: words of its name, a JSON Schema format, or a phrase in what is said of it."""

    names: re.Pattern[str]
    formats: frozenset[str] = frozenset()
    said: re.Pattern[str] | None = None
    about: re.Pattern[str] | None = None
    """What the tool must be about for the name to mean it."""
    of_files: bool = False
    """Whether the variables of a template of file URIs have the role, whatever they are called."""

    def fits(self, name: str, schema: Mapping[str, Any], about: str) -> bool:
        """Whether an argument of such a name and schema, of a tool of which `about` is said, has this role."""
        said = str(schema.get("description", ""))
        named = self.names.search(_CAMEL.sub("_", name).lower()) is not None
        if named and self.about is not None and not self.about.search(f"{about} {said}"):
            return False
        return named or schema.get("format") in self.formats or bool(self.said and self.said.search(said))


@dataclass(frozen=True, slots=True)
class Aim:
    """One place for a payload. `params` are those of the request without it; `promise` is what is said of it."""

    method: str
    name: str
    argument: str
    params: dict[str, Any]
    listed: bool = False
    """Whether the argument takes a list of strings."""
    promise: str = ""
    read_only: bool = False
    members: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({self.argument})"

    def loaded(self, payload: str) -> dict[str, Any]:
        """Return the params with a payload in its place."""
        if self.method == "resources/read":
            return {"uri": _VARIABLE.sub(lambda found: _written(found, self.argument, payload), self.params["uri"])}
        value: Any = [payload] if self.listed else payload
        return {**self.params, "arguments": {**self.params["arguments"], self.argument: value}}

    def beside(self, values: Mapping[str, str]) -> Aim:
        """Return the same aim with other arguments set, where it has them."""
        if self.method == "resources/read":
            return self
        known = {name: value for name, value in values.items() if name in self.members and name != self.argument}
        arguments = {**self.params["arguments"], **known}
        params = {**self.params, "arguments": arguments}
        return Aim(
            self.method, self.name, self.argument, params, self.listed, self.promise, self.read_only, self.members
        )


def _written(found: re.Match[str], argument: str, payload: str) -> str:
    """Return an expression of a template expanded: reserved ones as they are, others percent-encoded (RFC 6570)."""
    operator, name = found[1], found[2]
    value = payload if name == argument else "a"
    return value if operator == "+" else quote(value, safe="")


def aims(surface: Surface, role: Role | None, folder: Path | None = None) -> list[Aim]:
    """Return the aims of a role (None: every free string). With `folder`, arguments that want a folder get that one."""
    found = [
        *(aim for tool in surface.tools[:_TOOLS] for aim in _of_tool(surface, tool, role)),
        *(aim for prompt in surface.prompts for aim in _of_prompt(prompt, role)),
    ]
    if role is not None:
        found += [aim for template in surface.templates for aim in _of_template(template, role)]
    return [aim if folder is None else aim.beside(dict.fromkeys(_FOLDERS, str(folder))) for aim in found]


_FOLDERS = ("repo_path", "repository", "repo", "directory", "root", "cwd", "working_directory", "workdir")


def unaimed(surface: Surface, aimed: list[Aim]) -> list[str]:
    """Say of each tool that is not probed why."""
    probed = {aim.name for aim in aimed if aim.method == "tools/call"}
    left: list[str] = []
    for tool in surface.tools:
        name = str(tool.get("name"))
        if not surface.permission.grants(tool):
            left.append(f"{name} {FORBIDDEN}")
        elif name not in probed:
            left.append(f"{name} (no such argument)")
    return left


def _of_tool(surface: Surface, tool: Mapping[str, Any], role: Role | None) -> Iterator[Aim]:
    name, schema = tool.get("name"), tool.get("inputSchema")
    members = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(name, str) or not isinstance(members, dict) or not surface.permission.grants(tool):
        return
    given = surface.permission.samples.get(name) or simplest(schema)
    arguments = given if isinstance(given, dict) else {}
    about = f"{_CAMEL.sub('_', name).replace('_', ' ').replace('-', ' ')} {tool.get('description', '')}".lower()
    hints = tool.get("annotations")
    read_only = isinstance(hints, dict) and hints.get("readOnlyHint") is True
    for argument, member in members.items():
        kind = _string(member)
        if kind is not None and (role is None or role.fits(argument, kind, about)):
            params = {"name": name, "arguments": arguments}
            said = f"{about} {kind.get('description', '')}".lower()
            yield Aim("tools/call", name, argument, params, _is_list(member), said, read_only, tuple(members))


def _of_prompt(prompt: Mapping[str, Any], role: Role | None) -> Iterator[Aim]:
    name, arguments = prompt.get("name"), prompt.get("arguments")
    for argument in arguments if isinstance(arguments, list) and isinstance(name, str) else []:
        if isinstance(argument, dict) and isinstance(argument.get("name"), str):
            about = f"{name} {prompt.get('description', '')}".lower()
            if role is None or role.fits(argument["name"], argument, about):
                params = {"name": name, "arguments": prompt_arguments(prompt)}
                yield Aim("prompts/get", str(name), argument["name"], params, promise=about, read_only=True)


def _of_template(template: Mapping[str, Any], role: Role) -> Iterator[Aim]:
    uri = template.get("uriTemplate")
    about = f"{template.get('name', '')} {template.get('description', '')}".lower()
    for _, variable in _VARIABLE.findall(uri) if isinstance(uri, str) else []:
        if role.fits(variable, {}, about) or (role.of_files and str(uri).startswith("file:")):
            yield Aim("resources/read", str(uri), variable, {"uri": uri}, promise=about, read_only=True)


def _string(member: Any) -> dict[str, Any] | None:
    """Return the schema of the string that an argument takes, by itself, in a list or as a choice; None if none."""
    if not isinstance(member, dict) or member.keys() & {"enum", "const"}:
        return None
    if _is_list(member):
        return {**member, **inner} if (inner := _string(member.get("items"))) is not None else None
    for keyword in ("anyOf", "oneOf"):
        for choice in member.get(keyword, ()) if isinstance(member.get(keyword), list) else ():
            if (inner := _string(choice)) is not None:
                return {**inner, **member}
    kind = member.get("type")
    return member if kind == "string" or (isinstance(kind, list) and "string" in kind) else None


def _is_list(member: Any) -> bool:
    return isinstance(member, dict) and member.get("type") == "array"
