"""Arguments that are taken from the results of earlier steps."""

import pytest

from reference_impl.host.errors import PlanError
from reference_impl.host.references import references, resolved, text_of

RESULT = {
    "content": [{"type": "text", "text": '{"inner": [1, {"deep": "x"}]}'}, {"type": "text", "text": "second"}],
    "structuredContent": {"rows": [{"name": "Ada"}, {"name": "Grace"}], "a/b": {"~": 7}},
}


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"path": "/structuredContent/rows/1/name"}, "Grace"),
        ({"path": "/structuredContent/a~1b/~0"}, 7),
        ({"path": "/content/1/text"}, "second"),
        ({"path": "/content/0/text/inner/1/deep"}, "x"),
        ({}, RESULT["structuredContent"]),
        ({"path": "/structuredContent/rows/0/name", "template": "Dear {},"}, "Dear Ada,"),
        ({"path": "/structuredContent/rows/0", "template": "{}"}, '{"name": "Ada"}'),
        ({"path": ""}, RESULT),
    ],
    ids=str,
)
def test_a_reference_is_replaced_by_what_it_points_to(reference, value):
    assert resolved({"x": [{"$from": "s", **reference}]}, {"s": RESULT}) == {"x": [value]}


def test_without_a_path_a_result_without_structure_is_its_text():
    result = {"content": [{"type": "text", "text": "a"}, {"type": "image", "data": ""}, {"type": "text", "text": "b"}]}
    assert resolved({"$from": "s"}, {"s": result}) == "a\n[image]\nb"


@pytest.mark.parametrize("path", ["/no", "/structuredContent/rows/2", "/structuredContent/rows/-1", "/content/x"])
def test_what_is_not_there_is_told(path):
    with pytest.raises(PlanError, match=f"the result of s has nothing at {path}"):
        resolved({"$from": "s", "path": path}, {"s": RESULT})


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"$from": "s", "at": "/x"}, "a reference has the texts"),
        ({"$from": 1}, "a reference has the texts"),
        ({"$from": "s", "path": "x"}, "does not begin with '/'"),
        ({"$from": "s", "template": "no place"}, "has no {} for the value"),
    ],
    ids=str,
)
def test_a_reference_of_the_wrong_form_is_refused(reference, said):
    with pytest.raises(PlanError, match=said):
        list(references([{"deep": reference}]))


def test_values_that_only_look_alike_are_left_alone():
    value = {"from": "s", "list": [1, None, "$from"]}
    assert resolved(value, {}) == value


@pytest.mark.parametrize("result", [None, {}, {"content": 1}, {"content": ["x"]}])
def test_a_result_without_text_has_none(result):
    assert text_of(result) == ""
