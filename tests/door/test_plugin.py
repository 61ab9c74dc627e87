"""`pytest --mcp-target`: every check is a test that can be chosen, and tells what the run found."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from xml.etree import ElementTree

import pytest

import door.pytest_items  # noqa: F401 - so that not every pytest in here imports it anew
from door.catalogue import all_ids
from reports.records import read

all_ids()  # so that each declares its checks once
pytest_plugins = ("pytester",)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "notes"
SMALL = shlex.join([sys.executable, str(Path(__file__).with_name("small_server.py"))])
WRONG = f"{SMALL} --defect unknown"
INSTALLED = any(
    (point.group, point.name) == ("pytest11", "touchstone") for found in distributions() for point in found.entry_points
)
LOADED = () if INSTALLED else ("-p", "door.plugin")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run pytest in a folder of its own and in this process, with the warnings of everybody as errors."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "160")

    def words(*more: str) -> pytest.RunResult:
        # What is imported already cannot have its assertions rewritten, which pytest warns of.
        strict = ("-W", "error", "-W", "ignore::pytest.PytestAssertRewriteWarning")
        return pytester.runpytest_inprocess(*LOADED, "-p", "no:locust", *strict, *more)

    return words


def mcp(*words: str, target: str = SMALL) -> tuple[str, ...]:
    return ("--mcp-target", target, *words)


def test_every_check_that_can_bind_the_target_is_a_test_and_none_is_run_to_say_so(run, tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = shlex.join([sys.executable, "-c", f"open({str(started)!r}, 'w')"])
    result = run(*mcp("--collect-only", "-q", target=program))
    listed = [line for line in result.outlines if line.startswith("mcp-target::")]
    for name in ("base.id.string", "stdio.stdout", "property.framing"):
        assert f"mcp-target::{name}" in listed
    assert "mcp-target::http.isolation" not in listed
    assert not started.exists()


def test_a_failure_is_told_with_its_evidence(run) -> None:
    result = run(*mcp("-k", "base.method or base.id.string", "--junitxml", "j.xml", target=WRONG))
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    for part in (
        "base.method.unknown · 2025-11-25 over stdio",
        "rule      MUST A request for a method that does not exist",
        "expected  an error with code -32601",
        '"touchstone/no-such-method"',
        f"repeat    touchstone check --only base.method.unknown --revision 2025-11-25 -- {WRONG}",
    ):
        assert part in text
    assert "Traceback" not in text
    case = next(
        case for case in ElementTree.parse("j.xml").iter("testcase") if case.get("name") == "base.method.unknown"
    )
    assert "rule      MUST" in (case.find("failure").text or "")


def test_only_what_is_selected_is_run(run, pytester: pytest.Pytester) -> None:
    run(*mcp("-m", "mcp and base and must and not property"))
    checks = {verdict.check for verdict in read(pytester.path / ".touchstone/records.jsonl").judgements}
    assert "base.id.string" in checks
    assert all(check.startswith("base.") for check in checks)


def test_what_was_not_judged_is_skipped_with_the_reason(run) -> None:
    result = run(
        *mcp("-rs", "-k", "utilities.responsive or completion.arguments or completion.unsupported", target=WRONG)
    )
    result.assert_outcomes(skipped=3)
    text = result.stdout.str()
    assert "blocked: no tool that may be called is known to be slow" in text
    assert "inapplicable: the target does not declare completions" in text
    assert "warning, not counted at --mcp-fail-on must: This does not hold" in text


def test_the_line_between_failed_and_skipped_is_drawn_where_it_is_told(run) -> None:
    words = ("-k", "completion.unsupported or base.method")
    run(*mcp(*words, "--mcp-fail-on", "should", target=WRONG)).assert_outcomes(failed=2)
    run(*mcp(*words, "--mcp-fail-on", "never", target=WRONG)).assert_outcomes(skipped=2)


def test_known_failures_are_xfailed_and_stale_entries_fail(run, pytester: pytest.Pytester) -> None:
    entries = '[[known]]\ncheck = "base.method.unknown"\nreason = "so it is"\n[[known]]\ncheck = "base.id.string"\n'
    (pytester.path / "known.toml").write_text(entries)
    pytester.makeini(f"[pytest]\nmcp_target = {WRONG}\nmcp_baseline = known.toml\nmcp_examples = 1\n")
    part = run("-rx", "-k", "base.method or base.id.string")
    part.assert_outcomes(xfailed=1, passed=1)
    part.stdout.fnmatch_lines(["XFAIL mcp-target::base.method.unknown - known: so it is"])
    whole = run()
    whole.stdout.fnmatch_lines(["the baseline lists base.id.string, but nothing of it failed: remove the entry"])
    whole.assert_outcomes(
        failed=1, xfailed=1, passed=whole.parseoutcomes()["passed"], skipped=whole.parseoutcomes()["skipped"]
    )


def test_a_target_that_cannot_be_reached_is_one_failure(run) -> None:
    result = run(*mcp("-k", "base.id.string or base.id.texts or base.method", target=f"{SMALL} --defect dies"))
    result.assert_outcomes(failed=1, skipped=2)
    assert "no luck today" in result.stdout.str()


def test_workers_share_one_run(run, pytester: pytest.Pytester) -> None:
    counted = pytester.path / "starts"
    source = (
        f"open({str(counted)!r}, 'a').write('x'); import runpy; runpy.run_path({shlex.split(SMALL)[1]!r}, run_name='x')"
    )
    target = shlex.join([sys.executable, "-c", source])
    run(*mcp("-k", "base.id.string or base.id.texts", target=target)).assert_outcomes(passed=2)
    alone = len(counted.read_text())
    counted.unlink()
    shared = pytester.runpytest_subprocess(
        *LOADED, "-p", "no:locust", *mcp("-k", "base.id.string or base.id.texts", "-n", "2", target=target)
    )
    shared.assert_outcomes(passed=2)
    assert len(counted.read_text()) == alone


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--mcp-target", "nothing_here:app"), "No module named 'nothing_here'"),
        (("--mcp-target", "http://"), "names no host"),
        (("--mcp-target", "x", "--mcp-fail-on", "all"), "--mcp-fail-on all: it is one of must, should, advice, never"),
        (("--mcp-target", "x", "--mcp-examples", "many"), "--mcp-examples many: it is a number"),
        (("--mcp-target", "x", "--mcp-revision", "2025"), "2025 is no revision"),
        (("--mcp-target", "x", "--mcp-baseline", "none.toml"), "none.toml: no such file"),
        (("--mcp-target", "x", "--mcp-header", "a"), "--header takes 'Name: value'"),
        (("--mcp-target", "mcp.json#x"), "mcp.json: no such file"),
    ],
)
def test_wrong_options_are_refused_in_one_line(run, words: tuple[str, ...], told: str) -> None:
    result = run(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line.startswith("ERROR")]
    assert told in line


def test_the_hook_gives_a_server_of_this_process(run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import json

        async def serve(reader, writer):
            import contextlib, io
            lines = b""
            while True:
                lines += await reader.receive()
                while b"\\n" in lines:
                    line, _, lines = lines.partition(b"\\n")
                    message = json.loads(line)
                    if "id" in message:
                        info = {"name": "memory", "version": "1"}
                        version = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info}
                        said = {"result": version if message["method"] == "initialize" else {}}
                        if message["method"] not in ("initialize", "ping"):
                            said = {"error": {"code": -32000, "message": "no"}}
                        answer = {"jsonrpc": "2.0", "id": message["id"], **said}
                        await writer.send(json.dumps(answer).encode() + b"\\n")

        def pytest_mcp_target():
            return serve
        """
    )
    pytester.makepyfile(test_own="def test_it():\n    pass\n")
    result = run("-k", "base.method or utilities.ping or test_it")
    result.assert_outcomes(passed=2, failed=1)
    assert "base.method.unknown · 2025-11-25 over memory" in result.stdout.str()
    assert "repeat    pytest -k base.method.unknown" in result.stdout.str()
    run("test_own.py").assert_outcomes(passed=1)
    run("-m", "not mcp").assert_outcomes(passed=1)


def test_a_hook_that_gives_nothing_adds_no_tests(run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_mcp_target():\n    return None\n")
    pytester.makepyfile("def test_it():\n    pass\n")
    run().assert_outcomes(passed=1)


def test_a_context_manager_is_entered_for_as_long_as_the_tests_take(run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        f"""
        from contextlib import contextmanager
        from pathlib import Path

        @contextmanager
        def started():
            Path("begun").touch()
            yield {SMALL!r}
            Path("ended").touch()

        def pytest_mcp_target(config):
            return started()
        """
    )
    run("-k", "base.id.string or http.isolation").assert_outcomes(passed=1, skipped=1)
    assert (pytester.path / "begun").exists()
    assert (pytester.path / "ended").exists()


def test_the_example_passes_all_of_its_tests_and_touchstones(run, pytester: pytest.Pytester) -> None:
    for file in EXAMPLE.iterdir():
        if file.is_file():
            shutil.copy(file, pytester.path)
    result = run("--mcp-examples", "3")
    outcomes = result.parseoutcomes()
    assert outcomes.keys() == {"passed", "skipped"}, result.stdout.str()
    assert outcomes["passed"] > 60
    server = pytester.path / "notes_server.py"
    server.write_text(server.read_text().replace("-32601", "-32602"))
    run("-k", "base.method").assert_outcomes(failed=1)
    run("-m", "mcp", "--mcp-target", "notes_server:app", "-k", "tools.call.unknown").assert_outcomes(passed=1)


def test_nothing_of_ours_is_imported_before_a_target_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        OURS = ("conformance", "door", "fixtures", "loadtest", "reference_impl", "reports", "touchstone")

        def test_it():
            found = sorted(name for name in sys.modules if name.partition(".")[0] in OURS)
            assert found == ["door", "door.plugin"]
            assert not {"msgspec", "anyio", "jsonschema", "rich", "typer"} & set(sys.modules)
        """
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        *LOADED,
        "-p",
        "no:locust",
        "-p",
        "no:hypothesispytest",
        "-p",
        "no:anyio",
    ]
    done = subprocess.run(
        command,
        cwd=pytester.path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_plugin_of_locust_does_not_stand_in_its_way(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    result = pytester.runpytest_subprocess(*LOADED, *mcp("-k", "base.id.string"), timeout=60)
    result.assert_outcomes(passed=1)
    assert "--mcp-target" in pytester.runpytest_subprocess(*LOADED, "--help", timeout=60).stdout.str()


def test_the_entry_point_names_the_plugin() -> None:
    assert 'touchstone = "door.plugin"' in (ROOT / "pyproject.toml").read_text("utf-8")
