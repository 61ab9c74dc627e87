"""Revisions, methods and error codes as tables."""

import pytest

from reference_impl.protocol.errors import CODES, Code, RemoteProtocolError, is_modern_error, reserved_but_undefined
from reference_impl.protocol.methods import METHODS, NOTIFICATIONS, find, find_notification
from reference_impl.protocol.revisions import (
    LATEST,
    LATEST_LEGACY,
    R2024_11_05,
    R2025_03_26,
    R2025_06_18,
    R2025_11_25,
    R2026_07_28,
    REVISIONS,
    Window,
    revision_named,
)


def test_revisions_are_found_by_their_name_on_the_wire():
    assert [revision_named(revision.name) for revision in REVISIONS] == list(REVISIONS)
    for name in ("2099-01-01", "", None, 7, ["2025-11-25"]):
        assert revision_named(name) is None


def test_the_newest_of_each_era():
    assert (LATEST, LATEST_LEGACY) == (R2026_07_28, R2025_11_25)
    assert [revision.modern for revision in REVISIONS] == [False] * 4 + [True]


def test_only_one_revision_has_batches():
    assert [revision for revision in REVISIONS if revision.batching] == [R2025_03_26]


def test_a_window_is_open_at_its_end():
    window = Window("2025-03-26", "2025-11-25")
    assert [revision in window for revision in REVISIONS] == [False, True, True, False, False]
    assert all(revision in Window() for revision in REVISIONS)


@pytest.mark.parametrize(
    ("method", "revisions"),
    [
        ("initialize", {R2024_11_05, R2025_03_26, R2025_06_18, R2025_11_25}),
        ("server/discover", {R2026_07_28}),
        ("elicitation/create", {R2025_06_18, R2025_11_25}),
        ("tasks/get", {R2025_11_25, R2026_07_28}),
        ("tasks/result", {R2025_11_25}),
        ("tasks/update", {R2026_07_28}),
        ("tools/call", set(REVISIONS)),
        ("no/such", set()),
    ],
)
def test_a_method_exists_in_its_revisions(method, revisions):
    assert {revision for revision in REVISIONS if find(method, revision)} == revisions


def test_names_that_are_no_strings_name_no_method():
    assert find(["tools/call"], LATEST) is None
    assert find_notification(None, LATEST) is None


def test_progress_comes_from_the_server_alone_in_the_modern_era():
    assert find_notification("notifications/progress", R2025_11_25).sender == "both"
    assert find_notification("notifications/progress", R2026_07_28).sender == "server"


@pytest.mark.parametrize("table", [METHODS, NOTIFICATIONS])
@pytest.mark.parametrize("revision", REVISIONS)
def test_no_revision_has_two_rows_of_one_name(table, revision):
    names = [row.name for row in table if revision in row.window]
    assert len(names) == len(set(names))


def test_codes_know_when_they_may_be_sent_and_with_which_status():
    assert R2026_07_28 not in CODES[Code.RESOURCE_NOT_FOUND].window
    assert RemoteProtocolError(Code.HEADER_MISMATCH, "x").http_status == 400
    assert RemoteProtocolError(Code.METHOD_NOT_FOUND, "x").http_status == 404
    assert RemoteProtocolError(Code.INVALID_PARAMS, "x").http_status is None
    assert RemoteProtocolError(Code.INVALID_PARAMS, "x", http_status=400).http_status == 400


def test_modern_and_reserved_codes_are_told_apart():
    assert [is_modern_error(code) for code in (-32020, -32021, -32022, -32601, -32002, "x")] == [True] * 3 + [False] * 3
    assert reserved_but_undefined(-32050)
    assert not reserved_but_undefined(-32020)
    assert not reserved_but_undefined(-32042)
    assert not reserved_but_undefined(-32000)
