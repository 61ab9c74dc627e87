"""A repository that leads out of the root is refused, whatever way it leads; nothing outside is read, written or told.

CVE-2025-68145 (a repository is not kept to the one that was allowed), CVE-2025-68143 (a repository made anywhere).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import pygit2
import pytest

from reference_impl.server.errors import SetupError
from reference_impl.servers.git import make_server
from tests.reference_impl.servers.git.world import Canary, repository
from tests.reference_impl.servers.talking import talking


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    repository(place / "mine", {"a.txt": "mine\n"})
    return place


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path / "root-elsewhere")  # whose name begins as the root's does


READING = ("git_status", "git_log", "git_diff", "git_show", "git_branches", "git_tags", "git_list_files")


async def refused(root: Path, name: str) -> list[str]:
    """Return how the server refuses to do anything with a repository."""
    async with talking(make_server(root, write=True)) as talk:
        told = [await talk.fails(tool, repository=name) for tool in READING]
        told.append(await talk.fails("git_read_file", repository=name, path="secret.txt"))
        told.append(await talk.fails("git_blame", repository=name, path="secret.txt"))
        told.append(await talk.fails("git_search", repository=name, text="a", where="changes"))
        told.append(await talk.fails("git_stage", repository=name, paths=["."]))
        told.append(await talk.fails("git_create_branch", repository=name, name="b"))
        told.append(await talk.fails("git_checkout", repository=name, ref="main"))
        told.append(
            await talk.fails("git_commit", repository=name, message="m", author_name="E", author_email="e@example.org")
        )
        return told


NAMES = [
    "../root-elsewhere/outside",
    "mine/../../root-elsewhere/outside",
    "..",
    ".",
    "/",
    "",
    "mine/.git",
    "mine/.GIT",
    "~",
    "mine\0",
    "x" * 5000,
    "file:///etc",
    "-C",
    "--git-dir=..",
    "ext::sh -c id",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_is_refused(root: Path, canary: Canary, name: str) -> None:
    """CVE-2025-68145."""
    told = anyio.run(refused, root, name)
    canary.check(told)


def test_an_absolute_path_is_refused_even_where_it_is_inside(root: Path, canary: Canary) -> None:
    anyio.run(refused, root, str(root / "mine"))
    anyio.run(refused, root, str(canary.place / "outside"))
    canary.check()


def by_link(root: Path, outside: Path) -> None:
    (root / "bad").symlink_to(outside)


def by_link_above(root: Path, outside: Path) -> None:
    (root / "up").symlink_to(outside.parent)
    (root / "bad").symlink_to(root / "up" / "outside")


def by_git_link(root: Path, outside: Path) -> None:
    (root / "bad").mkdir()
    (root / "bad/.git").symlink_to(outside / ".git")


def by_git_file(root: Path, outside: Path) -> None:
    (root / "bad").mkdir()
    (root / "bad/.git").write_text(f"gitdir: {outside / '.git'}\n")


def by_relative_git_file(root: Path, outside: Path) -> None:
    (root / "bad").mkdir()
    (root / "bad/.git").write_text("gitdir: ../../root-elsewhere/outside/.git\n")


def by_shared_directory(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    (root / "bad/.git/commondir").write_text(f"{outside / '.git'}\n")


def by_alternates(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    (root / "bad/.git/objects/info").mkdir(exist_ok=True)
    (root / "bad/.git/objects/info/alternates").write_text(f"{outside / '.git/objects'}\n")


def by_alternates_of_alternates(root: Path, outside: Path) -> None:
    repository(root / "lender", {"b": "b"})
    repository(root / "bad", {"a": "a"})
    for name, target in (("lender", outside / ".git/objects"), ("bad", root / "lender/.git/objects")):
        (root / name / ".git/objects/info").mkdir(exist_ok=True)
        (root / name / ".git/objects/info/alternates").write_text(f"# lent\n{target}\n")


def by_alternates_with_a_blank(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    (root / "bad/lender").mkdir()
    (root / "bad/lender ").symlink_to(outside / ".git/objects")
    (root / "bad/.git/objects/info").mkdir(exist_ok=True)
    (root / "bad/.git/objects/info/alternates").write_text("../../lender \n")


def by_shared_directory_with_a_wide_blank(root: Path, outside: Path) -> None:
    """A blank to Python's text, a part of the name to libgit2."""
    shutil.copytree(root / "mine/.git", root / "bad/shared")
    (root / "bad/shared\u3000").symlink_to(outside / ".git")
    (root / "bad/.git").mkdir()
    (root / "bad/.git/HEAD").write_text("ref: refs/heads/main\n")
    (root / "bad/.git/commondir").write_text("../shared\u3000\n")


def by_linked_objects(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    (root / "bad/.git/objects/ff").symlink_to(outside / ".git/objects")


def by_linked_log(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    (root / "bad/.git/logs/HEAD").unlink()
    (root / "bad/.git/logs/HEAD").symlink_to(outside / "secret.txt")


def by_linked_reference(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    (root / "bad/.git/refs/heads/secret").symlink_to(outside / "secret.txt")


def by_linked_index(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    (root / "bad/.git/index").unlink()
    (root / "bad/.git/index").symlink_to(outside / ".git/index")


def by_pipe(root: Path, _outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    os.mkfifo(root / "bad/.git/packed-refs")


def by_pipe_for_an_object(root: Path, _outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    (root / "bad/.git/objects/ab").mkdir(exist_ok=True)
    os.mkfifo(root / "bad/.git/objects/ab" / ("cd" * 19))


def by_included_configuration(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    with (root / "bad/.git/config").open("a") as file:
        file.write(f"[include] path = {outside / 'secret.txt'}\n")


def by_included_if(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"})
    with (root / "bad/.git/config").open("a") as file:
        file.write(f'[ IncludeIf "gitdir:/" ]\n\tpath = {outside / "secret.txt"}\n')


def by_work_tree(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"}).config["core.worktree"] = str(outside)


def by_excludes(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"}).config["core.excludesFile"] = str(outside / "secret.txt")


def by_attributes(root: Path, outside: Path) -> None:
    repository(root / "bad", {"a": "a"}).config["core.attributesFile"] = "../../../root-elsewhere/secret.txt"


WAYS = [
    by_link,
    by_link_above,
    by_git_link,
    by_git_file,
    by_relative_git_file,
    by_shared_directory,
    by_alternates,
    by_alternates_of_alternates,
    by_alternates_with_a_blank,
    by_shared_directory_with_a_wide_blank,
    by_linked_objects,
    by_linked_log,
    by_linked_reference,
    by_linked_index,
    by_pipe,
    by_pipe_for_an_object,
    by_included_configuration,
    by_included_if,
    by_work_tree,
    by_excludes,
    by_attributes,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_repository_that_leads_elsewhere_is_refused(
    root: Path, canary: Canary, way: Callable[[Path, Path], None]
) -> None:
    way(root, canary.place / "outside")
    told = anyio.run(refused, root, "bad")
    assert all(words.startswith("Refused") for words in told), told
    canary.check(told)


def test_paths_that_begin_where_the_process_is_are_refused(
    root: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libgit2 begins them there, git among the objects: a harmless twin is there."""
    repository(root / "bad", {"a": "a"})
    (root / "bad/.git/objects/outside/.git/objects").mkdir(parents=True)
    (root / "bad/.git/objects/info").mkdir(exist_ok=True)
    (root / "bad/.git/objects/info/alternates").write_text("outside/.git/objects\n")
    repository(root / "rules").config["core.attributesFile"] = "secret.txt"
    monkeypatch.chdir(canary.place)
    canary.unread()
    told = [*anyio.run(refused, root, "bad"), *anyio.run(refused, root, "rules")]
    assert all(words.startswith("Refused") for words in told), told
    canary.check(told)


def test_what_a_search_finds_does_not_follow_links(root: Path, canary: Canary) -> None:
    by_link(root, canary.place / "outside")
    (root / "all").symlink_to(canary.place)

    async def found() -> object:
        async with talking(make_server(root)) as talk:
            return await talk.call("git_repositories")

    assert anyio.run(found) == {"repositories": ["mine"], "complete": True}
    canary.check()


def test_the_environment_is_not_asked(root: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = canary.place / "outside"
    for name, value in {
        "GIT_DIR": outside / ".git",
        "GIT_WORK_TREE": outside,
        "GIT_INDEX_FILE": outside / ".git/index",
        "GIT_OBJECT_DIRECTORY": outside / ".git/objects",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": outside / ".git/objects",
        "GIT_COMMON_DIR": outside / ".git",
        "GIT_NAMESPACE": "x",
        "GIT_CONFIG": outside / "secret.txt",
        "GIT_CONFIG_GLOBAL": outside / "secret.txt",
        "GIT_CONFIG_SYSTEM": outside / "secret.txt",
        "GIT_EXTERNAL_DIFF": "false",
        "GIT_CEILING_DIRECTORIES": "/",
    }.items():
        monkeypatch.setenv(name, str(value))

    async def asked() -> list[object]:
        async with talking(make_server(root, write=True)) as talk:
            return [
                await talk.call("git_log"),
                await talk.call("git_status"),
                await talk.call("git_list_files"),
                await talk.call("git_create_branch", name="b"),
            ]

    told = anyio.run(asked)
    assert told[2]["entries"][0]["name"] == "a.txt"  # type: ignore[index] # what a call told
    canary.check(told)


def test_a_submodule_that_leads_elsewhere_is_refused_where_it_would_be_opened(root: Path, canary: Canary) -> None:
    mine = pygit2.Repository(str(root / "mine"))
    mine.index.add(pygit2.IndexEntry("sub", canary.repo.head.target, pygit2.enums.FileMode.COMMIT))
    mine.index.write()
    (root / "mine/sub").mkdir()
    (root / "mine/sub/.git").write_text(f"gitdir: {canary.place / 'outside/.git'}\n")
    canary.unread()

    async def asked() -> list[str]:
        async with talking(make_server(root, write=True)) as talk:
            await talk.call("git_log")
            return [
                await talk.fails("git_status"),
                await talk.fails("git_diff"),
                await talk.fails("git_diff", base="HEAD"),
                await talk.fails("git_stage", paths=["."]),
            ]

    canary.check(anyio.run(asked))


def rules_by_link(mine: Path, canary: Canary) -> None:
    (mine / "deep").mkdir()
    (mine / "deep/.gitignore").symlink_to(canary.place / "secret.txt")


def attributes_by_link(mine: Path, canary: Canary) -> None:
    (mine / ".gitattributes").symlink_to("../../root-elsewhere/secret.txt")


def rules_by_pipe(mine: Path, _canary: Canary) -> None:
    os.mkfifo(mine / ".gitignore")


def modules_by_include(mine: Path, canary: Canary) -> None:
    (mine / ".gitmodules").write_text(f"[include]\n\tpath = {canary.place / 'secret.txt'}\n")


def a_repository_inside(mine: Path, canary: Canary) -> None:
    (mine / "inner").mkdir()
    (mine / "inner/.git").symlink_to(canary.place / "outside/.git")


def rules_among_what_is_ignored(mine: Path, canary: Canary) -> None:
    """Ignored as the folder is, a file in it is known to git, so that libgit2 looks there."""
    (mine / "deep").mkdir()
    (mine / "deep/tracked").touch()
    repo = pygit2.Repository(str(mine))
    repo.index.add("deep/tracked")
    repo.index.write()
    (mine / ".gitignore").write_text("deep/\n")
    rules = mine / "deep/.gitignore"
    rules.symlink_to(canary.place / "secret.txt")


@pytest.mark.parametrize(
    "way",
    [
        rules_by_link,
        attributes_by_link,
        rules_by_pipe,
        modules_by_include,
        a_repository_inside,
        rules_among_what_is_ignored,
    ],
)
def test_rules_in_the_work_tree_that_lead_elsewhere_are_refused(
    root: Path, canary: Canary, way: Callable[[Path, Canary], None]
) -> None:
    way(root / "mine", canary)

    async def asked() -> list[str]:
        async with talking(make_server(root, write=True)) as talk:
            told = [
                await talk.fails("git_status"),
                await talk.fails("git_diff"),
                await talk.fails("git_diff", base="HEAD"),
                await talk.fails("git_stage", paths=["a.txt"]),
                await talk.fails("git_checkout", ref="main"),
            ]
            await talk.client.call_tool("git_show", {})  # reads the rules that apply to a.txt, if any
            return told

    told = anyio.run(asked)
    assert all(words.startswith("Refused") for words in told), told
    canary.check(told)


def test_ignored_folders_are_not_looked_into(root: Path) -> None:
    (root / "mine/.gitignore").write_text("venv/\n")
    (root / "mine/venv/deep").mkdir(parents=True)
    (root / "mine/venv/deep/.gitignore").symlink_to("/etc/hostname")

    async def asked() -> object:
        async with talking(make_server(root)) as talk:
            return (await talk.call("git_status"))["untracked"]

    assert anyio.run(asked) == [".gitignore"]


def test_rules_that_are_links_inside_the_root_are_followed(root: Path) -> None:
    (root / "rules").write_text("*.log\n")
    (root / "mine/.gitignore").symlink_to("../rules")
    (root / "mine/x.log").touch()

    async def asked() -> object:
        async with talking(make_server(root)) as talk:
            return (await talk.call("git_status"))["untracked"]

    assert anyio.run(asked) == [".gitignore"]


def test_a_work_tree_and_its_repository_may_both_be_under_the_root(root: Path) -> None:
    pygit2.Repository(str(root / "mine")).add_worktree("second", str(root / "second"))

    async def asked() -> list[object]:
        async with talking(make_server(root)) as talk:
            return [
                (await talk.call("git_repositories"))["repositories"],
                (await talk.call("git_status", repository="second"))["branch"],
            ]

    assert anyio.run(asked) == [["mine", "second"], "second"]


def test_a_work_tree_whose_repository_is_outside_is_refused(root: Path, canary: Canary) -> None:
    canary.repo.add_worktree("second", str(root / "bad"))
    canary.unread()
    told = anyio.run(refused, root, "bad")
    canary.check(told)


@pytest.mark.parametrize("missing", [None, "", "nowhere", "file"])
def test_without_a_root_there_is_no_server(tmp_path: Path, missing: str | None) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError):
        make_server(missing and tmp_path / missing)


def test_there_is_no_tool_that_makes_fetches_or_pushes_a_repository(root: Path) -> None:
    """CVE-2025-68143: repositories made anywhere, by a tool that was taken away in the end."""
    names = set(make_server(root, write=True).tools)
    assert not any(word in name for name in names for word in ("init", "clone", "fetch", "pull", "push", "remote"))


def test_without_write_no_tool_writes(root: Path) -> None:
    server = make_server(root)
    assert all(tool.wire["annotations"]["readOnlyHint"] for tool in server.tools.values())
    more = set(make_server(root, write=True).tools) - set(server.tools)
    assert more == {"git_stage", "git_commit", "git_create_branch", "git_checkout"}
