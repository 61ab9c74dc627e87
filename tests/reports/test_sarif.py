"""SARIF passes its schema, and says what GitHub code scanning asks for."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft4Validator

from reports.baseline import Baseline, Known
from reports.records import Run, Target
from reports.sarif import render_sarif

SCHEMA = Draft4Validator(json.loads((Path(__file__).with_name("schemas") / "sarif-2.1.0.json").read_text("utf-8")))


def logged(run: Run) -> dict:
    log = json.loads(render_sarif(run))
    SCHEMA.validate(log)
    (only,) = log["runs"]
    return only


def result(run: Run, check: str) -> dict:
    (found,) = [each for each in logged(run)["results"] if each["ruleId"] == check]
    return found


def test_a_check_that_fails_in_many_places_is_one_result(sample_run: Run) -> None:
    found = result(sample_run, "tools.call.error")
    assert found["level"] == "error"
    assert len(found["properties"]["places"]) == len(found["locations"][0]["logicalLocations"]) == 10
    assert found["message"]["text"].startswith("read_note answers a note that does not exist")
    assert "expected: a result with isError" in found["message"]["text"]
    assert found["properties"]["repeat"].startswith("touchstone check --only tools.call.error")


def test_only_what_failed_is_a_result(sample_run: Run, clean_run: Run) -> None:
    failed = {each.check for each in sample_run.judgements if each.outcome == "failed"}
    assert {each["ruleId"] for each in logged(sample_run)["results"]} == failed
    assert logged(clean_run)["results"] == []


def test_a_rule_leads_to_the_page_of_the_specification(sample_run: Run) -> None:
    rules = logged(sample_run)["tool"]["driver"]["rules"]
    rule = rules[result(sample_run, "tools.call.error")["ruleIndex"]]
    assert rule["id"] == "tools.call.error"
    assert rule["helpUri"] == "https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling"
    assert rule["fullDescription"]["text"].endswith("(server/tools#error-handling)")
    assert [rule["id"] for rule in rules] == sorted({rule["id"] for rule in rules})


@pytest.mark.parametrize(
    ("check", "level"), [("http.origin.foreign", "error"), ("tools.names", "warning"), ("stdio.parse.error", "note")]
)
def test_levels_are_those_of_the_specification(sample_run: Run, check: str, level: str) -> None:
    assert result(sample_run, check)["level"] == level


def test_a_finding_that_did_not_happen_again_is_a_warning_and_says_so(sample_run: Run) -> None:
    found = result(sample_run, "session.order")
    assert (found["level"], found["properties"]["flaky"]) == ("warning", True)


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("node build/index.js --root ./notes", "build/index.js"),
        ("uv run ./server.py", "server.py"),
        ("python -m notes", "touchstone.toml"),
        ("/usr/bin/node /srv/index.js ../other.js", "touchstone.toml"),
        ("npx -y @scope/server.js", "touchstone.toml"),
        ("http://127.0.0.1:3000/mcp.php", "touchstone.toml"),
        ("an unbalanced ' quote.py", "touchstone.toml"),
    ],
)
def test_a_result_is_pinned_to_the_file_that_the_command_runs(sample_run: Run, address: str, file: str) -> None:
    target = msgspec.structs.replace(sample_run.header.target, address=address)
    run = replace(sample_run, header=msgspec.structs.replace(sample_run.header, target=target))
    place = logged(run)["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (file, 1)


def test_fingerprints_depend_on_nothing_that_a_target_says(sample_run: Run) -> None:
    def changed(verdict: msgspec.Struct) -> msgspec.Struct:
        return msgspec.structs.replace(verdict, summary="other words", actual="7", evidence=(), revision="2025-06-18")

    other = replace(sample_run, verdicts=tuple(map(changed, sample_run.verdicts)))
    prints: Callable[[Run], dict] = lambda run: {  # noqa: E731 - short, and used twice
        each["ruleId"]: each["partialFingerprints"]["primaryLocationLineHash"] for each in logged(run)["results"]
    }
    assert prints(sample_run) == prints(other)
    assert len(set(prints(sample_run).values())) == len(prints(sample_run))


def test_what_a_baseline_excuses_is_suppressed_with_the_reason(sample_run: Run) -> None:
    known = Known(check="tools.call.error", reason="the SDK does it", link="https://x.example/1")
    run = replace(sample_run, baseline=Baseline(date(2026, 9, 14), (known,)))
    (suppression,) = result(run, "tools.call.error")["suppressions"]
    assert (suppression["status"], suppression["justification"]) == ("accepted", "the SDK does it, https://x.example/1")
    assert "suppressions" not in result(run, "http.origin.foreign")


def test_the_invocation_tells_how_the_run_ended(sample_run: Run) -> None:
    (ended,) = logged(sample_run)["invocations"]
    assert (ended["exitCode"], ended["executionSuccessful"]) == (1, True)
    assert (ended["startTimeUtc"], ended["endTimeUtc"]) == ("2026-09-14T08:30:12.000Z", "2026-09-14T08:31:49.400Z")
    (cut_short,) = logged(replace(sample_run, footer=None))["invocations"]
    assert not cut_short["executionSuccessful"]
    assert "cut short" in cut_short["toolExecutionNotifications"][0]["message"]["text"]


def test_a_fault_of_ours_is_a_notification_and_no_result(sample_run: Run) -> None:
    broken = msgspec.structs.replace(sample_run.verdicts[0], outcome="broken", summary="KeyError: 'id'")
    run = Run(header=sample_run.header, verdicts=(broken,), footer=sample_run.footer)
    assert logged(run)["results"] == []
    (told,) = logged(run)["invocations"][0]["toolExecutionNotifications"]
    assert broken.check in told["message"]["text"]


def test_nothing_a_target_says_breaks_the_schema(sample_run: Run) -> None:
    hostile = ']]> \x00\x1b \ud800 \u202e {0} \\ "'
    row = msgspec.structs.replace(
        sample_run.verdicts[-1], check=hostile, summary=hostile, actual=hostile, revision=hostile, transport=hostile
    )
    target = Target(name=hostile, transport=hostile, address=hostile)
    header = msgspec.structs.replace(sample_run.header, target=target, command=hostile)
    assert "\ud800" not in render_sarif(Run(header=header, verdicts=(row,)))
    logged(Run(header=header, verdicts=(row,)))


@pytest.mark.parametrize(
    ("implementation", "address", "name"),
    [
        ("notes server 1.4.2", "http://127.0.0.1:3000/mcp", "touchstone/notes server/"),
        (None, "node build/index.js", "touchstone/build-index.js/"),
        (None, "http://127.0.0.1:3000/mcp", "touchstone/target/"),
    ],
)
def test_two_targets_keep_results_of_their_own_and_versions_of_one_share_them(
    sample_run: Run, implementation: str | None, address: str, name: str
) -> None:
    target = msgspec.structs.replace(sample_run.header.target, implementation=implementation, address=address)
    run = replace(sample_run, header=msgspec.structs.replace(sample_run.header, target=target))
    assert logged(run)["automationDetails"]["id"] == name
