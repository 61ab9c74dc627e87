"""Nothing outside the roots is read, written, listed or measured: not by name, by link, by kind, or in a race."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.server import ResourceNotFoundError, ToolError
from reference_impl.server.uri_template import UriTemplate
from reference_impl.servers.filesystem.looking import (
    Info,
    ListDirectory,
    Tree,
    directory_tree,
    get_file_info,
    list_directory,
)
from reference_impl.servers.filesystem.moving import (
    CreateDirectory,
    DeleteFile,
    MoveFile,
    create_directory,
    delete_file,
    move_file,
)
from reference_impl.servers.filesystem.offers import Errand, Shown
from reference_impl.servers.filesystem.reading import ReadMedia, ReadText, read_media_file, read_text_file
from reference_impl.servers.filesystem.resources import _read as read_resource
from reference_impl.servers.filesystem.searching import SearchFiles, SearchText, search_files, search_text
from reference_impl.servers.filesystem.uris import TEMPLATE
from reference_impl.servers.filesystem.writing import Edit, EditFile, WriteFile, edit_file, write_file
from tests.reference_impl.servers.filesystem.world import CANARY, canary, errand, project

LOOKING: dict[str, Callable[[Errand, str], object]] = {
    "read_text_file": lambda at, path: read_text_file(at, ReadText(path=path)),
    "read_media_file": lambda at, path: read_media_file(at, ReadMedia(path=path)),
    "list_directory": lambda at, path: list_directory(at, ListDirectory(path=path)),
    "directory_tree": lambda at, path: directory_tree(at, Tree(path=path)),
    "get_file_info": lambda at, path: get_file_info(at, Info(path=path)),
    "search_files": lambda at, path: search_files(at, SearchFiles(path=path, pattern="*secret*")),
    "search_text": lambda at, path: search_text(at, SearchText(path=path, query="canary")),
    "resource": read_resource,
}
CHANGING: dict[str, Callable[[Errand, str], object]] = {
    "edit_file": lambda at, path: edit_file(at, EditFile(path=path, edits=(Edit(old_text="canary", new_text="cat"),))),
    "write_file": lambda at, path: write_file(at, WriteFile(path=path, content="a cat")),
    "create_file": lambda at, path: write_file(at, WriteFile(path=path + "/new.txt", content="a cat")),
    "create_directory": lambda at, path: create_directory(at, CreateDirectory(path=path + "/new")),
    "move_to": lambda at, path: move_file(at, MoveFile(source="README.md", destination=path, overwrite=True)),
    "move_into": lambda at, path: move_file(at, MoveFile(source="pixel.png", destination=path + "/pixel.png")),
    "move_from": lambda at, path: move_file(at, MoveFile(source=path, destination="taken")),
    "delete_file": lambda at, path: delete_file(at, DeleteFile(path=path, recursive=True)),
}
SIZE = len(CANARY)


def tried(work: Callable[[Errand, str], object], at: Errand, path: str) -> str:
    """Return all that a client would hear of an attempt."""
    try:
        found = work(at, path)
    except (ToolError, ResourceNotFoundError) as error:
        return f"refused: {error}"
    if isinstance(found, Shown):
        found = [found.content, msgspec.to_builtins(found.result)]
    elif isinstance(found, tuple):
        found = found[1]
    return str(msgspec.to_builtins(found))


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Return names, times and contents of all that is in a directory."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in (folder, *sorted(folder.rglob("*")))
    }


@contextmanager
def guarded(folder: Path) -> Iterator[tuple[Path, Path, Callable[[str], None]]]:
    """Yield a project, the directory beside it, and what judges answers; the directory must stay as it is."""
    root, outside = project(folder), canary(folder)
    before = snapshot(outside)

    def judge(answer: str) -> None:
        assert CANARY not in answer
        assert f"'size': {SIZE}" not in answer

    yield root, outside, judge
    assert snapshot(outside) == before


def filled(text: str, root: Path, outside: Path) -> str:
    """Return a path with the real places in it."""
    return text.format(root=root, ROOT=str(root).upper(), out=outside)


WAYS_OUT: dict[str, str] = {
    "sibling with the same prefix": "{root}_evil/secret.txt",
    "absolute": "{out}/secret.txt",
    "parent": "../project_evil/secret.txt",
    "parent from deep": "src/deep/../../../project_evil/secret.txt",
    "absolute with parent": "{root}/../project_evil/secret.txt",
    "backslashes": "..\\project_evil\\secret.txt",
    "percent": "%2e%2e/project_evil/secret.txt",
    "percent slash": "..%2fproject_evil%2fsecret.txt",
    "double percent": "%252e%252e/project_evil/secret.txt",
    "fullwidth dots": "\uff0e\uff0e/project_evil/secret.txt",
    "fraction slash": "..\u2215project_evil\u2215secret.txt",
    "zero width": ".\u200b./project_evil/secret.txt",
    "right to left": "\u202e../project_evil/secret.txt",
    "case of the root": "{ROOT}/../project_evil/secret.txt",
    "home": "~/secret.txt",
    "NUL": "README.md\0/../project_evil/secret.txt",
    "drive": "C:{out}/secret.txt",
    "long path prefix": "\\\\?\\{out}\\secret.txt",
    "stream": "README.md:../project_evil/secret.txt",
    "file URI": "file://{out}/secret.txt",
    "double slash": "//{out}/secret.txt",
    "process root": "/proc/self/root{out}/secret.txt",
    "surrogate": "\udcff/secret.txt",
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_name_leads_out(tmp_path, way):
    with guarded(tmp_path) as (root, outside, judge):
        at, path = errand(root), filled(WAYS_OUT[way], root, outside)
        for work in (*LOOKING.values(), *CHANGING.values()):
            answer = tried(work, at, path)
            judge(answer)


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_uri_leads_out(tmp_path, way):
    with guarded(tmp_path) as (root, outside, judge):
        path = filled(WAYS_OUT[way], root, outside)
        for written in (path, quote(path, errors="surrogatepass"), quote(path, safe="", errors="surrogatepass")):
            for lead in (
                "file://",
                f"file://{root}/",
                "file:///",
                "file://localhost",
                f"file://{quote(str(root), safe='')}%2F",
            ):
                found = UriTemplate(TEMPLATE).match(lead + written)
                if found is not None:
                    judge(tried(read_resource, errand(root), found["path"]))


LINKS: dict[str, str] = {
    "file": "{out}/secret.txt",
    "directory": "{out}",
    "relative": "../project_evil",
    "parent": "..",
    "dangling": "{out}/not there",
    "out and in again": "../project/../project_evil/secret.txt",
    "through the process": "/proc/self/cwd/../../../../../..{out}",
    "of itself": "link",
}


@pytest.mark.parametrize("kind", LINKS)
def test_no_link_leads_out(tmp_path, kind):
    with guarded(tmp_path) as (root, outside, judge):
        (root / "link").symlink_to(filled(LINKS[kind], root, outside))
        (root / "chain").symlink_to("link")
        (root / "src" / "up").symlink_to("../link")
        for path in ("link", "link/secret.txt", "chain/secret.txt", "src/up/secret.txt", "link/x/y"):
            at = errand(root)
            for work in LOOKING.values():
                judge(tried(work, at, path))
            for name in ("edit_file", "create_file", "create_directory", "move_into"):
                judge(tried(CHANGING[name], at, path))
                assert not (outside / "new").exists()
        judge(tried(CHANGING["write_file"], errand(root), "link"))


def test_what_is_refused_says_why(tmp_path):
    with guarded(tmp_path) as (root, outside, _):
        (root / "link").symlink_to(outside)
        at = errand(root)
        assert "leads out" in tried(LOOKING["read_text_file"], at, "link/secret.txt")
        assert "must not contain '..'" in tried(LOOKING["read_text_file"], at, "../project_evil/secret.txt")
        outside_words = tried(LOOKING["read_text_file"], at, f"{root}_evil/secret.txt")
        assert "outside the directories" in outside_words
        assert str(root) in outside_words
        assert "NUL" in tried(LOOKING["read_text_file"], at, "a\0b")


def test_a_link_itself_can_be_renamed_and_deleted_without_what_it_points_to(tmp_path):
    with guarded(tmp_path) as (root, outside, _):
        (root / "link").symlink_to(outside)
        assert get_file_info(errand(root), Info(path="link")).type == "symlink"
        assert move_file(errand(root), MoveFile(source="link", destination="other")).type == "symlink"
        assert delete_file(errand(root), DeleteFile(path="other", recursive=True)).count == 1
        assert not (root / "other").is_symlink()


def test_links_that_stay_inside_are_followed(tmp_path):
    root = project(tmp_path)
    (root / "latest").symlink_to("src/deep")
    (root / "absolute").symlink_to(root / "src")
    (root / "src" / "deep" / "back").symlink_to("../../README.md")
    (root / "through").symlink_to("latest/../main.py")
    at = errand(root)
    for path, text in {
        "latest/notes.txt": "first",
        "absolute/main.py": "import os",
        "latest/back": "# Project",
        "absolute/deep/back": "# Project",
        "through": "import os",
        f"{root}/latest/notes.txt": "first",
    }.items():
        found = read_text_file(at, ReadText(path=path)).result
        assert found.text.startswith(text)
    write_file(at, WriteFile(path="latest/back", content="new"))
    assert (root / "README.md").read_text() == "new"
    assert (root / "src" / "deep" / "back").is_symlink()


def test_a_root_may_be_named_through_a_link_or_by_its_real_path(tmp_path):
    root = project(tmp_path)
    (tmp_path / "alias").symlink_to(root)
    at = errand(tmp_path / "alias")
    for path in (root, tmp_path / "alias"):
        assert read_text_file(at, ReadText(path=f"{path}/README.md")).result.path == f"{root}/README.md"


def test_pipes_sockets_and_devices_are_refused_at_once(tmp_path):
    root = project(tmp_path)
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        for name in ("pipe", "socket"):
            for work in (*LOOKING.values(), CHANGING["write_file"], CHANGING["edit_file"]):
                tried(work, errand(root), name)
            assert "no regular file" in tried(LOOKING["read_text_file"], errand(root), name)
            assert "no regular file" in tried(CHANGING["write_file"], errand(root), name)
            assert get_file_info(errand(root), Info(path=name)).type == "other"


@pytest.mark.skipif(not Path("/dev/zero").is_char_device(), reason="there is no /dev/zero")
def test_devices_are_refused():
    assert "no regular file" in tried(LOOKING["read_text_file"], errand(Path("/dev")), "zero")
    assert "no regular file" in tried(CHANGING["write_file"], errand(Path("/dev")), "null")


def test_roots_stay_where_they_are(tmp_path):
    root = project(tmp_path)
    for path in (".", str(root), f"{root}/"):
        assert "stays where it is" in tried(CHANGING["delete_file"], errand(root), path)
        assert "stays where it is" in tried(CHANGING["move_from"], errand(root), path)
    assert (root / "README.md").exists()


def test_a_root_that_became_a_link_is_used_no_more(tmp_path):
    with guarded(tmp_path) as (root, outside, judge):
        at = errand(root)
        root.rename(tmp_path / "moved")
        root.symlink_to(outside)
        for work in (*LOOKING.values(), *CHANGING.values()):
            judge(tried(work, at, "secret.txt"))


SWAPPING = """
import os, sys
os.chdir(sys.argv[1])
print("begun", flush=True)
real, link, name = sys.argv[2:]
for _ in range(5_000_000):
    os.rename(name, real); os.rename(link, name); os.rename(name, link); os.rename(real, name)
"""
"""A process that puts a link in the place of something real, and that back, as fast as it can."""


@contextmanager
def swapping(root: Path, name: str, link: str) -> Iterator[None]:
    command = [sys.executable, "-c", SWAPPING, str(root), "real", link, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        try:
            yield
        finally:
            assert process.poll() is None
            process.kill()


def test_no_race_between_a_directory_and_a_link_lets_anything_out(tmp_path):
    with guarded(tmp_path) as (root, outside, judge):
        (root / "src" / "secret.txt").write_text("harmless")
        (root / "link").symlink_to(outside)
        heard = set()
        with swapping(root, "src", "link"):
            for number in range(10_000):  # on a busy machine the other process may rest for long
                if number > 300 and True in heard:
                    break
                for name in ("read_text_file", "list_directory", "search_text", "resource", "get_file_info"):
                    answer = tried(LOOKING[name], errand(root), "src/secret.txt" if number % 2 else "src")
                    judge(answer)
                    heard.add("harmless" in answer)
                judge(tried(CHANGING["create_file"], errand(root), "src"))
                judge(tried(CHANGING["edit_file"], errand(root), "src/secret.txt"))
                tried(CHANGING["delete_file"], errand(root), "src/new.txt")
        assert heard == {True, False}


def test_no_race_between_a_file_and_a_link_lets_anything_out(tmp_path):
    with guarded(tmp_path) as (root, outside, judge):
        (root / "file").write_text("harmless")
        (root / "link").symlink_to(outside / "secret.txt")
        heard = set()
        with swapping(root, "file", "link"):
            for number in range(10_000):
                if number > 300 and True in heard:
                    break
                for name in ("read_text_file", "read_media_file", "search_text", "resource", "get_file_info"):
                    answer = tried(LOOKING[name], errand(root), "file")
                    judge(answer)
                    heard.add("harmless" in answer)
                judge(tried(CHANGING["edit_file"], errand(root), "file"))
        assert heard == {True, False}


def test_no_write_goes_through_a_link_that_appears_meanwhile(tmp_path):
    with guarded(tmp_path) as (root, outside, judge):
        (root / "folder").mkdir()
        (root / "folder" / "file").write_text("harmless")
        (root / "folder" / "link").symlink_to(outside / "secret.txt")
        with swapping(root / "folder", "file", "link"):
            for _ in range(50):
                judge(tried(CHANGING["write_file"], errand(root), "folder/file"))


NASTY = st.sampled_from(
    [
        *(
            "..",
            ".",
            "",
            "a",
            "b",
            "link",
            "loop",
            "up",
            "A",
            "project",
            "project_evil",
            "secret.txt",
            "README.md",
            "src",
        ),
        *(
            "%2e%2e",
            "..%2f",
            "\uff0e\uff0e",
            "..\\",
            "~",
            "C:",
            "\u202e",
            "a\0b",
            "proc",
            "self",
            "root",
            "cwd",
            "...",
            "..;",
        ),
    ]
)
PATHS = st.builds(
    lambda start, names: start + "/".join(names),
    st.sampled_from(("", "/", "//", "{root}/", "{root}", "{root}/../", "/proc/self/root/", "file://{root}/", "{out}/")),
    st.lists(NASTY, max_size=6),
)
TARGETS = st.one_of(
    st.sampled_from(("..", "../..", "{out}", "{out}/secret.txt", "{root}", "{root}/../project_evil", ".", "/", "link")),
    st.lists(NASTY.filter(lambda name: name and "\0" not in name), min_size=1, max_size=4).map("/".join),
)
FORESTS = st.dictionaries(st.sampled_from(("link", "up", "loop", "src/a", "src/deep/b", "src/link")), TARGETS)


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(forest=FORESTS, paths=st.lists(PATHS, min_size=1, max_size=4))
def test_no_path_through_any_forest_of_links_gets_out(forest, paths):
    with tempfile.TemporaryDirectory() as folder, guarded(Path(folder)) as (root, outside, judge):
        for name, target in forest.items():
            (root / name).symlink_to(filled(target, root, outside))
        at = errand(root)
        for path in paths:
            given_path = filled(path, root, outside)
            for work in (*LOOKING.values(), *CHANGING.values()):
                judge(tried(work, at, given_path))
        assert root.is_dir()
