"""What a client on a Python SDK sees of a server: feature by feature, one JSON object on standard output.

Every such client asks for the same and writes it down in the same form, so that one table says what is right.
"""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

PATIENCE = 20.0
WATCHED = "test://watched-resource"


class Report:
    """The features of one connection, in the order in which they were tried."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    async def add(self, name: str, feature: Callable[[], Awaitable[Any]]) -> None:
        """Try a feature and note what came of it."""
        try:
            with anyio.fail_after(PATIENCE):
                self.seen[name] = await feature()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is what the client saw
            self.seen[name] = f"raised {type(error).__name__}: {error}"

    def show(self) -> None:
        """Print the report."""
        sys.stdout.write(json.dumps(self.seen) + "\n")


class Heard:
    """Notifications as they come in: each is a name and whatever belongs to it."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []
        self._news = anyio.Event()

    def add(self, name: str, value: Any = None) -> None:
        """Note one."""
        self.all.append((name, value))
        self._news.set()

    async def wait(self, name: str) -> Any:
        """Wait for one of that name, take it, and return what belongs to it."""
        while not (found := [entry for entry in self.all if entry[0] == name]):
            self._news = anyio.Event()
            await self._news.wait()
        self.all.remove(found[0])
        return found[0][1]
