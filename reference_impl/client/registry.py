"""The tools of all servers under names of their own: one that two servers use is told apart by the server's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reference_impl.client.errors import NotOffered
from reference_impl.client.settings import JsonObject

__all__ = ["RegisteredTool", "ToolRegistry"]

_MOST_TOLD = 50
"""Names in a message."""


@dataclass(frozen=True, slots=True)
class RegisteredTool:
    """A tool of one server. `name` is the one in the registry, `tool` its own on the server `server`."""

    name: str
    server: str
    tool: str
    definition: JsonObject = field(repr=False)

    @property
    def annotations(self) -> JsonObject:
        """What the server says of the tool's effects: hints, as trustworthy as the server."""
        said = self.definition.get("annotations")
        return said if isinstance(said, dict) else {}

    @property
    def read_only(self) -> bool:
        """Whether the tool changes nothing."""
        return self.annotations.get("readOnlyHint") is True

    @property
    def repeatable(self) -> bool:
        """Whether a second call with the same arguments does no more than the first (`ToolAnnotations`)."""
        return self.read_only or self.annotations.get("idempotentHint") is True


class ToolRegistry(Mapping[str, RegisteredTool]):
    """Name to tool. A tool keeps its own name where no other server has one of that name; else it is `server.tool`.

    Names depend on which servers are there, not on the order in which they came.
    """

    def __init__(self) -> None:
        self._offered: dict[str, list[JsonObject]] = {}
        self._named: dict[str, RegisteredTool] = {}
        self._by_server: dict[str, dict[str, RegisteredTool]] = {}
        self.clashes: dict[str, tuple[str, ...]] = {}
        """A name that several servers use, to the names that their tools have here instead."""

    def __getitem__(self, name: str) -> RegisteredTool:
        return self._named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def register(self, server: str, tools: list[JsonObject]) -> None:
        """Let these be the tools of a server, in the place of those that it had."""
        self._offered[server] = [tool for tool in tools if isinstance(tool.get("name"), str)]
        self._rename()

    def forget(self, server: str) -> None:
        """Let a server have no tools any more."""
        self._offered.pop(server, None)
        self._rename()

    def of(self, server: str) -> list[RegisteredTool]:
        """Return the tools of one server, in the order in which it lists them."""
        return list(self._by_server.get(server, {}).values())

    def find(self, server: str, tool: str) -> RegisteredTool | None:
        """Return a server's tool by the name that it has there."""
        return self._by_server.get(server, {}).get(tool)

    def resolve(self, name: str) -> RegisteredTool:
        """Return the tool of a name, which may always be `server.tool`. Raises `NotOffered` with what there is."""
        if name in self._named:
            return self._named[name]
        if name in self.clashes:
            raise NotOffered(self.explain(name))
        for server in self._offered:
            rest = name.removeprefix(f"{server}.")
            found = self.find(server, rest) if rest != name else None
            if found is not None:
                return found
        there = sorted(self)
        more = f" and {len(there) - _MOST_TOLD} more" if len(there) > _MOST_TOLD else ""
        raise NotOffered(f"no server has a tool {name!r}; there are {', '.join(there[:_MOST_TOLD]) or 'none'}{more}")

    def explain(self, name: str) -> str:
        """Say in a sentence which tool a name stands for, or why it stands for none."""
        if name in self.clashes:
            return f"{name!r} is the name of several tools: say {' or '.join(self.clashes[name])}"
        tool = self.resolve(name)
        return f"{name!r} is the tool {tool.tool!r} of the server {tool.server!r}"

    def _rename(self) -> None:
        pairs = [(server, str(tool["name"]), tool) for server in sorted(self._offered) for tool in self._unique(server)]
        uses = Counter(name for _, name, _ in pairs)
        shared = {name for name, times in uses.items() if times > 1}
        # A tool whose own name looks like another's new one has to give way to it, too.
        shared |= {f"{server}.{name}" for server, name, _ in pairs if name in shared} & uses.keys()
        named: dict[str, RegisteredTool] = {}
        by_server: dict[str, dict[str, RegisteredTool]] = {}
        clashes: dict[str, tuple[str, ...]] = {}
        for server, name, definition in pairs:
            chosen = _free(f"{server}.{name}" if name in shared else name, named)
            named[chosen] = by_server.setdefault(server, {})[name] = RegisteredTool(chosen, server, name, definition)
            if name in shared:
                clashes[name] = (*clashes.get(name, ()), chosen)
        self._named, self._by_server = named, by_server
        self.clashes = {name: names for name, names in clashes.items() if name not in named}

    def _unique(self, server: str) -> list[JsonObject]:
        """A server that lists a name twice has one tool of that name: the first."""
        return list({str(tool["name"]): tool for tool in reversed(self._offered[server])}.values())[::-1]


def _free(name: str, taken: Mapping[str, object]) -> str:
    """Return a name that nobody has: two servers can still meet, as `a.b` with `c` and `a` with `b.c` do."""
    number = 2
    chosen = name
    while chosen in taken:
        chosen = f"{name}-{number}"
        number += 1
    return chosen
