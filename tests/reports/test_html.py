"""The page needs nothing from elsewhere, runs nothing but its own script, and shows hostile text as text."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import msgspec
import pytest

from reports.html import render_html
from reports.meanings import meaning_of
from reports.records import Finding, LoadJudgement, Run, Verdict, WireEntry

HOSTILE = "</script></style><img src=x onerror=alert(1)>\"'` {{ 7*7 }} \x00\x1b[31m \ud800 \u202e & <!-- ]]>"


class Page(HTMLParser):
    """Elements with their attributes, the text of the scripts, and the text of the rest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "link", "br", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        {"script": self.scripts, "style": self.styles}.get(inside, self.texts).append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def hostile_run(run: Run) -> Run:
    entry = WireEntry(at=0, direction="stderr", text=HOSTILE, note=HOSTILE)
    texts = dict.fromkeys(
        ("check", "title", "summary", "expected", "actual", "cause", "repeat", "revision", "transport"), HOSTILE
    )
    rule = msgspec.structs.replace(
        run.verdicts[0].requirements[0], id=HOSTILE, text=HOSTILE, page=HOSTILE, url="javascript:alert(1)"
    )
    fields = {"level": "MUST", "requirements": (rule,), "evidence": (entry,)} | texts
    verdicts = tuple(
        Verdict(outcome=outcome, **fields) for outcome in ("failed", "passed", "blocked", "broken", "inapplicable")
    )
    finding = Finding(outcome="failed", property=HOSTILE, conversation=(entry, HOSTILE), script=HOSTILE, **fields)
    load = msgspec.structs.replace(
        run.loads[0],
        scenario=HOSTILE,
        operation=HOSTILE,
        errors={HOSTILE: 3},
        objectives=(msgspec.structs.replace(run.loads[0].objectives[0], text=HOSTILE, unit=HOSTILE),),
        judgements=tuple(
            LoadJudgement(name=HOSTILE, holds=holds, explanation=HOSTILE, evidence=(entry,))
            for holds in (True, False, None)
        ),
    )
    target = msgspec.structs.replace(
        run.header.target, name=HOSTILE, address=HOSTILE, implementation=HOSTILE, transport=HOSTILE
    )
    header = msgspec.structs.replace(
        run.header, target=target, revisions=(HOSTILE,), environment={HOSTILE: HOSTILE}, command=HOSTILE
    )
    return Run(header=header, verdicts=verdicts, findings=(finding,), loads=(load, run.loads[2]))


@pytest.fixture(scope="module")
def page(sample_run: Run) -> Page:
    return Page(render_html(sample_run))


@pytest.fixture(scope="module")
def hostile(sample_run: Run) -> Page:
    return Page(render_html(hostile_run(sample_run)))


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "video", "audio"}
        assert not {"src", "srcset", "action", "data", "background"} & set(attributes)
    for source in (*page.styles, *page.scripts):
        assert not re.search(r"url\(|@import|https?:|//[a-z]|fetch|XMLHttp|import\s*\(", source)


def test_links_lead_to_the_specification_or_within_the_page(page: Page) -> None:
    places = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for link in page.all("a"):
        address = link["href"]
        assert address.startswith("https://modelcontextprotocol.io/") or address.removeprefix("#") in places


def test_elements_are_balanced_and_ids_unique(page: Page, hostile: Page) -> None:
    for each in (page, hostile):
        assert each.unbalanced == []
        assert each.open == []
        ids = [attributes["id"] for _, attributes in each.elements if "id" in attributes]
        assert len(ids) == len(set(ids))


def test_the_policy_allows_the_pages_own_script_and_style_alone(page: Page) -> None:
    policy = next(each["content"] for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for source in ("".join(page.scripts), "".join(page.styles)):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'" in policy


def test_the_verdict_is_the_heading(page: Page) -> None:
    text = " ".join(" ".join(page.texts).split())
    assert "Failed 3 violations, 2 warnings, 1 note and 1 missed objective" in text
    assert len(page.all("h1")) == 1
    assert [tag for tag, _ in page.elements if tag in {"header", "nav", "main", "footer"}][:2] == ["header", "nav"]


def test_everything_that_is_pressed_or_typed_in_has_a_label(page: Page) -> None:
    labelled = sum(tag == "label" for tag, _ in page.elements)
    assert labelled == len(page.all("input")) + len(page.all("select"))
    assert all(each["role"] == "img" and each["aria-label"] for each in page.all("svg") if each.get("class") == "chart")
    assert all(each.get("aria-hidden") == "true" or each.get("aria-label") for each in page.all("svg"))


def test_each_failure_has_its_evidence_and_a_place_to_link_to(page: Page) -> None:
    failures = [each for each in page.all("details") if (each["class"] or "").startswith("failure ")]
    assert len(failures) == 6
    assert {"tools.call.error"} <= {each["id"] for each in failures}
    text = "".join(page.texts)
    assert '{"jsonrpc":"2.0","id":"call-7","method":"tools/call"' in text
    assert "touchstone check --only tools.call.error --revision 2026-07-28" in text


def test_hostile_text_is_text(hostile: Page) -> None:
    assert len(hostile.all("script")) == 1
    assert len(hostile.all("style")) == 1
    assert hostile.all("img") == []
    assert not any(name.startswith("on") for _, attributes in hostile.elements for name in attributes)
    text = "".join(hostile.texts)
    assert "</script></style><img src=x onerror=alert(1)>" in text
    assert "{{ 7*7 }} \\x00\\x1b[31m \\ud800 \\u202e & <!-- ]]>" in text


def test_an_address_that_is_no_web_address_is_no_link(hostile: Page) -> None:
    assert not any("javascript" in (value or "") for _, attributes in hostile.elements for value in attributes.values())


def test_a_huge_text_does_not_make_a_huge_page(sample_run: Run) -> None:
    entries = tuple(WireEntry(at=at, direction="sent", text="z" * 100_000) for at in range(500))
    verdict = msgspec.structs.replace(sample_run.verdicts[-1], actual="y" * 10_000_000, evidence=entries)
    document = render_html(Run(header=sample_run.header, verdicts=(verdict,)))
    assert len(document) < 400_000
    assert "9,996,000 more characters" in document


def test_an_incomplete_run_says_so(sample_run: Run) -> None:
    assert "The records end before the run did" in render_html(replace(sample_run, footer=None))


def test_code_between_backticks_is_set_as_code(sample_run: Run) -> None:
    assert "name one as <code>stimuli.slow</code> in touchstone.toml" in render_html(sample_run)


def test_a_clean_run_has_no_section_for_what_is_wrong(clean_run: Run) -> None:
    document = render_html(clean_run)
    assert 'id="wrong"' not in document
    assert 'id="load"' not in document
    assert "28\u00a0checks passed" in document


def test_each_failure_says_what_it_means_for_users_and_how_to_mend_it(page: Page, sample_run: Run) -> None:
    text = "".join(page.texts)
    assert text.count("For users") == text.count("To mend it") == 6
    assert meaning_of(next(each for each in sample_run.verdicts if each.outcome == "failed")).users in text


def test_every_judgement_can_be_linked_to_by_its_check(page: Page, sample_run: Run) -> None:
    places = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {judgement.check for judgement in sample_run.judgements} <= places


def test_the_coverage_map_has_every_revision(page: Page, sample_run: Run) -> None:
    squares = {each["data-revision"] for each in page.all("button") if "data-revision" in each}
    assert squares == {judgement.revision for judgement in sample_run.judgements}
