"""Every format, whatever it is: none lets a secret through, and all of them render whatever was recorded."""

import base64
import html
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import RENDERERS
from reports.formats import FORMATS
from reports.records import (
    REDACTED,
    Exchange,
    Finding,
    HttpMessage,
    LoadJudgement,
    Run,
    Target,
    Timings,
    Verdict,
    WireEntry,
    Writer,
    read,
)

# It begins with what nobody writes by chance, and goes on with all that is ever written in another way.
SECRET = st.text(st.sampled_from("aZ09-_.~ /+=&?%\"\\<>'é€𝄞\t"), min_size=5, max_size=24).map(
    lambda rest: f"zQ9x{rest}J7k"
)


def spellings(secret: str) -> dict[str, str]:
    data = secret.encode()
    return {
        "as it is": secret,
        "JSON": json.dumps(secret)[1:-1],
        "JSON as it is read": json.dumps(secret, ensure_ascii=False)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(secret))[3:-3],
        "in percent": quote(secret, safe=""),
        "in percent, a path": quote(secret),
        "in percent, in small letters": quote(secret, safe="").replace("%C3%A9", "%c3%a9").replace("%2F", "%2f"),
        "a form": quote_plus(secret),
        "HTML": html.escape(secret),
        "a shell": "'\"'\"'".join(secret.split("'")),
        "base64": base64.b64encode(data).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(data).decode().rstrip("="),
        # Seven letters for what stands before it, and the last letter belongs to what follows it in part.
        "within base64": base64.b64encode(b"user:" + data + b"!").decode()[7 : (5 + len(data)) * 8 // 6],
    }


def leaking(run: Run, text: str) -> Run:
    """The run with `text` in each place that a target, a command or a setting could bring it to."""
    entry = WireEntry(at=0.0, direction="received", text=f"{{{text}}}", note=f" {text} ")
    row = {
        "check": "it", "title": f"It {text} is.", "level": "MUST", "revision": "2025-11-25", "transport": "http",
        "outcome": "failed", "summary": text, "expected": f"<{text}>", "actual": f"({text})", "cause": text,
        "evidence": (entry,), "repeat": f"touchstone check --token {text} -- node x.js",
    }  # fmt: skip
    blocked = {**row, "check": "other", "outcome": "blocked"}
    finding = Finding(**row, property="p", conversation=(entry, text), script=f"send({text!r})")
    judged = LoadJudgement(name="no leak", holds=False, explanation=f"it holds {text}", evidence=(entry,))
    message = HttpMessage(start=f"GET /{text} HTTP/1.1", headers=(("authorization", f"Bearer {text}"),), body=text)
    exchange = Exchange(
        started=run.header.started,
        url=f"http://x.example/?token={text}",
        request=message,
        response=message,
        timings=Timings(send=0, wait=0, receive=0),
    )
    target = Target(name=f"server {text}", transport="http", address=f"http://x.example/?a={text}", given=text)
    header = msgspec.structs.replace(
        run.header, target=target, command=f"touchstone check -H 'X: {text}'", environment={"a": text}
    )
    load = msgspec.structs.replace(
        run.loads[0], scenario=text, errors={text: 1}, judgements=(judged,), series=(), target=None
    )
    return replace(
        run,
        header=header,
        verdicts=(Verdict(**row), Verdict(**blocked)),
        findings=(finding,),
        loads=(load,),
        exchanges=(exchange,),
    )


def written(run: Run, secrets: tuple[str, ...]) -> Run:
    """The run as it is read back from records that were written without secrets."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        with Writer(path, secrets) as writer:
            for row in (run.header, *run.verdicts, *run.findings, *run.loads, *run.exchanges, run.footer):
                writer.append(row)
        return read(path)


@given(SECRET, st.sampled_from(sorted(spellings(""))))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_a_secret_is_in_no_output_however_it_was_spelt(secret: str, way: str) -> None:
    run = written(leaking(SAMPLE[0], spellings(secret)[way]), (f"Bearer {secret}", secret))
    for name, render in RENDERERS.items():
        output = render(run)
        found = [kind for kind, spelt in spellings(secret).items() if spelt in output]
        assert not found, (name, found)
        assert "zQ9x" not in output, name


@pytest.mark.parametrize("ending", ["", "…", "… (12 more characters)", "…; and more"])
def test_a_secret_that_was_cut_off_is_in_no_output(sample_run: Run, ending: str) -> None:
    secret = "sk-0123456789abcdef"
    run = written(leaking(sample_run, f"key {secret[:12]}{ending}"), (secret,))
    row = run.verdicts[0]
    assert row.summary == f"key {REDACTED}{ending}"
    if ending:
        assert all(secret[:12] not in render(run) for render in RENDERERS.values())


def test_every_format_has_a_function_and_says_what_its_option_does() -> None:
    for name, row in FORMATS.items():
        assert (row.name, row.help.endswith("."), row.help.split()[0] in ("Write", "Print")) == (name, True, True)
        assert callable(getattr(__import__(row.module, fromlist=["x"]), row.function))


SAMPLE: list[Run] = []
"""What fixtures cannot give to a test that Hypothesis calls many times."""


@pytest.fixture(scope="module", autouse=True)
def _sample(sample_run: Run) -> None:
    SAMPLE[:] = [sample_run]
