import pytest

from conformance.properties.json_schema_model import identity, pointer


def test_equal_values_have_equal_identities() -> None:
    assert identity({"a": 1, "b": [2]}) == identity({"b": [2.0], "a": 1.0})


@pytest.mark.parametrize(
    ("first", "second"), [(1, True), (0, False), ("1", 1), ([], {}), (None, False), ([1, 2], [2, 1])]
)
def test_different_values_have_different_identities(first: object, second: object) -> None:
    assert identity(first) != identity(second)


def test_what_is_no_json_has_no_identity() -> None:
    with pytest.raises(TypeError, match="bytes"):
        identity(b"")


def test_pointers_escape_their_own_characters() -> None:
    assert pointer(("a/b", 0, "~")) == "/a~1b/0/~0"
