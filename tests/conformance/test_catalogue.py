"""Rows of requirements: well formed, unique, and each of use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conformance import catalogue
from conformance.catalogue import LEVELS, Catalogue, CatalogueError, Requirement, load
from conformance.clients.declare import all_judges
from conformance.properties.every import PROPERTIES
from conformance.security.probes import PROBES
from conformance.suite import declared
from reference_impl.protocol.revisions import ALWAYS, LATEST, LATEST_LEGACY, REVISIONS

from .scripted import CATALOGUE

ROW = {"id": "a", "level": "MUST", "page": "basic", "text": "It is."}


def _read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *texts: str) -> Catalogue:
    folder = tmp_path / "requirements"
    folder.mkdir()
    for number, text in enumerate(texts):
        (folder / f"{number}.toml").write_text(text)
    monkeypatch.setattr(catalogue, "files", lambda _: tmp_path)
    return load.__wrapped__()


def _toml(**members: Any) -> str:
    lines = [f"{name} = {value!r}" for name, value in members.items()]
    return "\n".join(["[[requirement]]", *lines, ""])


def test_a_row_has_defaults_and_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = _read(tmp_path, monkeypatch, _toml(**ROW), _toml(**ROW | {"id": "b"}, since=LATEST.name))
    assert (rows["a"].role, rows["a"].transport, rows["a"].window) == ("server", "any", ALWAYS)
    assert [revision for revision in REVISIONS if revision in rows["b"].window] == [LATEST]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_toml(**ROW | {"level": "OUGHT"}), "level"),
        (_toml(**ROW, transport="pigeon"), "transport"),
        (_toml(**ROW, since="yesterday"), "since and until"),
        (_toml(**ROW, whence="x"), "unknown keys"),
        (_toml(**ROW, role="bystander"), "role is one of"),
        (_toml(**ROW, testable="by magic"), "testable one of"),
        (_toml(**ROW, extension="toaster"), "extension one of"),
        (_toml(**ROW) + 'untestable = {client = "It is inside."}', "sides that the row does not bind"),
        (_toml(id="a", level="MUST", text="x"), "'page' is missing"),
        (_toml(level="MUST", page="x", text="x"), "a row without id"),
        (_toml(**ROW) + _toml(**ROW), "stands twice"),
    ],
)
def test_a_row_that_is_wrong_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    with pytest.raises(CatalogueError, match=told):
        _read(tmp_path, monkeypatch, text)


def test_a_reason_why_nobody_can_test_holds_for_every_side_or_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = _toml(**ROW, role="both", untestable="It is inside.")
    one = _toml(**ROW | {"id": "b"}, role="both") + 'untestable = {client = "It is inside."}'
    rows = _read(tmp_path, monkeypatch, both, one)
    assert rows["a"].sides == ("server", "client")
    assert rows["a"].untestable == {"server": "It is inside.", "client": "It is inside."}
    assert rows["b"].untestable == {"client": "It is inside."}


def test_a_row_of_an_extension_leads_to_its_own_page() -> None:
    row = Requirement("a", "MUST", "server", "tasks#polling", "t", ALWAYS, extension="tasks")
    assert str(row.url(LATEST)).endswith(f"/ext-tasks/blob/main/specification/{LATEST.name}/tasks.md#polling")


def test_a_row_of_an_extension_hangs_on_it_unless_it_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = _toml(**ROW, extension="tasks")
    other = _toml(**ROW | {"id": "b"}, extension="tasks", requires="")
    rows = _read(tmp_path, monkeypatch, one, other)
    assert [row.requires for row in rows] == ["extensions.io.modelcontextprotocol/tasks", None]


def test_a_row_that_only_a_proposal_says_leads_to_the_proposal() -> None:
    row = Requirement("a", "MUST", "server", "seps/1-a#b", "t", ALWAYS, extension="tasks")
    assert row.url(LATEST) == row.url(LATEST_LEGACY) == "https://modelcontextprotocol.io/seps/1-a#b"


def test_rows_that_bind_come_strongest_first() -> None:
    names = ("counsel", "habit", "rule", "wire", "news")
    assert [row.id for row in CATALOGUE.binding(names, LATEST_LEGACY, "stdio")] == ["rule", "habit", "counsel"]
    assert [row.id for row in CATALOGUE.binding(names, LATEST, "http")] == ["rule", "wire", "news", "habit", "counsel"]


def test_memory_counts_as_stdio() -> None:
    row = Requirement("a", "MUST", "server", "p", "t", ALWAYS, transport="stdio")
    assert row.binds(LATEST, "memory")
    assert not row.binds(LATEST, "http")


def test_an_unknown_row_is_our_fault() -> None:
    with pytest.raises(CatalogueError, match="no requirement is called 'x'"):
        CATALOGUE["x"]


def test_a_page_of_older_revisions_may_be_another_and_advice_has_none() -> None:
    row = Requirement("a", "MUST", "server", "new#x", "t", ALWAYS, legacy_page="old#y")
    assert row.url(LATEST) == f"https://modelcontextprotocol.io/specification/{LATEST.name}/new#x"
    assert row.page_in(LATEST_LEGACY) == "old#y"
    assert CATALOGUE["counsel"].url(LATEST) is None


SPECIFICATION = Path(__file__).resolve().parents[3] / "shared" / "spec"
_AGAIN = {"security-considerations-2": "security-considerations", "meta": "_meta"}
"""Anchors that the site makes of a heading otherwise: one that comes twice, and one that begins with an underscore."""


def _anchors(page: Path) -> set[str]:
    text = page.read_text("utf-8")
    plain = (heading.replace("`", "").strip().lower() for heading in re.findall(r"^#{1,6}\s+(.*)$", text, re.MULTILINE))
    made = {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading)) for heading in plain}
    return made | set(re.findall(r'id="([^"]+)"', text))


def _is_there(revision: str, address: str) -> bool:
    page, _, anchor = address.partition("#")
    files = [SPECIFICATION / revision / f"{page}.mdx", SPECIFICATION / revision / page / "index.mdx"]
    found = next((file for file in files if file.is_file()), None)
    return found is not None and (anchor in ("", "top") or _AGAIN.get(anchor, anchor) in _anchors(found))


def test_every_address_of_a_row_leads_somewhere_in_each_of_its_revisions() -> None:
    if not SPECIFICATION.is_dir():
        pytest.skip("the specification does not lie beside this checkout")
    pages = {
        (revision.name, row.page_in(revision))
        for row in load()
        for revision in REVISIONS
        if revision in row.window and row.level != "advice" and row.extension is None
    }
    lost = [place for place in sorted(pages) if not place[1].startswith(("seps/", "schema")) and not _is_there(*place)]
    assert lost == []


def _verified() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, for each side, what judges it and the rows on which that stands."""
    suite = declared()
    return {
        "server": {item.id: item.requirements for item in (*suite.checks, *suite.monitors, *PROPERTIES, *PROBES)},
        "client": {judge.monitor.id: judge.monitor.requirements for judge in all_judges()},
    }


def test_every_requirement_is_verified_on_each_side_that_it_binds_or_says_why_nobody_can() -> None:
    verified = {side: {name for rows in items.values() for name in rows} for side, items in _verified().items()}
    testable = {
        (side, row.id) for row in load() for side in row.sides if side in verified and side not in row.untestable
    }
    assert {(side, name) for side, name in testable if name not in verified[side]} == set()


def test_everything_that_verifies_stands_on_rows_that_bind_its_side() -> None:
    rows = {row.id: row for row in load()}
    for side, items in _verified().items():
        for identifier, names in items.items():
            assert names, identifier
            assert [name for name in names if name not in rows or side not in rows[name].sides] == [], identifier


def test_what_nobody_can_test_is_not_said_to_be_verified() -> None:
    untestable = {(side, row.id) for row in load() for side in row.untestable}
    verified = {(side, name) for side, items in _verified().items() for rows in items.values() for name in rows}
    assert untestable & verified == set()


def test_every_row_of_ours_is_a_sentence_with_a_level_and_a_page() -> None:
    for row in load():
        assert row.level in LEVELS
        assert row.text.endswith("."), row.id
        assert row.page, row.id
        assert any(revision in row.window for revision in REVISIONS), row.id
