"""Whatever fails, the report says what that means for users and where to look."""

import tomllib
from pathlib import Path

import msgspec

import reports.meanings
from reports.meanings import meaning_of, title_of
from reports.records import RequirementRef, Verdict

ROOT = Path(__file__).parents[2]


def verdict(identifier: str) -> Verdict:
    rule = RequirementRef(id=identifier, level="MUST", text="", page="")
    return msgspec.convert(
        {
            "check": "x",
            "title": "",
            "level": "MUST",
            "revision": "",
            "transport": "",
            "outcome": "failed",
            "requirements": [msgspec.to_builtins(rule)],
        },
        Verdict,
    )


def test_the_longest_beginning_counts() -> None:
    assert "web page" in meaning_of(verdict("http.origin.validated")).users
    assert meaning_of(verdict("http.other.thing")).users != meaning_of(verdict("http.origin.validated")).users


def test_every_area_of_the_catalogue_has_a_title_and_a_meaning() -> None:
    files = (ROOT / "conformance" / "requirements").glob("*.toml")
    rows = [row for each in files for row in tomllib.loads(each.read_text("utf-8")).get("requirement", ())]
    table = tomllib.loads(Path(reports.meanings.__file__).with_name("meanings.toml").read_text("utf-8"))
    areas = {row["id"].partition(".")[0] for row in rows}
    assert {area for area in areas if not table.get(area, {}).get("users")} == set()
    assert {area for area in areas if title_of(area) == area} == set()


def test_what_the_table_does_not_know_is_explained_too() -> None:
    meaning = meaning_of(verdict("novelty.rule"))
    assert meaning.users
    assert meaning.fix
