"""Any text reaches prompts, completions and resource templates, and arrives whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from conformance.expect import Inapplicable
from conformance.properties.case import Case
from conformance.properties.texts import any_texts, expanded
from reference_impl.server.uri_template import UriTemplate

from .grounds import ground

Draw = Callable[..., list[Case]]
PROMPT = {"name": "greet", "arguments": [{"name": "who", "required": True}, {"name": "how"}, "no argument"]}
TEMPLATE = {"uriTemplate": "test://{kind}/{name}", "name": "t"}


def _methods(cases: list[Case]) -> set[str]:
    return {case.message["method"] for case in cases}


def test_each_place_that_takes_text_gets_some(drawn: Draw) -> None:
    cases = drawn(any_texts(ground(prompts=[PROMPT], templates=[TEMPLATE])), 60)
    assert _methods(cases) == {"prompts/get", "completion/complete", "resources/read"}


@pytest.mark.parametrize(
    ("capability", "method"),
    [("prompts", "prompts/get"), ("completions", "completion/complete"), ("resources", "resources/read")],
)
def test_what_is_not_declared_is_not_asked(capability: str, method: str, drawn: Draw) -> None:
    here = ground(prompts=[PROMPT], templates=[TEMPLATE], capabilities={capability: {}})
    assert _methods(drawn(any_texts(here), 30)) == {method}


def test_where_nothing_takes_text_there_is_nothing_to_ask() -> None:
    with pytest.raises(Inapplicable, match="no prompts with arguments"):
        any_texts(ground(prompts=[{"name": "fixed"}], templates=[{"uriTemplate": "test://fixed"}]))


def test_a_prompt_gets_all_that_it_requires(drawn: Draw) -> None:
    for case in drawn(any_texts(ground(prompts=[PROMPT], capabilities={"prompts": {}})), 20):
        arguments: dict[str, Any] = case.message["params"]["arguments"]
        assert arguments.keys() <= {"who", "how"}
        assert "who" in arguments
        assert all(isinstance(value, str) for value in arguments.values())


@pytest.mark.parametrize(
    ("template", "uri"),
    [
        ("a/{x}", "a/%2F"),
        ("a{/x,y}", "a/%2F,%2F"),
        ("{?x,y}", "?x=%2F&y=%2F"),
        ("{;x}", ";x=%2F"),
        ("{&x}", "&x=%2F"),
        ("{#x}", "#%2F"),
        ("{+x}", "%2F"),
        ("none", "none"),
    ],
)
def test_a_template_is_expanded_with_the_text_in_every_variable(template: str, uri: str) -> None:
    assert expanded(template, "/") == uri


@pytest.mark.parametrize("text", ["é\n\0", "a b%20", "://?#", "\U0001f600"])
def test_a_text_comes_back_out_of_its_uri(text: str) -> None:
    uri = expanded("test://{name}", text)
    assert unquote(uri.removeprefix("test://")) == text
    assert UriTemplate("test://{name}").match(uri) == {"name": text}


def test_a_long_text_is_cut_within_a_uri() -> None:
    assert expanded("{x}", "a" * 5000) == "a" * 2000
