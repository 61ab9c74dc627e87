"""What differs is marked, and only that."""

from reports.differences import apart, fragments, marked


def marks(pieces: tuple[tuple[str, bool], ...]) -> list[str]:
    return [text for text, marks in pieces if marks]


def test_codes_that_differ_are_marked_on_both_sides() -> None:
    expected, actual = apart("an error with code -32602", '{"code": -32603, "id": 7}')
    assert (marks(expected), marks(actual)) == (["-32602"], ["-32603"])


def test_texts_that_are_alike_are_compared_by_word() -> None:
    expected, actual = apart("the id is call-7 again", "the id is call-8 again")
    assert (marks(expected), marks(actual)) == (["7"], ["8"])


def test_texts_that_cannot_be_compared_are_left_as_they_are() -> None:
    assert apart("an answer within 1 s", "silence") == ((("an answer within 1 s", False),), (("silence", False),))


def test_pieces_add_up_to_the_text() -> None:
    for text in ("", "HTTP/1.1 400 and HTTP 400", "a\nb"):
        assert "".join(piece for piece, _ in marked(text, ("HTTP 400",))) == text


def test_a_status_is_found_in_a_status_line() -> None:
    assert fragments("HTTP 404 for it", "HTTP 400: {}") == ("HTTP 400",)
    assert marks(marked("HTTP/1.1 400\ncontent-type: x", ("HTTP 400",))) == ["HTTP/1.1 400"]
