"""Nothing fails on the servers of `touchstone serve`, on stdio and over HTTP, in both eras, checked or fuzzed."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from conformance.patience import Patience
from conformance.properties.runner import FuzzPlan, run_properties
from conformance.runner import Plan, run_checks
from conformance.scout import scout
from conformance.surface import Permission
from conformance.target import HttpTarget, StdioTarget, Target
from door.serve import COMMANDS
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import MCPApplication
from reference_impl.servers import custom, database, filesystem, gateway, git, web
from reports.records import Finding, Verdict
from tests.reference_impl.servers.filesystem.world import project
from tests.reference_impl.servers.git.world import notes
from tests.reference_impl.serving import serving

PATIENCE = Patience(start=30, answer=15, quiet=0.2, stop=5, check=60, run=300)
EXAMPLES = 10
MY_TOOLS = Path(__file__).parents[3] / "docs/examples/custom/my_tools.py"


@dataclass(frozen=True)
class Served:
    """A server as its users start it, in a folder of its own: the arguments of its command, the same server made here,
    and which of its tools may be called beside the read-only ones."""

    arguments: Callable[[Path], list[str]]
    make: Callable[[Path], AdvancedMCPServer]
    allow: frozenset[str] = frozenset()


SERVED: dict[str, Served] = {
    "custom": Served(
        lambda _folder: [str(MY_TOOLS), "--reload"],
        lambda _folder: custom.make_server(MY_TOOLS, reload=True),
        frozenset({"take"}),
    ),
    "database": Served(
        lambda _folder: ["--write"],
        lambda _folder: database.make_server(settings=database.DatabaseSettings(write=True)),
        frozenset({"modify_data"}),
    ),
    "filesystem": Served(
        lambda folder: [str(project(folder)), "--write"],
        lambda folder: filesystem.make_server([project(folder)], write=True),
        frozenset({"write_file", "edit_file", "create_directory", "move_file", "delete_file"}),
    ),
    "gateway": Served(
        lambda _folder: [],
        lambda _folder: gateway.make_server(),
        frozenset({"create_note", "replace_note", "delete_note"}),
    ),
    "git": Served(
        lambda folder: [str(notes(folder)), "--write"],
        lambda folder: git.make_server(notes(folder), write=True),
        frozenset({"git_stage", "git_commit", "git_create_branch", "git_checkout"}),
    ),
    "web": Served(  # confined to a host that it refuses: nothing here asks anybody else's resolver
        lambda _folder: ["--only-host", "127.0.0.1"],
        lambda _folder: web.make_server(web.WebSettings(only_hosts=("127.0.0.1",))),
    ),
}
"""Every server of `touchstone serve` but `everything`, of which the miniatures' tests say it."""


@asynccontextmanager
async def _over(transport: str, name: str, folder: Path) -> AsyncIterator[Target]:
    served = SERVED[name]
    if transport == "stdio":
        yield StdioTarget((sys.executable, "-m", "touchstone", "serve", name, *served.arguments(folder)))
        return
    async with serving(MCPApplication(served.make(folder))) as at:
        yield HttpTarget(f"http://{at.address}/mcp")


async def _tried(name: str, transport: str, folder: Path) -> list[Verdict | Finding]:
    rows: list[Verdict | Finding] = []
    permission = Permission(SERVED[name].allow)
    async with _over(transport, name, folder) as target:
        await run_checks(Plan(target, rows.append, patience=PATIENCE, permission=permission))
        scouted = await scout(target, PATIENCE, permission)
        await run_properties(FuzzPlan(target, rows.append, patience=PATIENCE, examples=EXAMPLES), scouted)
    return rows


@pytest.mark.timeout(600)  # two whole checks and two of fuzzing, on a machine that does other things too
@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.parametrize("name", sorted(SERVED))
def test_nothing_fails_on_a_server_that_we_offer(name: str, transport: str, tmp_path: Path) -> None:
    rows = anyio.run(_tried, name, transport, tmp_path)
    wrong = {(row.revision, row.summary): row.actual for row in rows if row.outcome in ("failed", "broken")}
    assert not wrong
    assert {row.revision for row in rows} == {"2025-11-25", "2026-07-28"}
    assert any(row.outcome == "passed" for row in rows if isinstance(row, Finding))


def test_every_server_is_tried() -> None:
    assert {command.__name__ for command in COMMANDS} - {"everything"} == set(SERVED)
