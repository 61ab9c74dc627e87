"""Files and the detours around them, on servers that keep them, that list none, and that read anything."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from conformance.check import all_checks
from conformance.runner import Plan, run_checks
from conformance.suite import Suite, declared
from fixtures.miniatures import Bend
from fixtures.miniatures.serve import in_memory
from reference_impl.protocol.revisions import LATEST
from reference_impl.server import AdvancedMCPServer
from reports.records import Verdict
from tests.conformance.scripted import BRISK

FILE = Path(__file__).resolve()
CHECK = next(check for check in all_checks() if check.id == "resources.file.traversal")


def _verdict(server: AdvancedMCPServer) -> tuple[str, str]:
    verdicts: list[Verdict] = []
    target = in_memory("files", Bend(), lambda: server)
    suite = Suite((CHECK,), (), declared().catalogue)
    anyio.run(run_checks, Plan(target, verdicts.append, revisions=(LATEST.name,), patience=BRISK, suite=suite))
    return verdicts[0].outcome, verdicts[0].summary


def _server(uri: str) -> AdvancedMCPServer:
    server = AdvancedMCPServer("files", "1")
    server.resource(uri, "file")(_text)
    return server


async def _text() -> str:
    return "a file"


def test_who_gives_only_what_is_listed_passes() -> None:
    assert _verdict(_server(FILE.as_uri()))[0] == "passed"


@pytest.mark.parametrize(("uri", "outcome"), [("test://file", "inapplicable"), ("file:///no/such/file", "blocked")])
def test_who_offers_no_files_that_we_know_is_not_judged(uri: str, outcome: str) -> None:
    assert _verdict(_server(uri))[0] == outcome


def test_who_reads_any_file_cannot_be_led_out() -> None:
    server = _server(FILE.as_uri())

    @server.resource("file:///{+path}", "any")
    def read(path: str) -> str:
        return Path("/", path).read_text("utf-8")

    outcome, summary = _verdict(server)
    assert outcome == "blocked"
    assert "reads any file" in summary
