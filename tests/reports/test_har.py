"""HTTP archives pass their schema, and tell what went over the wire and how long it took."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jsonschema import Draft6Validator

from reports.har import render_har
from reports.records import Exchange, HttpMessage, Run, Timings

SCHEMA = Draft6Validator(json.loads((Path(__file__).with_name("schemas") / "har-1.2.json").read_text("utf-8")))
BEGAN = datetime(2026, 9, 14, 8, 30, 13, 250_000, tzinfo=UTC)
ASKED = HttpMessage(
    start="POST /mcp?key=a%20b HTTP/1.1",
    headers=(("Content-Type", "application/json"), ("Cookie", "a=1; b=2")),
    body="{}",
    size=2,
)
ANSWERED = HttpMessage(
    start="HTTP/1.1 200 OK",
    headers=(("content-type", "text/event-stream"), ("set-cookie", "c=3; Path=/")),
    body="data: {}\n\n",
    size=300_000,
    truncated=299_990,
)


def exchange(**more: object) -> Exchange:
    facts = {
        "started": BEGAN,
        "url": "http://127.0.0.1:3000/mcp?key=a%20b",
        "request": ASKED,
        "response": ANSWERED,
        "timings": Timings(connect=0.5, send=0.1, wait=7.25, receive=2.0),
    }
    return Exchange(**facts | more)  # type: ignore[arg-type]  # facts of many types


def archive(run: Run, *exchanges: Exchange) -> dict:
    found = json.loads(render_har(replace(run, exchanges=exchanges)))
    SCHEMA.validate(found)
    return found["log"]


def test_an_entry_holds_both_messages_and_the_time_of_each_part(clean_run: Run) -> None:
    (entry,) = archive(clean_run, exchange(owner="http.post.accepted"))["entries"]
    assert (entry["startedDateTime"], entry["time"]) == ("2026-09-14T08:30:13.250Z", 9.85)
    asked, answered = entry["request"], entry["response"]
    assert (asked["method"], asked["httpVersion"], asked["bodySize"]) == ("POST", "HTTP/1.1", 2)
    assert asked["queryString"] == [{"name": "key", "value": "a b"}]
    assert asked["postData"] == {"mimeType": "application/json", "text": "{}"}
    assert asked["cookies"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
    assert (answered["status"], answered["statusText"], answered["content"]["size"]) == (200, "OK", 300_000)
    assert answered["content"]["comment"] == "299,990 more bytes are left out"
    assert answered["cookies"] == [{"name": "c", "value": "3"}]
    assert entry["comment"] == "http.post.accepted"
    assert sum(value for value in entry["timings"].values() if value > 0) == entry["time"]


def test_a_connection_that_was_used_again_took_no_time_to_make(clean_run: Run) -> None:
    (entry,) = archive(clean_run, exchange(timings=Timings(send=0.0, wait=1.0, receive=0.0)))["entries"]
    assert (entry["timings"]["connect"], entry["time"]) == (-1, 1.0)


def test_a_request_without_response_has_the_status_that_browsers_give_it(clean_run: Run) -> None:
    (entry,) = archive(clean_run, exchange(response=None, note="no response: refused"))["entries"]
    assert (entry["response"]["status"], entry["response"]["bodySize"]) == (0, -1)
    assert entry["comment"] == "no response: refused"


def test_entries_stand_in_the_order_in_which_they_began(clean_run: Run) -> None:
    later = exchange(started=BEGAN + timedelta(seconds=1), owner="later")
    told = archive(clean_run, later, exchange(owner="first"))
    assert [entry["comment"] for entry in told["entries"]] == ["first", "later"]


def test_records_without_traffic_make_an_empty_archive_that_says_why(clean_run: Run) -> None:
    told = archive(clean_run)
    assert (told["entries"], "--har" in told["comment"]) == ([], True)


def test_what_is_no_http_makes_an_archive_all_the_same(clean_run: Run) -> None:
    odd = HttpMessage(start="\x00", headers=(("cookie", "=;=\x1b"), ("location", "\ud800")), body="\x1b", size=1)
    told = archive(clean_run, exchange(request=odd, response=odd, url="http://[broken?a=1"))
    assert (told["entries"][0]["response"]["status"], "\x1b" in json.dumps(told)) == (0, False)
