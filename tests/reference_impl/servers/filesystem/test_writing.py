"""Writing: whole files or none, exact edits or none, nothing replaced or deleted that was not named."""

from __future__ import annotations

import base64
import errno
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.server import ToolError
from reference_impl.servers.filesystem.differences import unified
from reference_impl.servers.filesystem.failures import told
from reference_impl.servers.filesystem.job import AbandonedError
from reference_impl.servers.filesystem.limits import Limits
from reference_impl.servers.filesystem.moving import (
    CreateDirectory,
    DeleteFile,
    MoveFile,
    create_directory,
    delete_file,
    move_file,
)
from reference_impl.servers.filesystem.replacing import put, signature
from reference_impl.servers.filesystem.writing import Edit, EditFile, WriteFile, edit_file, write_file
from tests.reference_impl.servers.filesystem.world import errand, project

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture
def root(tmp_path):
    return project(tmp_path)


def write(root, path="README.md", content="new", **more):
    return write_file(errand(root), WriteFile(path=path, content=content, **more))


def leftovers(root):
    return list(root.rglob("*.tmp"))


def names(root):
    return sorted(path.name for path in root.iterdir())


def test_a_file_is_written_as_a_whole(root):
    found = write(root, "notes.txt", "hello")
    assert (found.size, found.created) == (5, True)
    assert write(root, "notes.txt", base64.b64encode(b"\0\xff").decode(), encoding="base64").created is False
    assert (root / "notes.txt").read_bytes() == b"\0\xff"
    assert leftovers(root) == []


def test_a_replaced_file_keeps_its_mode_but_runs_as_nobody_else(root):
    (root / "README.md").chmod(0o4750)
    write(root)
    assert (root / "README.md").stat().st_mode & 0o7777 == 0o750


def test_the_new_content_of_a_private_file_is_private_from_the_first_byte(root):
    (root / "README.md").chmod(0o600)
    modes = []

    def step():
        modes.extend(path.stat().st_mode & 0o777 for path in leftovers(root))

    above = os.open(root, os.O_RDONLY)
    try:
        put(above, "README.md", b"secret", step, expected="any")
    finally:
        os.close(above)
    assert modes == [0o600]


def test_a_file_with_two_names_changes_under_one_alone(root):
    os.link(root / "README.md", root / "twin.md")
    write(root)
    assert (root / "twin.md").read_text().startswith("# Project")


def test_a_file_is_not_replaced_if_that_is_not_wanted(root):
    with pytest.raises(ToolError, match="there already"):
        write(root, overwrite=False)
    assert (root / "README.md").read_text().startswith("# Project")
    assert write(root, "fresh.txt", overwrite=False).created
    assert leftovers(root) == []


def test_what_cannot_be_written_is_told_and_leaves_nothing(root):
    for path, words in {
        "nowhere/file": "no such file or directory",
        "src": "is a directory",
        ".": "is a directory",
        "README.md/x": "not a directory",
        "x" * 300: "too long",
        "a\u202etxt.exe": "U\\+202E",
        "a\nb": "U\\+000A",
        "a\U000e0041": "U\\+E0041",
        "soft\u00adhyphen": "U\\+00AD",
        "times\u2062invisible": "U\\+2062",
    }.items():
        with pytest.raises(ToolError, match=words):
            write(root, path)
    with pytest.raises(ToolError, match="not valid base64"):
        write(root, content="?", encoding="base64")
    with pytest.raises(ToolError, match="more than the 3"):
        write_file(errand(root, limits=Limits(write_bytes=3)), WriteFile(path="x", content="four"))
    assert names(root) == ["README.md", "pixel.png", "src"]


def test_a_write_that_nobody_waits_for_changes_nothing(root):
    at = errand(root)
    at.job.stop()
    with pytest.raises(AbandonedError):
        write_file(at, WriteFile(path="README.md", content="new"))
    assert (root / "README.md").read_text().startswith("# Project")
    assert leftovers(root) == []


def test_a_file_that_another_has_changed_since_is_not_replaced(root):
    before = signature((root / "README.md").stat())
    (root / "README.md").write_text("of another")
    descriptor = os.open(root, os.O_RDONLY)
    with pytest.raises(ToolError, match="changed meanwhile"), told("README.md"):
        put(descriptor, "README.md", b"mine", lambda: None, expected=before)
    os.close(descriptor)
    assert (root / "README.md").read_text() == "of another"
    assert leftovers(root) == []


def test_readers_see_the_old_file_or_the_new_one_never_a_part(root):
    bodies = ["a" * 200_000, "b" * 300_000]
    write(root, "big", bodies[0])
    over = threading.Event()

    def replace() -> None:
        for number in range(30):
            write(root, "big", bodies[number % 2])
        over.set()

    thread = threading.Thread(target=replace)
    thread.start()
    while not over.is_set():
        assert (root / "big").read_text() in bodies
    thread.join()


def edit(root, *edits, **more):
    return edit_file(errand(root), EditFile(path="src/deep/notes.txt", edits=edits, **more)).result


def notes(root):
    return (root / "src" / "deep" / "notes.txt").read_bytes()


def test_edits_are_made_one_after_the_other_and_shown_as_a_difference(root):
    found = edit(root, Edit(old_text="second", new_text="2nd"), Edit(old_text="2nd\n", new_text="two\n"))
    assert notes(root) == b"first\ntwo\nthird\n"
    assert (found.replacements, found.written) == (2, True)
    assert found.diff.splitlines()[2:] == ["@@ -1,3 +1,3 @@", " first", "-second", "+two", " third"]


def test_a_dry_run_shows_the_same_and_writes_nothing(root):
    change = Edit(old_text="third\n", new_text="last")
    dry = edit(root, change, dry_run=True)
    assert notes(root) == b"first\nsecond\nthird\n"
    assert not dry.written
    assert dry.diff == edit(root, change).diff
    assert "\\ No newline at end of file" in dry.diff


def test_edits_that_do_not_fit_change_nothing(root):
    good = Edit(old_text="first", new_text="1st")
    for bad, words in (
        (Edit(old_text="fourth", new_text=""), "Edit 2: old_text does not occur"),
        (Edit(old_text="  second\n", new_text=""), "without the white space"),
        (Edit(old_text="s", new_text=""), "occurs 2 times"),
    ):
        with pytest.raises(ToolError, match=words):
            edit(root, good, bad)
    assert notes(root) == b"first\nsecond\nthird\n"
    assert edit(root, Edit(old_text="s", new_text="S", replace_all=True)).replacements == 2


def test_line_ends_stay_as_they_are(root):
    (root / "src" / "deep" / "notes.txt").write_bytes(b"one\r\ntwo\r\n")
    with pytest.raises(ToolError, match="its lines end with"):
        edit(root, Edit(old_text="one\ntwo", new_text="x"))
    edit(root, Edit(old_text="two", new_text="2"))
    assert notes(root) == b"one\r\n2\r\n"


def test_what_is_no_text_cannot_be_edited(root):
    with pytest.raises(ToolError, match="no UTF-8 text"):
        edit_file(errand(root), EditFile(path="pixel.png", edits=(Edit(old_text="a", new_text="b"),)))


def test_edits_do_not_blow_a_file_up(root):
    at = errand(root, limits=Limits(write_bytes=1000))
    grow = Edit(old_text="s", new_text="s" * 600, replace_all=True)
    with pytest.raises(ToolError, match="more than the 1000"):
        edit_file(at, EditFile(path="src/deep/notes.txt", edits=(grow,)))


TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=12).map("".join)


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(head=TEXTS, old=TEXTS, new=TEXTS, tail=TEXTS, ends=st.booleans())
def test_a_difference_turns_the_old_text_into_the_new(head, old, new, tail, ends):
    before = head * 3 + old + tail * 3 + ("" if ends else "end")
    after = head * 3 + new + tail * 3 + ("" if ends else "end")
    assert patched(before, unified(before, after, "file")) == after


def patched(text, diff):
    """Apply a unified diff."""
    lines, result, at = text.splitlines(keepends=True), [], 0
    for line in diff.replace("\n\\ No newline at end of file", "").splitlines()[2:]:
        body = line[1:] + "\n"
        if line.startswith("@@"):
            start, _, count = line.split()[1][1:].partition(",")
            start = int(start) - (count != "0")
            result += lines[at:start]
            at = start
        elif line[0] in " -":
            assert lines[at].rstrip("\n") == line[1:]
            at += 1
        if line[0] in " +":
            result.append(body)
    result += lines[at:]
    return "".join(result) if text.endswith("\n") or not text else "".join(result).removesuffix("\n")


def test_changes_that_are_far_apart_are_counted_not_shown():
    lines = [f"{number}\n" for number in range(10_000)]
    assert "too far apart" in unified("".join(["x\n", *lines, "y\n"]), "".join(["1\n", *lines, "2\n"]), "file")


def test_directories_are_made_with_those_on_the_way_and_left_if_they_are_there(root):
    assert create_directory(errand(root), CreateDirectory(path="a/b/c")).created
    assert (root / "a" / "b" / "c").is_dir()
    assert not create_directory(errand(root), CreateDirectory(path="a/b/c")).created
    assert not create_directory(errand(root), CreateDirectory(path=".")).created
    with pytest.raises(ToolError, match="U\\+200B"):
        create_directory(errand(root), CreateDirectory(path="new/on/the/way/to\u200b"))
    assert not (root / "new").exists()
    with pytest.raises(ToolError, match="not a directory"):
        create_directory(errand(root), CreateDirectory(path="README.md/x"))


def move(root, source, destination, **more):
    return move_file(errand(root), MoveFile(source=source, destination=destination, **more))


def test_files_and_directories_move_and_replace_nothing_unless_asked(root):
    assert move(root, "README.md", "src/README.md").type == "file"
    assert move(root, "src/deep", "deeper").type == "directory"
    assert (root / "deeper" / "notes.txt").exists()
    (root / "empty").mkdir()
    for source, destination in (("src/main.py", "pixel.png"), ("deeper", "empty"), ("deeper", "pixel.png")):
        with pytest.raises(ToolError, match="there already"):
            move(root, source, destination)
    move(root, "src/main.py", "pixel.png", overwrite=True)
    assert (root / "pixel.png").read_text().startswith("import os")
    with pytest.raises(ToolError, match="cannot move into itself"):
        move(root, "src", "src/below")
    with pytest.raises(ToolError, match="nowhere: there is no such"):
        move(root, "nowhere", "somewhere")
    with pytest.raises(ToolError, match="nowhere/x: there is no such"):
        move(root, "pixel.png", "nowhere/x")
    assert (root / "pixel.png").exists()


def test_a_move_between_two_names_of_one_file_is_not_said_to_be_done(root):
    (root / "further").hardlink_to(root / "README.md")
    for overwrite in (True, False):
        with pytest.raises(ToolError):
            move(root, "README.md", "further", overwrite=overwrite)
    assert names(root) == ["README.md", "further", "pixel.png", "src"]


def test_a_move_that_cannot_take_the_old_name_away_leaves_no_new_one(root, monkeypatch):
    real = os.unlink

    def unlink(name, *, dir_fd):
        if name == "README.md":
            raise PermissionError(errno.EPERM, "in a directory with the sticky bit")
        real(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    with pytest.raises(ToolError, match="permission denied"):
        move(root, "README.md", "src/moved.md")
    assert (root / "README.md").exists()
    assert not (root / "src" / "moved.md").exists()


def test_files_move_between_roots(root, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    at = errand(root, other)
    move_file(at, MoveFile(source=f"{root}/README.md", destination=f"{other}/README.md"))
    assert (other / "README.md").exists()


def delete(root, path, **more):
    return delete_file(errand(root), DeleteFile(path=path, **more))


def test_a_directory_with_something_in_it_goes_only_when_asked(root):
    with pytest.raises(ToolError, match="not empty"):
        delete(root, "src")
    assert delete(root, "src", recursive=True).count == 4
    assert delete(root, "README.md").count == 1
    (root / "empty").mkdir()
    assert delete(root, "empty").type == "directory"
    assert names(root) == ["pixel.png"]


def test_too_much_at_once_is_not_deleted_at_all(root):
    with pytest.raises(ToolError, match="Nothing was deleted"):
        delete_file(errand(root, limits=Limits(deleted=2)), DeleteFile(path="src", recursive=True))
    assert (root / "src" / "main.py").exists()


def test_what_is_too_deep_is_not_deleted_at_all(root):
    (root / "src" / "/".join("d" * 130)).mkdir(parents=True)
    with pytest.raises(ToolError, match=r"deep: .* Nothing was deleted"):
        delete(root, "src", recursive=True)
    assert (root / "src" / "main.py").exists()


def test_a_directory_that_goes_in_part_only_says_so(root, monkeypatch):
    real = os.rmdir

    def rmdir(name, *, dir_fd):
        if name == "deep":
            raise OSError(errno.EBUSY, "something is mounted there")
        real(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", rmdir)
    with pytest.raises(ToolError, match="src, of which a part may be gone: it is in use"):
        delete(root, "src", recursive=True)
    assert not (root / "src" / "main.py").exists()


def test_deleting_goes_on_where_others_delete_too(root, monkeypatch):
    real = os.unlink

    def unlink(name, *, dir_fd):
        real(name, dir_fd=dir_fd)
        real(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    assert delete(root, "src", recursive=True).count == 4


def test_deleting_goes_through_no_link(root, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (root / "src" / "link").symlink_to(kept)
    delete(root, "src", recursive=True)
    assert (kept / "file").exists()


FULL = """
    import resource, sys
    from reference_impl.server import ToolError
    from tests.reference_impl.servers.filesystem.test_writing import *
    root = Path(sys.argv[1])
    {before}
    for work in (
        lambda: write(root, "file", "x" * 200_000),
        lambda: write(root, "other", "x" * 200_000),
        lambda: edit_file(errand(root), EditFile(path="file", edits=(Edit(old_text="old", new_text="x" * 200_000),))),
    ):
        try:
            work()
        except ToolError as error:
            print(error)
    print((root / "file").read_text(), names(root))
    write(root, "file", "small")
    print((root / "file").read_text())
"""


def after_failing(words: str) -> list[str]:
    """Return what a process prints that could not write for want of space: the file is as it was, and can be written
    again."""
    return [f"file: {words}", f"other: {words}", f"file: {words}", "old ['file']", "small"]


def printed(command: list[str], before: str, root: Path) -> list[str]:
    return child(command, textwrap.dedent(FULL).format(before=before), root)


def child(command: list[str], script: str, root: Path) -> list[str]:
    """Run a script in a process of its own; return the lines it prints."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    words = [*command, sys.executable, "-c", script, str(root)]
    done = subprocess.run(words, env=environment, capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_where_files_may_not_grow_the_old_one_stays(tmp_path):
    (tmp_path / "file").write_text("old")
    before = "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    words = "the file would be larger than the system allows; nothing was changed"
    assert printed([], before, tmp_path) == after_failing(words)


def test_on_a_full_disk_the_old_file_stays_and_a_smaller_one_can_be_written(tmp_path):
    own = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec "$@"', "sh"]
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system of its own can be mounted here")
    before = '(root / "file").write_text("old")'
    assert printed(own, before, tmp_path) == after_failing("no space left on the device; nothing was changed")


FORBIDDEN = """
    import os, sys
    from tests.reference_impl.servers.filesystem.test_writing import *
    from reference_impl.servers.filesystem.reading import ReadText, read_text_file
    root = Path(sys.argv[1])
    if os.geteuid() == 0:
        os.setresuid(65534, 65534, 65534)
    for work in (
        lambda: write(root, "locked/new"),
        lambda: write(root, "locked/file"),
        lambda: write(root, "read-only"),
        lambda: edit_file(errand(root), EditFile(path="read-only", edits=(Edit(old_text="old", new_text="new"),))),
        lambda: move(root, "locked/file", "elsewhere"),
        lambda: delete(root, "locked/file"),
        lambda: read_text_file(errand(root), ReadText(path="secret")),
    ):
        try:
            work()
        except ToolError as error:
            print(error)
"""


def test_what_is_forbidden_is_told():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "locked").mkdir()
        (root / "locked" / "file").write_text("old")
        (root / "secret").touch(0o000)
        (root / "read-only").write_text("old")
        (root / "read-only").chmod(0o444)
        if os.geteuid() == 0:
            os.chown(root / "read-only", 65534, 65534)
        (root / "locked").chmod(0o555)
        root.chmod(0o777)
        done = child([], textwrap.dedent(FORBIDDEN), root)
        (root / "locked").chmod(0o755)
        assert (root / "locked" / "file").read_text() == (root / "read-only").read_text() == "old"
        assert names(root) == ["locked", "read-only", "secret"]
    assert [line.partition(": ")[2] for line in done] == ["permission denied"] * 7
