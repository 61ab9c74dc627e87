"""Arguments of prompts, values to complete, and URIs made from templates: wherever else a target takes any text."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.expect import Inapplicable
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.known import ID, TEXTS
from conformance.properties.messages import request
from conformance.properties.property import Ground
from conformance.surface import prompt_arguments

__all__ = ["any_texts", "expanded"]

_SOME = 5
_LONGEST = 2000
"""Characters of a value within a URI; longer URIs may be refused by whoever handles them on the way."""
_EXPRESSION = re.compile(r"\{([+#./;?&]?)([^{}]*)\}")
_VARIABLE = re.compile(r"[A-Za-z0-9_.%]+")


def any_texts(ground: Ground) -> SearchStrategy[Case]:
    """Requests that a target must answer whatever text they hold."""
    asked = [*_prompts(ground), *_completions(ground), *_templates(ground)]
    if not asked:
        raise Inapplicable("the target offers no prompts with arguments, completions or resource templates")
    drawn = st.text(st.characters(exclude_categories=["Cs"]), max_size=24)
    texts = st.sampled_from([text for _, text in TEXTS]) | drawn

    def case(made: tuple[str, str, Any], text: str) -> Case:
        method, label, params = made
        message = request(ground.revision, method, params(text), request_id=ID)
        return Case(f"{method} of {label} with any text", Expectation.ANSWER, message)

    return st.builds(case, st.sampled_from(asked), texts)


def _prompts(ground: Ground) -> list[tuple[str, str, Any]]:
    made: list[tuple[str, str, Any]] = []
    for prompt in ground.surface.prompts[:_SOME] if "prompts" in ground.capabilities else ():
        listed = prompt.get("arguments")
        arguments = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        names = [item["name"] for item in arguments if isinstance(item.get("name"), str)]
        made += [("prompts/get", str(prompt.get("name")), _prompting(prompt, name)) for name in names]
    return made


def _prompting(prompt: dict[str, Any], name: str) -> Any:
    return lambda text: {"name": prompt.get("name"), "arguments": {**prompt_arguments(prompt), name: text}}


def _completions(ground: Ground) -> list[tuple[str, str, Any]]:
    if "completions" not in ground.capabilities:
        return []
    return [("completion/complete", _told(params), _completing(params)) for params in _first(ground)]


def _first(ground: Ground) -> list[dict[str, Any]]:
    return list(islice(ground.surface.completions(), _SOME))


def _told(params: dict[str, Any]) -> str:
    return f"{params['argument']['name']}"


def _completing(params: dict[str, Any]) -> Any:
    return lambda text: {**params, "argument": {**params["argument"], "value": text}}


def _templates(ground: Ground) -> list[tuple[str, str, Any]]:
    listed = ground.surface.templates[:_SOME] if "resources" in ground.capabilities else []
    uris = [item["uriTemplate"] for item in listed if isinstance(item.get("uriTemplate"), str)]
    return [("resources/read", uri, _reading(uri)) for uri in uris if _EXPRESSION.search(uri)]


def _reading(template: str) -> Any:
    return lambda text: {"uri": expanded(template, text)}


def expanded(template: str, text: str) -> str:
    """Return the URI of a template (RFC 6570, up to level 3) in which every variable has the value `text`."""
    value = quote(text[:_LONGEST], safe="")

    def expand(found: re.Match[str]) -> str:
        operator, names = found[1], _VARIABLE.findall(found[2])
        if operator in ("?", "&", ";"):
            pairs = ("&" if operator != ";" else ";").join(f"{name}={value}" for name in names)
            return operator + pairs
        return (operator if operator in "#./" else "") + ",".join(value for _ in names)

    return _EXPRESSION.sub(expand, template)
