import datetime
import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from conformance.properties.json_schema_formats import FORMATS, SPECIMENS

Draw = Callable[..., list[Any]]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_what_an_asserting_validator_accepts(name: str, drawn: Draw) -> None:
    validator = jsonschema_rs.Draft202012Validator({"type": "string", "format": name}, validate_formats=True)
    for text in [SPECIMENS[name], *drawn(FORMATS[name])]:
        assert validator.is_valid(text), text


def test_moments_are_in_utc(drawn: Draw) -> None:
    for text in drawn(FORMATS["date-time"]):
        assert text.endswith("Z")
        assert datetime.datetime.fromisoformat(text).utcoffset() == datetime.timedelta(0)


@pytest.mark.parametrize("name", ["email", "hostname", "uri", "uri-template"])
def test_names_lead_to_nobody(name: str, drawn: Draw) -> None:
    assert all("example." in text for text in drawn(FORMATS[name]))


def test_there_is_a_specimen_of_each_format() -> None:
    assert SPECIMENS.keys() == FORMATS.keys()
    assert json.dumps(SPECIMENS)
