"""Histories of a model that uses tools."""

import pytest

from reference_impl.client.sampling import conversation_fault

TEXT = {"type": "text", "text": "hello"}


def use(name):
    return {"type": "tool_use", "id": name, "name": "t", "input": {}}


def result(name):
    return {"type": "tool_result", "toolUseId": name, "content": []}


def user(*content):
    return {"role": "user", "content": list(content)}


def model(*content):
    return {"role": "assistant", "content": list(content)}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": TEXT}, {"role": "assistant", "content": TEXT}],
        [user(TEXT), model(TEXT, use("a"), use("b")), user(result("b"), result("a")), model(TEXT)],
        [user(TEXT), model(use("a")), user(result("a")), model(use("b")), user(result("b"))],
    ],
)
def test_a_history_with_all_its_results_is_good(messages):
    assert conversation_fault(messages) is None


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (None, "array"),
        ([7], "array"),
        ([{"role": "system", "content": TEXT}], "role"),
        ([{"role": "user"}], "content"),
        ([{"role": "user", "content": "hello"}], "of the types"),
        ([user({"type": "nonsense"})], "of the types"),
        ([model(use("a"))], "missing"),
        ([model(use("a")), user(TEXT)], "missing"),
        ([model(use("a"), use("b")), user(result("a"))], "missing"),
        ([model(use("a")), user(result("a"), TEXT)], "mixed"),
        ([user(result("a"))], "before it"),
        ([user(use("a")), user(result("a"))], "by the user"),
        ([model(use("a")), user(result({"not": "an id"}))], "missing"),
    ],
)
def test_what_a_provider_would_refuse_is_named(messages, reason):
    assert reason in str(conversation_fault(messages))
