"""Markdown for jobs and comments: the verdict first, failures folded, nothing of a target obeyed, short enough."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import msgspec
from markdown_it import MarkdownIt

from reports.baseline import Baseline, Known
from reports.markdown import LIMIT, render_markdown
from reports.records import LoadJudgement, Run, WireEntry
from reports.rows import Capacity

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Shown(HTMLParser):
    """What a browser makes of it: the tags within which each piece of text stands."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.links: list[str | None] = []
        self.feed(GITHUB.render(markdown))
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "hr", "img"):
            self.open.append(tag)
        if tag in ("a", "img"):
            self.links.append(dict(attributes).get("href"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((" ".join(self.open), data))


def test_the_verdict_comes_first_and_what_was_judged_after_it(sample_run: Run) -> None:
    first, _, second, *_ = render_markdown(sample_run).splitlines()
    assert first == "## ❌ Failed: 3 violations, 2 warnings, 1 note and 1 missed objective"
    assert second.startswith(
        "<code>notes-server 1.4.2</code>, 289 of 339 judgements made (266 passed); 50 could not be"
    )


def test_each_failure_is_folded_with_all_that_shows_it(sample_run: Run) -> None:
    text = render_markdown(sample_run)
    assert text.count("<details>") == text.count("</details>") == 7
    (failure,) = [part for part in text.split("<details>") if "<code>tools.call.error</code>" in part]
    assert failure.startswith("<summary><b>violation</b> read&#95;note answers a note that does not exist")
    assert "- **expected** <code>a result with isError: true" in failure
    assert "/server/tools#error-handling)" in failure
    assert '```\n0.041 s -> {"jsonrpc":"2.0","id":"call-7"' in failure
    assert "```sh\ntouchstone check --only tools.call.error --revision 2026-07-28 -- node" in failure


def test_load_is_a_table_and_objectives_a_list(sample_run: Run) -> None:
    judged = LoadJudgement(name="no leak", holds=None, explanation="the target cannot be seen")
    found = Capacity(rate=410.0, at_least=True, reason="the end", objectives=("p99 < 100 ms",), samples=900, needed=300)
    load = msgspec.structs.replace(sample_run.loads[0], judgements=(judged,), capacity=found)
    text = render_markdown(replace(sample_run, loads=(load, *sample_run.loads[1:])))
    assert "| operation | asked for | completed | a second | errors | p50 | p99 | max |" in text
    assert "| tools/call search&#95;notes | 400 a second |" in text
    assert "| no result: the generator was the limit |" in text
    assert (
        "- ❌ missed: <code>p99 &lt; 100 ms</code> for <code>tools/call search&#95;notes</code>, measured 418 ms"
        in text
    )
    capacity = "- capacity, <code>tools/call search&#95;notes</code>: at least 410/s with p99 &lt; 100 ms"
    assert f"{capacity}, of 900 samples" in text
    assert "- ⚪ not judged: no leak, the target cannot be seen" in text


def test_a_run_of_which_nothing_is_wrong_is_short(clean_run: Run) -> None:
    text = render_markdown(clean_run)
    assert text.startswith("## ✅ Passed: 28 checks passed\n")
    assert "<details>" not in text


def test_a_run_that_was_cut_short_says_so_first(clean_run: Run) -> None:
    cut_short = render_markdown(replace(clean_run, footer=None))
    assert cut_short.startswith("## ⚪ Inconclusive")
    assert "> The records end before the run did" in cut_short.partition("###")[0]


def test_known_failures_are_listed_with_their_reasons(sample_run: Run) -> None:
    known = (Known(check="tools.call.error", reason="the SDK does it"), Known(check="ping.answered"))
    text = render_markdown(replace(sample_run, baseline=Baseline(date(2026, 9, 14), known)))
    assert "### 1 known failure\n" in text
    assert "- <code>tools.call.error</code>, every revision over http and stdio: the SDK does it" in text
    assert "- <code>ping.answered</code>  is listed in the baseline, but nothing of it failed: remove it" in text


def test_nothing_that_a_target_says_is_markup_or_calls_anybody(sample_run: Run) -> None:
    hostile = "<b>x</b> **bold** [a](javascript:b) @octocat #12 https://evil.example |\n# Title\n</details> `@octo`"
    wire = WireEntry(at=0.0, direction="sent", text=f"````\n{hostile}")
    row = msgspec.structs.replace(
        sample_run.verdicts[-1], level="MUST", summary=hostile, actual=hostile, evidence=(wire,), transport=hostile
    )
    text = render_markdown(Run(header=sample_run.header, verdicts=(row,)))
    outside = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    spoken = re.sub(r"<code>.*?</code>", "", outside)
    assert not re.search(r"<b>x|\*\*bold|\]\(javascript|@\w|(?<!&)#12|evil\.example|^# ", spoken, re.MULTILINE)
    assert outside.count("</details>") == 1
    assert "`````\n0.000 s -> ````" in text


def test_a_summary_is_never_longer_than_services_take(sample_run: Run) -> None:
    long = "ä" * 3_000 + "|" * 3_000
    verdicts = tuple(
        msgspec.structs.replace(
            sample_run.verdicts[-1], check=f"check.{number}", summary=f"{number} {long}", actual=long
        )
        for number in range(400)
    )
    blocked = tuple(msgspec.structs.replace(row, outcome="blocked", cause=f"{row.check} {long}") for row in verdicts)
    header = msgspec.structs.replace(sample_run.header, command=long, touchstone=long)
    text = render_markdown(Run(header=header, verdicts=(*verdicts, *blocked)))
    assert len(text.encode()) <= LIMIT
    assert re.search(r"^\*\d+ more parts found no room here", text, re.MULTILINE)
    assert text.count("<details>") == text.count("</details>")


def test_what_is_folded_is_rendered_as_markdown_and_the_fold_itself_as_it_is_written(sample_run: Run) -> None:
    shown = Shown(render_markdown(sample_run))
    assert (
        "details summary",
        " read_note answers a note that does not exist with the protocol error -32603",
    ) in shown.texts
    assert ("details p strong", "MUST") in shown.texts
    assert any(where == "details pre code" and '"id":"call-7"' in text for where, text in shown.texts)
    assert ("table tbody tr td", "tools/call search_notes") in shown.texts
    assert all(link and link.startswith("https://modelcontextprotocol.io/") for link in shown.links)


def test_words_of_a_target_are_shown_as_they_are(sample_run: Run) -> None:
    hostile = "**a** __b__ ~~c~~ [d](http://e) ![f](g) <i>h</i> | \\ & &amp; <!-- i --> # j\n* k"
    row = msgspec.structs.replace(sample_run.verdicts[-1], level="MUST", summary=hostile, expected=hostile)
    shown = Shown(render_markdown(Run(header=sample_run.header, verdicts=(row,))))
    line = hostile.replace("\n", " ")
    together = "".join(text for where, text in shown.texts if where.startswith("details summary"))
    assert line.replace(" ", "") in together.replace(" ", "")
    assert ("details ul li code", line) in shown.texts
    assert not any({"i", "em", "del", "img"} & set(where.split()) for where, _ in shown.texts)
    assert all("http://e" not in (link or "") for link in shown.links)
