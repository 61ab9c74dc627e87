"""What is sent, and who judges what comes back."""

import json

import pytest

from loadtest.benchmarks.traffic import FIRST, Traffic, discovery, hello, judged_events, judged_json, template
from reference_impl.protocol.messages import encode
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY


def answer(number=7, text="hello 7"):
    return {"jsonrpc": "2.0", "id": number, "result": {"content": [{"type": "text", "text": text}]}}


def event(message):
    return b"event: message\r\ndata: " + json.dumps(message).encode() + b"\r\n\r\n"


def progress(token=7):
    return event({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token}})


def test_calls_differ_in_their_number_alone():
    data, times = template(encode(Traffic(LATEST, progress=True).first()))
    first, second = (json.loads(data % ((FIRST + n,) * times)) for n in (0, 1))
    assert second["id"] == FIRST + 1
    assert second["params"]["arguments"] == {"text": f"hello {FIRST + 1}"}
    assert second["params"]["_meta"]["progressToken"] == FIRST + 1
    assert first["params"]["_meta"].keys() == second["params"]["_meta"].keys()


def test_legacy_calls_describe_themselves_only_as_far_as_they_must():
    assert "_meta" not in Traffic(LATEST_LEGACY).first().params
    assert Traffic(LATEST_LEGACY, progress=True).first().params["_meta"] == {"progressToken": FIRST}
    assert hello(LATEST_LEGACY).params["protocolVersion"] == LATEST_LEGACY.name
    assert discovery().method == "server/discover"


@pytest.mark.parametrize(
    ("body", "good"),
    [
        (json.dumps(answer()).encode(), True),
        (json.dumps(answer(text="Echo: hello 7")).encode(), True),
        (json.dumps(answer(8)).encode(), False),
        (json.dumps(answer(text="hello 8")).encode(), False),
        (b'{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}', False),
        (b"", False),
    ],
)
def test_an_answer_has_the_id_and_the_text_of_its_call(body, good):
    assert judged_json(body, 7) is good


@pytest.mark.parametrize(
    ("body", "good"),
    [
        (progress() * 2 + event(answer()), True),
        (b": comment\n\nid: 1\ndata: \n\n" + progress() * 2 + event(answer()), True),
        (progress() + event(answer()), False),
        (progress() + progress(8) + event(answer()), False),
        (progress() * 2 + event(answer(8)), False),
        (event(answer()) + progress() * 2, False),
    ],
)
def test_a_stream_has_its_notifications_and_then_its_answer(body, good):
    assert judged_events(2)(body, 7) is good
