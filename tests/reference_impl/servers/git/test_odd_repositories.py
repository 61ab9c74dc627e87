"""Repositories as they come: empty, bare, detached, without UTF-8, huge, with submodules, damaged, not ours."""

from __future__ import annotations

import os
from pathlib import Path

import pygit2
import pytest

from reference_impl.servers.git import GitLimits, make_server
from tests.reference_impl.servers.git.world import ADA, commit, repository
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def tree(repo: pygit2.Repository, entries: dict[bytes, bytes]) -> pygit2.Oid:
    """Write a tree with names of any bytes."""
    raw = b"".join(b"100644 " + name + b"\0" + repo.create_blob(entries[name]).raw for name in sorted(entries))
    return repo.odb.write(pygit2.enums.ObjectType.TREE, raw)


async def test_an_empty_repository_is_told_of_as_such(tmp_path: Path) -> None:
    repository(tmp_path / "empty")
    (tmp_path / "empty/new").touch()
    async with talking(make_server(tmp_path, write=True)) as talk:
        status = await talk.call("git_status")
        assert (status["branch"], status["commit"], status["untracked"]) == ("main", None, ["new"])
        for tool in ("git_log", "git_show", "git_list_files"):
            assert "no commit yet" in await talk.fails(tool)
        assert (await talk.call("git_branches"))["items"] == []
        await talk.call("git_stage", paths=["new"])
        assert (await talk.call("git_diff", staged=True))["files"][0]["change"] == "added"
        await talk.call("git_commit", message="First", author_name="E", author_email="e@example.org")
        assert len((await talk.call("git_log"))["commits"]) == 1


async def test_a_bare_repository_has_a_history(tmp_path: Path) -> None:
    repo = pygit2.init_repository(str(tmp_path / "bare.git"), bare=True, initial_head="main")
    repo.create_commit("HEAD", ADA, ADA, "First", tree(repo, {b"a": b"1\n"}), [])
    async with talking(make_server(tmp_path)) as talk:
        assert (await talk.call("git_repositories"))["repositories"] == ["bare.git"]
        assert [item["summary"] for item in (await talk.call("git_log"))["commits"]] == ["First"]
        assert (await talk.call("git_read_file", path="a"))["content"] == "1\n"
        assert (await talk.call("git_branches"))["items"][0]["current"]


async def test_a_detached_head_has_no_branch(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a": "1\n"})
    commit(repo, "Second", {"a": "2\n"})
    repo.set_head(repo.head.peel().parents[0].id)
    async with talking(make_server(tmp_path)) as talk:
        status = await talk.call("git_status")
        assert (status["branch"], status["commit"]) == (None, str(repo.head.target))
        assert not any(item["current"] for item in (await talk.call("git_branches"))["items"])


async def test_what_is_no_utf_8_is_told_and_can_be_asked_for_again(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one")
    files = {b"caf\xe9.txt": b"na\xefve\n", b"utf.txt": "naïve\n".encode(), b"data": bytes(range(256))}
    first = repo.create_commit("HEAD", ADA, ADA, b"Caf\xe9\n", tree(repo, files), [])
    latin = pygit2.Signature("Jos\xe9", "j@example.org", 1_700_000_000, 0, encoding="iso-8859-1")
    changed = tree(repo, files | {b"caf\xe9.txt": b"na\xefve!\n"})
    repo.create_commit("HEAD", latin, latin, "Zoë\n".encode("iso-8859-1"), changed, [first], "iso-8859-1")
    (tmp_path / "one/.git/refs/heads" / os.fsdecode(b"t\xeate")).write_text(f"{first}\n")
    async with talking(make_server(tmp_path)) as talk:
        log = (await talk.call("git_log"))["commits"]
        assert [item["summary"] for item in log] == ["Zoë", "Caf\\xe9"]
        names = [entry["name"] for entry in (await talk.call("git_list_files"))["entries"]]
        assert names == ["caf\\xe9.txt", "data", "utf.txt"]
        odd = await talk.call("git_read_file", path="caf\\xe9.txt")
        assert (odd["encoding"], odd["content"]) == ("base64", "bmHvdmUhCg==")
        assert (await talk.call("git_read_file", path="data"))["encoding"] == "base64"
        assert (await talk.call("git_log", path="caf\\xe9.txt", limit=5))["seen"] == 2
        assert [run["text"] for run in (await talk.call("git_blame", path="caf\\xe9.txt"))["runs"]] == ["na\ufffdve!"]
        assert (await talk.call("git_show"))["files"][0]["path"] == "caf\\xe9.txt"
        assert [item["name"] for item in (await talk.call("git_branches"))["items"]] == ["main", "t\\xeate"]
        assert len((await talk.call("git_status"))["staged"]) == 3


async def test_a_huge_difference_comes_in_pages_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"keep": "1\n"})
    many = {f"f{number:03}": f"{number}\n" * 50 for number in range(40)}
    commit(repo, "Many", {**many, "huge": "x" * 5000 + "\n", "wide": "line\n" * 2000})
    limits = GitLimits(answer=2000, blob=12_000, files=15)
    async with talking(make_server(tmp_path, limits=limits)) as talk:
        seen, offset = [], 0
        while offset is not None:
            page = await talk.call("git_show", offset=offset)
            assert len(page["files"]) <= 15
            assert sum(len(file["patch"]) for file in page["files"]) <= 2000
            seen += page["files"]
            offset = page["next_offset"]
        assert [file["path"] for file in seen] == sorted([*many, "huge", "wide"])
        wide = next(file for file in seen if file["path"] == "wide")
        assert (wide["additions"], "characters" in wide["left_out"]) == (2000, True)
        tiny = make_server(tmp_path, limits=GitLimits(blob=6000))
    async with talking(tiny) as talk:
        left_out = (await talk.call("git_diff", base="HEAD~1", head="HEAD", path="wide"))["files"][0]["left_out"]
        assert left_out == "larger than 6000 bytes"
        assert "more than the 6000" in await talk.fails("git_read_file", path="wide")
        assert (await talk.call("git_search", text="line", where="changes"))["commits"] == []


async def test_a_large_file_is_read_in_parts_that_fit_together(tmp_path: Path) -> None:
    text = "Größe ✓ " * 400
    repository(tmp_path / "one", {"a": text})
    async with talking(make_server(tmp_path, limits=GitLimits(answer=101))) as talk:
        parts, offset = [], 0
        while offset is not None:
            part = await talk.call("git_read_file", path="a", offset=offset)
            assert part["encoding"] == "utf-8"
            parts.append(part["content"])
            offset = part["next_offset"]
    assert "".join(parts) == text


async def test_blame_comes_in_runs_and_pages(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a": "".join(f"{number}\n" for number in range(1, 11))})
    second = commit(repo, "Second", {"a": "".join("new\n" if n in (4, 5) else f"{n}\n" for n in range(1, 11))})
    async with talking(make_server(tmp_path, limits=GitLimits(lines=6))) as talk:
        page = await talk.call("git_blame", path="a")
        assert [(run["start"], run["end"]) for run in page["runs"]] == [(1, 3), (4, 5), (6, 6)]
        assert (page["runs"][1]["commit"], page["runs"][1]["text"]) == (str(second), "new\nnew")
        assert page["next_start"] == 7
        rest = await talk.call("git_blame", path="a", start=7)
        assert [(run["start"], run["end"]) for run in rest["runs"]] == [(7, 10)]
        assert rest["next_start"] is None
        assert (await talk.call("git_blame", path="a", start=99))["runs"] == []


async def test_blame_counts_lines_as_git_does(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"other": "1\n"})
    (tmp_path / "one/a").write_bytes(b"1\r2\n3\n")
    repo.index.add("a")
    first = repo.create_commit("HEAD", ADA, ADA, "First", repo.index.write_tree(), [repo.head.target])
    (tmp_path / "one/a").write_bytes(b"1\r2\nother\n")
    repo.index.add("a")
    second = repo.create_commit("HEAD", ADA, ADA, "Second", repo.index.write_tree(), [first])
    async with talking(make_server(tmp_path)) as talk:
        found = await talk.call("git_blame", path="a")
    assert found["lines"] == 2
    assert [(run["commit"], run["text"]) for run in found["runs"]] == [(str(first), "1\r2"), (str(second), "other")]


async def test_few_trees_that_stand_for_more_files_than_memory_holds_are_not_gone_through(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a": "1\n"})
    inner, mode = repo.create_blob(b"x"), pygit2.enums.FileMode.BLOB
    for _ in range(30):
        builder = repo.TreeBuilder()
        for name in "0123456789":
            builder.insert(name, inner, mode)
        inner, mode = builder.write(), pygit2.enums.FileMode.TREE
    bomb = repo.create_commit("HEAD", ADA, ADA, "Bomb", inner, [repo.head.target])
    repo.create_branch("bomb", repo[bomb])  # type: ignore[arg-type]  # a commit
    async with talking(make_server(tmp_path, write=True)) as talk:
        for tool, arguments in {
            "git_show": {},
            "git_status": {},
            "git_diff": {"staged": True},
            "git_search": {"text": "x", "where": "changes"},
            "git_stage": {"paths": ["."]},
            "git_checkout": {"ref": "bomb"},
        }.items():
            assert "too many files" in await talk.fails(tool, **arguments)
        assert "too many files" in await talk.fails("git_diff", base="HEAD~1", head="HEAD")
        assert "too many files" in await talk.fails("git_checkout", ref="HEAD~1")
        assert len((await talk.call("git_log", path="0/1"))["commits"]) == 1
        assert len((await talk.call("git_list_files", path="0/1/2"))["entries"]) == 10


async def test_submodules_are_told_of_and_not_entered(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a": "1\n"})
    inner = repository(tmp_path / "one/sub", {"b": "2\n"})
    repo.index.add(pygit2.IndexEntry("sub", inner.head.target, pygit2.enums.FileMode.COMMIT))
    repo.index.write()
    repo.create_commit("HEAD", ADA, ADA, "Sub", repo.index.write_tree(), [repo.head.target])
    async with talking(make_server(tmp_path)) as talk:
        entries = (await talk.call("git_list_files"))["entries"]
        assert [(entry["name"], entry["kind"]) for entry in entries] == [("a", "file"), ("sub", "submodule")]
        assert "submodule" in await talk.fails("git_read_file", path="sub")
        assert (await talk.call("git_status"))["clean"]
        assert (await talk.call("git_search", text="2", where="changes"))["commits"] == []
        assert (await talk.call("git_status", repository="one/sub"))["clean"]
        assert "Subproject commit" in (await talk.call("git_show"))["files"][0]["patch"]


async def test_renames_are_found(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"old.txt": "a\nb\nc\nd\ne\nf\n"})
    commit(repo, "Move", {"old.txt": None, "dir/new.txt": "a\nb\nc\nd\ne\nF\n"})
    async with talking(make_server(tmp_path)) as talk:
        (file,) = (await talk.call("git_show"))["files"]
    assert (file["change"], file["old_path"], file["path"]) == ("renamed", "old.txt", "dir/new.txt")


async def test_what_two_branches_differ_in_can_leave_out_what_only_the_first_did(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a": "1\n"})
    repo.branches.local.create("topic", repo.head.peel())
    commit(repo, "On main", {"main.txt": "m\n"})
    repo.checkout("refs/heads/topic")
    commit(repo, "On topic", {"topic.txt": "t\n"})
    async with talking(make_server(tmp_path)) as talk:
        both = await talk.call("git_diff", base="main", head="topic")
        own = await talk.call("git_diff", base="main", head="topic", merge_base=True)
        assert [file["path"] for file in both["files"]] == ["main.txt", "topic.txt"]
        assert [file["path"] for file in own["files"]] == ["topic.txt"]
        assert "needs a base" in await talk.fails("git_diff", head="topic")


async def test_a_repository_of_somebody_else_is_named_as_such(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    place = tmp_path / "one"
    repository(place, {"a": "1\n"})
    for path in (place, place / ".git"):
        os.chown(path, 12345, 12345)
    async with talking(make_server(tmp_path)) as talk:
        told = await talk.fails("git_log")
    assert "belongs to another user" in told
    assert str(tmp_path) not in told


@pytest.mark.parametrize(
    ("part", "bytes_"),
    [
        ("HEAD", b""),
        ("HEAD", b"\xff" * 100),
        ("index", b"DIRC rubbish"),
        ("config", b"[core\n"),
        ("packed-refs", b"\0\0"),
    ],
)
async def test_a_damaged_repository_is_an_error_without_a_path(tmp_path: Path, part: str, bytes_: bytes) -> None:
    repository(tmp_path / "one", {"a": "1\n"})
    (tmp_path / "one/.git" / part).write_bytes(bytes_)
    async with talking(make_server(tmp_path, write=True)) as talk:
        for tool in ("git_status", "git_log", "git_diff", "git_branches", "git_tags"):
            told = str((await talk.client.call_tool(tool, {}))["content"])
            assert str(tmp_path) not in told
        assert (await talk.call("git_repositories"))["repositories"] == ["one"]


@pytest.mark.parametrize(("name", "value"), [("objectformat", "sha256"), ("refstorage", "reftable"), ("new", "x")])
async def test_a_repository_of_a_format_to_come_is_named_as_such(tmp_path: Path, name: str, value: str) -> None:
    repo = repository(tmp_path / "one", {"a": "1\n"})
    repo.config["core.repositoryformatversion"] = 1
    repo.config[f"extensions.{name}"] = value
    async with talking(make_server(tmp_path)) as talk:
        assert "this server does not know" in await talk.fails("git_log")


async def test_a_shallow_clone_ends_where_it_was_cut(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a": "1\n"})
    first = str(repo.head.target)
    second = commit(repo, "Second", {"a": "2\n"})
    commit(repo, "Third", {"a": "2\n3\n"})
    (tmp_path / f"one/.git/objects/{first[:2]}/{first[2:]}").unlink()
    (tmp_path / "one/.git/shallow").write_text(f"{second}\n")
    async with talking(make_server(tmp_path)) as talk:
        log = await talk.call("git_log", path="a")
        assert [item["summary"] for item in log["commits"]] == ["Third", "Second"]
        assert (await talk.call("git_show", ref=str(second)))["files"][0]["change"] == "added"
        assert [run["summary"] for run in (await talk.call("git_blame", path="a"))["runs"]] == ["Second", "Third"]
        assert "further than the history" in await talk.fails("git_log", ref="HEAD~2")


async def test_branches_and_tags_come_in_pages(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a": "1\n"})
    for number in range(7):
        repo.branches.local.create(f"topic/{number}", repo.head.peel())
        repo.create_tag(f"v{number}", repo.head.target, pygit2.enums.ObjectType.COMMIT, ADA, f"Tag {number}")
    repo.references.create("refs/tags/light", repo.head.target)
    repo.references.create("refs/remotes/origin/main", repo.head.target)
    repo.config["branch.main.remote"], repo.config["branch.main.merge"] = "origin", "refs/heads/main"
    repo.config["remote.origin.url"] = "/nowhere"
    repo.config["remote.origin.fetch"] = "+refs/heads/*:refs/remotes/origin/*"
    commit(repo, "Ahead", {"a": "2\n"})
    async with talking(make_server(tmp_path, limits=GitLimits(page=4))) as talk:
        for tool, total in (("git_branches", 9), ("git_tags", 8)):
            names, cursor = [], {}
            while True:
                page = await talk.call(tool, **cursor)
                names += [item["name"] for item in page["items"]]
                if page["next"] is None:
                    break
                cursor = {"cursor": page["next"]}
            assert len(names) == len(set(names)) == page["total"] == total
        main = (await talk.call("git_branches", contains="MAIN"))["items"]
        assert [(item["name"], item["remote"]) for item in main] == [("main", False), ("origin/main", True)]
        assert (main[0]["upstream"], main[0]["ahead"], main[0]["behind"]) == ("origin/main", 1, 0)
        assert (await talk.call("git_tags", contains="v3"))["items"][0]["message"] == "Tag 3"


async def test_repositories_are_looked_for_within_bounds(tmp_path: Path) -> None:
    for number in range(6):
        repository(tmp_path / f"r{number}")
    repository(tmp_path / "a/b/c/d/deep")
    repository(tmp_path / "a/b/c/d/e/too-deep")
    repository(tmp_path / "node_modules/x")
    async with talking(make_server(tmp_path)) as talk:
        names = ["a/b/c/d/deep", *(f"r{number}" for number in range(6))]
        assert await talk.call("git_repositories") == {"repositories": names, "complete": True}
        assert "several repositories" in await talk.fails("git_log")
        assert (await talk.call("git_status", repository="a/b/c/d/e/too-deep"))["commit"] is None
    async with talking(make_server(tmp_path, limits=GitLimits(repositories=3))) as talk:
        found = await talk.call("git_repositories")
        assert (len(found["repositories"]), found["complete"]) == (3, False)
