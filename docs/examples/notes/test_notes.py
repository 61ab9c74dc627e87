"""What this server does, which nobody else's tests can know."""

from notes_server import Notes


def found(text):
    """Return what the tool says of a text."""
    notes = Notes({"bread": "flour and water", "soup": "water and salt"})
    return notes.call({"name": "search", "arguments": {"text": text}})["content"][0]["text"]


def test_notes_are_found_by_what_is_in_them():
    """The search looks at the text of notes, and tells their titles."""
    assert found("water") == "bread\nsoup"
    assert found("salt") == "soup"


def test_that_there_is_no_such_note_is_said():
    """Nothing found is an answer too."""
    assert found("sugar") == "nothing found"
