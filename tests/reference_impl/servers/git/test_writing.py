"""Staging, committing, branching, checking out: what they do, and what they refuse to lose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest

from reference_impl.servers.git import make_server
from tests.reference_impl.servers.git.world import commit, repository
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio
EVE = {"author_name": "Eve", "author_email": "eve@example.org"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


LEVELS = (pygit2.enums.ConfigLevel.GLOBAL, pygit2.enums.ConfigLevel.XDG, pygit2.enums.ConfigLevel.SYSTEM)


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Path]:
    """A repository, where the configuration of whoever runs the tests says nothing."""
    before = {level: pygit2.settings.search_path[level] for level in LEVELS}
    for level in LEVELS:
        pygit2.settings.search_path[level] = str(tmp_path / "nowhere")
    repository(tmp_path / "mine", {"a.txt": "a\n", "dir/b.txt": "b\n", "dir/c.txt": "c\n"})
    yield tmp_path / "mine"
    for level, path in before.items():
        pygit2.settings.search_path[level] = path


async def test_a_change_goes_from_the_work_tree_to_the_history(mine: Path) -> None:
    (mine / "a.txt").write_text("other\n")
    (mine / "dir/b.txt").unlink()
    (mine / "new.sh").write_text("#!/bin/sh\n")
    (mine / "new.sh").chmod(0o755)
    async with talking(make_server(mine.parent, write=True)) as talk:
        assert await talk.call("git_stage", paths=["a.txt", "new.sh"]) == {"staged": ["a.txt", "new.sh"], "count": 2}
        status = await talk.call("git_status")
        assert status["staged"] == [{"path": "a.txt", "change": "modified"}, {"path": "new.sh", "change": "added"}]
        assert status["unstaged"] == [{"path": "dir/b.txt", "change": "deleted"}]
        assert (await talk.call("git_stage", paths=["dir"]))["staged"] == ["dir/b.txt"]
        made = await talk.call("git_commit", message="  Change it\n\nBecause.\n\n", **EVE)
        shown = await talk.call("git_show", ref=made["commit"])
        assert (await talk.call("git_status"))["clean"]
    assert made["branch"] == "main"
    assert shown["commit"]["message"] == "Change it\n\nBecause.\n"
    assert shown["commit"]["author"]["name"] == "Eve"
    assert {file["path"]: file["change"] for file in shown["files"]} == {
        "a.txt": "modified",
        "dir/b.txt": "deleted",
        "new.sh": "added",
    }
    assert pygit2.Repository(str(mine)).head.peel().tree["new.sh"].filemode == 0o100755


async def test_the_author_comes_from_the_configuration_unless_it_is_given(mine: Path) -> None:
    async with talking(make_server(mine.parent, write=True)) as talk:
        (mine / "a.txt").write_text("1\n")
        await talk.call("git_stage", paths=["."])
        assert "set user.name" in await talk.fails("git_commit", message="m")
        assert "go together" in await talk.fails("git_commit", message="m", author_name="Eve")
        assert "no <" in await talk.fails("git_commit", message="m", author_name="E<", author_email="e")
        assert "more than blanks" in await talk.fails("git_commit", message="m", author_name=" ", author_email=" ")
        config = pygit2.Repository(str(mine)).config
        config["user.name"], config["user.email"] = "Configured", "c@example.org"
        first = await talk.call("git_commit", message="m")
        assert (await talk.call("git_show", ref=first["commit"]))["commit"]["author"]["name"] == "Configured"
        (mine / "a.txt").write_text("2\n")
        await talk.call("git_stage", paths=["a.txt"])
        second = (await talk.call("git_show", ref=(await talk.call("git_commit", message="m", **EVE))["commit"]))[
            "commit"
        ]
        assert (second["author"]["name"], second["committer"]["name"]) == ("Eve", "Configured")


async def test_a_commit_of_nothing_is_refused(mine: Path) -> None:
    async with talking(make_server(mine.parent, write=True)) as talk:
        assert "Nothing is staged" in await talk.fails("git_commit", message="m", **EVE)
        assert "message" in await talk.fails("git_commit", message=" \n", **EVE)
        repository(mine.parent / "empty")
        assert "Nothing is staged" in await talk.fails("git_commit", repository="empty", message="m", **EVE)


async def test_ignored_and_missing_files_are_not_staged(mine: Path) -> None:
    (mine / ".gitignore").write_text("*.log\nbuild/\n")
    (mine / "x.log").touch()
    (mine / "build").mkdir()
    (mine / "build/out").touch()
    async with talking(make_server(mine.parent, write=True)) as talk:
        assert "ignored" in await talk.fails("git_stage", paths=["x.log"])
        assert "ignored" in await talk.fails("git_stage", paths=[".gitignore", "build/out"])
        assert "no file" in await talk.fails("git_stage", paths=["nothing.txt"])
        assert (await talk.call("git_status"))["staged"] == []
        assert (await talk.call("git_stage", paths=["."]))["staged"] == [".gitignore"]
        assert (await talk.call("git_stage", paths=["a.txt"]))["count"] == 0


async def test_names_with_patterns_in_them_stand_for_themselves(mine: Path) -> None:
    for name in ("*", "[a]", "-", "--all", ":(top)x", "a?"):
        (mine / name).write_text(name)
    async with talking(make_server(mine.parent, write=True)) as talk:
        for name in ("*", "[a]", "-", "--all", ":(top)x", "a?"):
            assert (await talk.call("git_stage", paths=[name]))["staged"] == [name]


async def test_line_ends_are_kept_as_the_attributes_say(mine: Path) -> None:
    (mine / ".gitattributes").write_text("*.txt text eol=crlf\n")
    (mine / "w.txt").write_bytes(b"one\r\ntwo\r\n")
    async with talking(make_server(mine.parent, write=True)) as talk:
        await talk.call("git_stage", paths=["w.txt", ".gitattributes"])
        await talk.call("git_commit", message="m", **EVE)
        assert (await talk.call("git_read_file", path="w.txt"))["content"] == "one\ntwo\n"
        assert (await talk.call("git_status"))["unstaged"] == []


async def test_a_checkout_refuses_to_lose_changes_and_unknown_files(mine: Path) -> None:
    repo = pygit2.Repository(str(mine))
    first = str(repo.head.target)
    commit(repo, "Second", {"a.txt": "second\n", "new.txt": "tracked\n", ".gitignore": "ignored\n", "ignored2": "x"})
    async with talking(make_server(mine.parent, write=True)) as talk:
        (mine / "a.txt").write_text("mine alone\n")
        assert "would lose" in await talk.fails("git_checkout", ref=first)
        assert (mine / "a.txt").read_text() == "mine alone\n"
        assert (await talk.call("git_status"))["branch"] == "main"
        (mine / "a.txt").write_text("second\n")
        assert await talk.call("git_checkout", ref=first) == {"branch": None, "commit": first}
        (mine / "new.txt").write_text("not in git\n")
        assert "would lose" in await talk.fails("git_checkout", ref="main")
        assert (mine / "new.txt").read_text() == "not in git\n"
        (mine / "new.txt").unlink()
        assert (await talk.call("git_checkout", ref="main"))["branch"] == "main"
        assert (await talk.call("git_checkout", ref="HEAD"))["branch"] == "main"
        assert (mine / "new.txt").read_text() == "tracked\n"


async def test_an_ignored_file_in_the_way_of_a_checkout_is_kept(mine: Path) -> None:
    repo = pygit2.Repository(str(mine))
    first = str(repo.head.target)
    commit(repo, "Second", {"settings": "tracked\n"})
    async with talking(make_server(mine.parent, write=True)) as talk:
        await talk.call("git_checkout", ref=first)
        (mine / ".gitignore").write_text("settings\n")
        (mine / "settings").write_text("secret of mine\n")
        assert "would lose" in await talk.fails("git_checkout", ref="main")
        assert (mine / "settings").read_text() == "secret of mine\n"


@pytest.mark.parametrize("name", ["twice", "HEAD"])
async def test_a_checkout_goes_to_where_head_then_is_whatever_else_has_the_name(mine: Path, name: str) -> None:
    repo = pygit2.Repository(str(mine))
    first = repo.head.target
    kind = "tags" if name == "twice" else "heads"
    repo.references.create(f"refs/{kind}/{name}", first)
    second = commit(repo, "Second", {"a.txt": "second\n"})
    if name == "twice":
        repo.references.create(f"refs/heads/{name}", second)
    async with talking(make_server(mine.parent, write=True)) as talk:
        branch = "main" if name == "HEAD" else name
        assert await talk.call("git_checkout", ref=name) == {"branch": branch, "commit": str(second)}
        assert (await talk.call("git_status"))["clean"]


async def test_a_checkout_that_could_not_set_head_leaves_the_files(mine: Path) -> None:
    commit(pygit2.Repository(str(mine)), "Second", {"a.txt": "second\n"})
    async with talking(make_server(mine.parent, write=True)) as talk:
        (mine / ".git/HEAD.lock").touch()
        assert "lock" in await talk.fails("git_checkout", ref="HEAD~1")
        assert (await talk.call("git_status"))["clean"]
        assert (mine / "a.txt").read_text() == "second\n"
        assert "cannot be the name" in await talk.fails("git_create_branch", name="HEAD")


async def test_files_added_since_a_base_are_in_the_difference_to_the_work_tree(mine: Path) -> None:
    commit(pygit2.Repository(str(mine)), "Second", {"new": "1\n", "a.txt": None})
    (mine / "new").write_text("1\n2\n")
    (mine / "unknown").touch()
    async with talking(make_server(mine.parent)) as talk:
        files = (await talk.call("git_diff", base="HEAD~1"))["files"]
    assert [(file["path"], file["change"], file["additions"]) for file in files] == [
        ("a.txt", "deleted", 0),
        ("new", "added", 2),
    ]


async def test_branches_are_made_once(mine: Path) -> None:
    async with talking(make_server(mine.parent, write=True)) as talk:
        made = await talk.call("git_create_branch", name="topic/one")
        assert "already" in await talk.fails("git_create_branch", name="topic/one")
        assert "beside which" in await talk.fails("git_create_branch", name="topic")
        assert "beside which" in await talk.fails("git_create_branch", name="main/x")
        assert (await talk.call("git_checkout", ref="topic/one"))["branch"] == "topic/one"
        assert {item["name"]: item["commit"] for item in (await talk.call("git_branches"))["items"]} == {
            "main": made["commit"],
            "topic/one": made["commit"],
        }


async def test_a_lock_of_another_program_is_told_and_goes_away_with_it(mine: Path) -> None:
    (mine / "a.txt").write_text("1\n")
    async with talking(make_server(mine.parent, write=True)) as talk:
        (mine / ".git/index.lock").touch()
        assert "holds a lock" in await talk.fails("git_stage", paths=["a.txt"])
        (mine / ".git/index.lock").unlink()
        assert (await talk.call("git_stage", paths=["a.txt"]))["count"] == 1
        (mine / ".git/refs/heads/main.lock").touch()
        assert "holds a lock" in await talk.fails("git_commit", message="m", **EVE)
        (mine / ".git/refs/heads/main.lock").unlink()
        assert (await talk.call("git_commit", message="m", **EVE))["branch"] == "main"


async def test_an_unfinished_merge_is_left_to_git(mine: Path) -> None:
    repo = pygit2.Repository(str(mine))
    (mine / ".git/MERGE_HEAD").write_text(f"{repo.head.target}\n")
    (mine / "a.txt").write_text("1\n")
    async with talking(make_server(mine.parent, write=True)) as talk:
        assert (await talk.call("git_status"))["operation"] == "merge"
        await talk.call("git_stage", paths=["a.txt"])
        assert "middle of a merge" in await talk.fails("git_commit", message="m", **EVE)
        assert "middle of a merge" in await talk.fails("git_checkout", ref="main")


async def test_a_repository_inside_is_not_staged(mine: Path) -> None:
    repository(mine / "inner", {"x": "x"})
    (mine / "a.txt").write_text("1\n")
    async with talking(make_server(mine.parent, write=True)) as talk:
        assert "could be staged" in await talk.fails("git_stage", paths=["inner"])
        assert (await talk.call("git_stage", paths=["."]))["staged"] == ["a.txt"]


async def test_a_bare_repository_has_nothing_to_stage(mine: Path) -> None:
    pygit2.init_repository(str(mine.parent / "bare.git"), bare=True)
    async with talking(make_server(mine.parent, write=True)) as talk:
        for tool, arguments in (
            ("git_stage", {"paths": ["."]}),
            ("git_status", {}),
            ("git_diff", {}),
            ("git_checkout", {"ref": "main"}),
        ):
            assert "bare" in await talk.fails(tool, repository="bare.git", **arguments)
