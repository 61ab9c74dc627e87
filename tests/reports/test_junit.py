"""JUnit XML is well formed whatever a target sends, and its counts are those of the run."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from reports.baseline import Baseline, Known
from reports.junit import render_junit
from reports.records import FailOn, LoadJudgement, Run, WireEntry, fails

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("schemas") / "junit.xsd"))


def parsed(run: Run, fail_on: FailOn = "must") -> ET.Element:
    return ET.fromstring(render_junit(replace(run, fail_on=fail_on)))


def test_there_is_a_suite_for_each_revision_and_transport_and_for_load(sample_run: Run) -> None:
    names = [suite.get("name") for suite in parsed(sample_run)]
    assert len(names) == 11
    assert {"2024-11-05 over http", "2026-07-28 over stdio", "load"} <= set(names)


def test_counts_are_those_of_the_cases(sample_run: Run) -> None:
    root = parsed(sample_run)
    assert int(root.get("tests")) == len(sample_run.judgements) + 4 == len(root.findall(".//testcase"))
    assert int(root.get("failures")) == sum(map(fails, sample_run.judgements)) + 1 == len(root.findall(".//failure"))
    assert int(root.get("skipped")) == len(root.findall(".//skipped"))
    for suite in root:
        assert int(suite.get("failures")) == len(suite.findall(".//failure"))


def test_a_failure_carries_its_evidence(sample_run: Run) -> None:
    case = parsed(sample_run).find(".//testcase[@name='tools.call.error']")
    failure = case.find("failure")
    assert case.get("classname") == "touchstone.2024-11-05.http"
    assert failure.get("type") == "MUST"
    assert failure.get("message").startswith("read_note answers")
    assert "expected  a result with isError" in failure.text
    assert "repeat    touchstone check --only tools.call.error" in failure.text


@pytest.mark.parametrize(
    ("check", "why"),
    [
        ("prompts.list.shape", "inapplicable: the server does not declare prompts"),
        ("elicitation.form", "blocked: no tool of this server asks"),
        ("tools.names", "warning, not counted: 1 of 12 tools"),
    ],
)
def test_what_is_neither_red_nor_green_is_skipped_with_a_reason(sample_run: Run, check: str, why: str) -> None:
    skipped = parsed(sample_run).find(f".//testcase[@name='{check}']/skipped")
    assert skipped.get("message").startswith(why)


def test_the_line_is_drawn_where_the_exit_code_draws_it(sample_run: Run) -> None:
    assert parsed(sample_run, fail_on="never").get("failures") == "0"
    strict = parsed(sample_run, fail_on="advice")
    assert int(strict.get("failures")) == sum(fails(each, "advice") for each in sample_run.judgements) + 1


def test_a_fault_of_touchstone_is_an_error(sample_run: Run) -> None:
    broken = msgspec.structs.replace(sample_run.verdicts[0], outcome="broken", summary="KeyError: 'id'")
    error = parsed(Run(header=sample_run.header, verdicts=(broken,))).find(".//error")
    assert error.get("message") == "KeyError: 'id'"


def test_an_objective_that_could_not_be_measured_is_skipped(sample_run: Run) -> None:
    case = parsed(sample_run).find(".//testcase[@name='capacity: tools/list, p99 < 100 ms']/skipped")
    assert case.get("message").startswith("no result: the generator's own CPU")


def test_what_a_scenario_judges_is_a_case_each(sample_run: Run) -> None:
    proof = WireEntry(at=1.5, direction="received", text="marker 7")
    judged = (
        LoadJudgement(name="no foreign answer", holds=False, explanation="another's", evidence=(proof,)),
        LoadJudgement(name="no leak", holds=None, explanation="the target cannot be seen"),
        LoadJudgement(name="recovers", holds=True, explanation="after 1 s"),
    )
    load = msgspec.structs.replace(sample_run.loads[1], judgements=judged, objectives=())
    run = Run(header=sample_run.header, loads=(load,))
    failure = parsed(run).find(".//failure")
    assert (failure.get("message"), failure.text) == ("another's", "1.500 s <- marker 7")
    assert parsed(run).find(".//skipped").get("message") == "not judged: the target cannot be seen"
    assert [parsed(run).get(name) for name in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    assert parsed(run, fail_on="never").get("failures") == "0"


def test_no_text_of_a_target_breaks_the_document(sample_run: Run) -> None:
    hostile = "]]> </failure> & \x00\x1b\x0b \ud800 \ufffe <!-- \u202e"
    verdict = msgspec.structs.replace(
        sample_run.verdicts[-1],
        level="MUST",
        check=hostile,
        summary=hostile,
        actual=hostile,
        revision=hostile,
        transport=hostile,
    )
    root = parsed(Run(header=replace_address(sample_run, hostile), verdicts=(verdict,)))
    assert "]]> </failure> & \\x00\\x1b\\x0b \\ud800 \\ufffe <!-- \\u202e" in root.find(".//failure").text
    render_junit(Run(header=sample_run.header, verdicts=(verdict,))).encode("utf-8")


def test_a_run_without_judgements_is_an_empty_document(sample_run: Run) -> None:
    root = parsed(replace(Run(header=sample_run.header)))
    assert (root.tag, root.get("tests")) == ("testsuites", "0")


def replace_address(run: Run, address: str) -> object:
    return msgspec.structs.replace(run.header, target=msgspec.structs.replace(run.header.target, address=address))


@pytest.mark.parametrize("fail_on", ["must", "advice", "never"])
def test_every_document_is_of_the_shape_that_services_read(sample_run: Run, clean_run: Run, fail_on: FailOn) -> None:
    cut_short = replace(sample_run, footer=None)
    for run in (sample_run, clean_run, cut_short, Run(header=sample_run.header)):
        SCHEMA.assertValid(etree.fromstring(render_junit(replace(run, fail_on=fail_on)).encode()))


def test_cases_that_are_alike_get_names_that_differ(sample_run: Run) -> None:
    twice = (sample_run.findings[0], msgspec.structs.replace(sample_run.findings[0], property="another"))
    document = render_junit(Run(header=sample_run.header, findings=twice)).encode()
    SCHEMA.assertValid(etree.fromstring(document))
    assert [case.get("name") for case in ET.fromstring(document).iter("testcase")] == [
        "tools.arguments.any",
        "tools.arguments.any (2)",
    ]


def test_a_finding_that_did_not_happen_again_is_labelled_flaky_and_not_hidden(sample_run: Run) -> None:
    case = parsed(sample_run).find(".//testcase[@name='session.order']")
    assert case.find("properties/property[@name='flaky']").get("value") == "yes"
    assert case.find("skipped").get("message").startswith("warning, flaky, not counted: one of 400 runs")
    assert "did not happen again" in case.find("system-out").text
    assert parsed(sample_run, fail_on="should").find(".//testcase[@name='session.order']/failure") is not None


def test_a_failure_that_is_known_is_skipped_with_its_reason_and_link(sample_run: Run) -> None:
    known = Known(
        check="tools.call.error", reason="the SDK does it", link="https://x.example/1", expires=date(2030, 1, 1)
    )
    run = replace(sample_run, baseline=Baseline(date(2026, 9, 14), (known,)))
    document = render_junit(run).encode()
    SCHEMA.assertValid(etree.fromstring(document))
    case = ET.fromstring(document).find(".//testcase[@name='tools.call.error']")
    told = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert told == {"known": "the SDK does it", "known.link": "https://x.example/1", "known.expires": "2030-01-01"}
    assert case.find("skipped").get("message").startswith("known, not counted: ")


def test_cases_name_the_file_that_the_command_runs_and_suites_tell_where_they_ran(sample_run: Run) -> None:
    root = parsed(sample_run)
    assert {case.get("file") for case in root.findall("testsuite[@name='2025-11-25 over stdio']/testcase")} == {
        "build/index.js"
    }
    properties = root.findall("testsuite[@name='2025-11-25 over stdio']/properties/property")
    told = {item.get("name"): item.get("value") for item in properties}
    assert (told["revision"], told["transport"], told["exit"], told["standing"]) == (
        "2025-11-25",
        "stdio",
        "1",
        "failed",
    )
