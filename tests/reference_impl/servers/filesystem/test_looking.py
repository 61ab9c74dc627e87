"""Directories, trees and details: in order, in pages, within limits; searches by name and content."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.server import ToolError
from reference_impl.servers.filesystem.globbing import Glob
from reference_impl.servers.filesystem.job import AbandonedError
from reference_impl.servers.filesystem.limits import Limits
from reference_impl.servers.filesystem.looking import (
    Info,
    ListDirectory,
    Tree,
    directory_tree,
    get_file_info,
    list_directory,
)
from reference_impl.servers.filesystem.searching import SearchFiles, SearchText, search_files, search_text
from tests.reference_impl.servers.filesystem.world import errand, project


@pytest.fixture
def root(tmp_path):
    return project(tmp_path)


def names(root, **arguments):
    return [entry.name for entry in list_directory(errand(root), ListDirectory(**arguments)).entries]


def test_a_directory_is_listed_by_name_with_what_is_known(root):
    found = list_directory(errand(root), ListDirectory())
    assert [(entry.name, entry.type) for entry in found.entries] == [
        ("README.md", "file"),
        ("pixel.png", "file"),
        ("src", "directory"),
    ]
    assert found.entries[0].size == (root / "README.md").stat().st_size


def test_pages_hold_every_name_once_even_if_others_come_and_go(root):
    folder = root / "many"
    folder.mkdir()
    for number in range(25):
        (folder / f"{number:02}").touch()
    seen, after = [], ""
    for _ in range(10):
        page = list_directory(errand(root), ListDirectory(path="many", limit=4, after=after))
        seen += [entry.name for entry in page.entries]
        (folder / "00").unlink(missing_ok=True)
        if not isinstance(page.next, str):
            break
        after = page.next
    assert seen == [f"{number:02}" for number in range(25)]


def test_names_that_are_no_unicode_are_shown_and_paged_over(root):
    (root / os.fsdecode(b"caf\xe9")).touch()
    (root / "cafe").touch()
    assert names(root) == ["README.md", "caf\\xe9", "cafe", "pixel.png", "src"]
    assert names(root, after="caf\\xe9", limit=1) == ["cafe"]


def test_a_tree_is_as_deep_and_as_long_as_asked(root):
    (root / ".git").mkdir()
    (root / ".git" / "config").touch()

    def paths(**arguments):
        found = directory_tree(errand(root), Tree(**arguments))
        return [entry.path for entry in found.entries], found.truncated

    everything = ["README.md", "pixel.png", "src", "src/deep", "src/deep/notes.txt", "src/main.py"]
    assert paths() == (everything, False)
    assert paths(depth=1) == (["README.md", "pixel.png", "src"], False)
    assert paths(limit=2) == (["README.md", "pixel.png"], True)
    assert paths(limit=6) == (everything, False)
    assert paths(exclude=("src/deep", "*.png", ".git")) == (["README.md", "src", "src/main.py"], False)


def test_details_of_a_file(root):
    found = get_file_info(errand(root), Info(path="README.md"))
    assert (found.type, found.mimeType, found.permissions[0]) == ("file", "text/markdown", "-")
    assert found.modified.endswith("Z")
    assert get_file_info(errand(root), Info(path=".")).type == "directory"


def test_relative_paths_need_a_single_root(root, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ToolError, match="which directory"):
        list_directory(errand(root, other), ListDirectory())
    assert list_directory(errand(root, other), ListDirectory(path=str(other))).entries == []


def test_the_inner_of_two_roots_counts(root):
    place = errand(root, root / "src").place(f"{root}/src/main.py")
    assert place.parts == ("main.py",)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.py", ["src/main.py"]),
        ("NOTES*", []),
        ("src/*", ["src/deep", "src/main.py"]),
        ("src/**/*.txt", ["src/deep/notes.txt"]),
        ("**/deep", ["src/deep"]),
        ("**", ["README.md", "pixel.png", "src", "src/deep", "src/deep/notes.txt", "src/main.py"]),
        ("[rR]*.m?", ["README.md"]),
        ("main.py", ["src/main.py"]),
        ("/main.py", []),
    ],
)
def test_names_are_found_by_globs(root, pattern, found):
    results = search_files(errand(root), SearchFiles(pattern=pattern))
    assert [result.path for result in results.results] == found
    assert results.end == "complete"


def test_a_search_for_names_knows_types_cases_and_limits(root):
    def paths(**arguments):
        found = search_files(errand(root), SearchFiles(**arguments))
        return [result.path for result in found.results], found.end

    assert paths(pattern="*", type="directory") == (["src", "src/deep"], "complete")
    assert paths(pattern="NOTES*", ignore_case=True) == (["src/deep/notes.txt"], "complete")
    assert paths(pattern="*", limit=1) == (["README.md"], "limit")
    assert paths(pattern="*", exclude=("src",)) == (["README.md", "pixel.png"], "complete")
    with pytest.raises(ToolError, match="A glob has"):
        paths(pattern="/".join("*" * 40))


def test_a_walk_goes_only_where_a_glob_can_match(root):
    for number in range(20):
        (root / "big" / f"{number}").mkdir(parents=True)
    assert search_files(errand(root), SearchFiles(pattern="src/*.py")).looked_at == 6


SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab", "*", "?", "**", "a*"]), min_size=1, max_size=5)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(pattern=SEGMENTS, path=st.lists(st.sampled_from(["a", "b", "ab", "ba"]), min_size=1, max_size=5))
def test_globs_match_as_their_definition_says(pattern, path):
    def matches(rest, names):
        if not rest:
            return not names
        if rest[0] == "**":
            return any(matches(rest[1:], names[count:]) for count in range(len(names) + 1))
        one = {"*": lambda _: True, "?": lambda name: len(name) == 1, "a*": lambda name: name.startswith("a")}
        return bool(names) and one.get(rest[0], rest[0].__eq__)(names[0]) and matches(rest[1:], names[1:])

    assert Glob("/" + "/".join(pattern)).matches(path) == matches(pattern, path)


def lines(root, **arguments):
    found = search_text(errand(root), SearchText(**arguments))
    return [(line.path, line.line, line.column) for line in found.results]


def test_text_is_found_literally_or_by_expression(root):
    assert lines(root, query="hello") == [("README.md", 3, 6), ("src/main.py", 3, 8)]
    assert lines(root, query="h.llo") == []
    assert lines(root, query="h.llo", regex=True) == lines(root, query="hello")
    assert lines(root, query="SECOND", ignore_case=True) == [("src/deep/notes.txt", 2, 1)]
    assert lines(root, query="SEC.ND$", ignore_case=True, regex=True) == [("src/deep/notes.txt", 2, 1)]
    assert lines(root, query="hello", include="*.py") == [("src/main.py", 3, 8)]
    assert lines(root, query="^$", regex=True, include="*.py") == [("src/main.py", 2, 1)]
    assert lines(root, query="third", path="src/deep/notes.txt") == [("notes.txt", 3, 1)]


def test_files_that_are_too_large_or_no_text_are_passed_over_and_counted(root):
    (root / "binary").write_bytes(b"hello\0")
    (root / "large").write_bytes(b"hello" * 100)
    found = search_text(errand(root, limits=Limits(searched_bytes=200)), SearchText(query="hello"))
    assert [line.path for line in found.results] == ["README.md", "src/main.py"]
    assert (found.skipped, found.files) == (3, 3)  # the image, too


def test_of_a_long_line_the_part_with_the_match_is_shown(root):
    (root / "long").write_text("x" * 5000 + "needle" + "y" * 5000)
    found = search_text(errand(root), SearchText(query="needle"))
    assert found.results[0].column == 5001
    assert "needle" in found.results[0].text
    assert len(found.results[0].text) <= 400


def test_what_is_no_expression_is_told(root):
    for query, words in {"(": "missing", "(?=x)": "invalid", "a{2000}": "repetition"}.items():
        with pytest.raises(ToolError, match=words):
            lines(root, query=query, regex=True)
    with pytest.raises(ToolError, match="one line"):
        lines(root, query="a\nb")


@pytest.mark.parametrize(("query", "text"), [("ΟΔΟΣ", "οδος"), ("i\u0307x", "aI\u0307x"), ("É", "xé"), ("k", "\u212a")])
def test_letters_are_found_whatever_their_case_and_where_they_stand(root, query, text):
    (root / "letters").write_text(f"İ {text} İ{query}", "utf-8")
    [(_, _, column)] = lines(root, query=query, ignore_case=True, path="letters")
    assert column == f"İ {text}".index(text[-len(query) :]) + 1


def test_a_hostile_text_takes_no_longer_than_another(root):
    (root / "a").write_text("a" * 5_000_000)
    began = time.process_time()
    assert lines(root, query="a" * 999 + "b", ignore_case=True, path="a") == []
    assert time.process_time() - began < 10  # a search that multiplies both takes more than half a minute


def test_a_hostile_expression_takes_no_longer_than_another(root):
    (root / "a").write_text("a" * 100_000)
    assert lines(root, query="(a+)+(a|a)*$x", regex=True) == []


def test_a_search_that_has_no_time_says_so(root):
    assert search_files(errand(root, seconds=-1), SearchFiles(pattern="*")).end == "time"
    assert search_text(errand(root, seconds=-1), SearchText(query="hello")).end == "time"
    assert directory_tree(errand(root, seconds=-1), Tree()).truncated


def test_a_search_has_no_more_results_than_the_server_admits(root):
    few = errand(root, limits=Limits(results=1, entries=2))
    assert search_text(few, SearchText(query="o")).end == "limit"
    assert len(search_files(few, SearchFiles(pattern="*")).results) == 1
    assert len(list_directory(few, ListDirectory()).entries) == 2


def test_work_that_nobody_waits_for_ends(root):
    for work in (
        lambda at: search_text(at, SearchText(query="hello")),
        lambda at: search_files(at, SearchFiles(pattern="*")),
        lambda at: directory_tree(at, Tree()),
        lambda at: list_directory(at, ListDirectory()),
    ):
        at = errand(root)
        at.job.stop()
        with pytest.raises(AbandonedError):
            work(at)


def test_directories_that_cannot_be_entered_do_not_end_a_search(root):
    deep = root
    for _ in range(140):
        deep = deep / "d"
        deep.mkdir()
    found = search_files(errand(root), SearchFiles(pattern="**/d", limit=1000))
    assert (len(found.results), found.end) == (128, "complete")
