"""Attacks on git servers that worked elsewhere, and names that Hypothesis makes up; a canary outside hears of none.

CVE-2025-68144 (options in the place of revisions), CVE-2026-27735 (files outside the work tree staged),
CVE-2026-7812 (a shell that reads what callers give), and programs that a repository's configuration names.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pygit2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.git import make_server
from tests.reference_impl.servers.git.world import SECRET, Canary, commit, repository
from tests.reference_impl.servers.talking import talking

OPTIONS = ["--output=../../pwned", "-", "--", "-O", "--upload-pack=touch pwned", "--exec=id", "-c core.pager=id"]
SHELL = ["$(touch pwned)", "`touch pwned`", "; touch pwned", "| touch pwned", "a\ntouch pwned", "&& touch pwned"]
SPECIAL = [
    "HEAD:../../outside/secret.txt",
    "HEAD:a.txt",
    ":/First",
    ":0:a.txt",
    ":(top)*",
    "@{-1}",
    "@{upstream}",
    "main@{0}",
    "HEAD^{/First}",
    "HEAD^{tree}",
    "main..HEAD",
    "main...HEAD",
    "^main",
    "refs/heads/../../../outside/secret.txt",
    "refs/../../secret.txt",
    "../refs/heads/main",
    "heads/../../config",
    "*",
    "[a-z]*",
    "HEAD~99999",
    "HEAD~10000~10000",
    "HEAD^9",
    "main.lock",
    "x" * 3000,
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    repository(place / "mine", {"a.txt": "mine\n", "dir/b.txt": "too\n"})
    return place


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path / "elsewhere")


async def _answers(server: AdvancedMCPServer, calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    async with talking(server) as talk:
        return [await talk.client.call_tool(tool, arguments) for tool, arguments in calls]


def _as_revision(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("git_log", {"ref": text}),
        ("git_show", {"ref": text}),
        ("git_diff", {"base": text}),
        ("git_diff", {"base": "HEAD", "head": text}),
        ("git_read_file", {"path": "a.txt", "ref": text}),
        ("git_list_files", {"ref": text}),
        ("git_blame", {"path": "a.txt", "ref": text}),
        ("git_search", {"text": "mine", "where": "changes", "ref": text}),
        ("git_create_branch", {"name": "new", "ref": text}),
        ("git_checkout", {"ref": text}),
    ]


def test_what_is_no_name_of_a_revision_is_refused_everywhere(root: Path, canary: Canary) -> None:
    """CVE-2025-68144: options in the place of revisions. CVE-2026-7812: what a shell would have run."""
    before = sorted(root.rglob("*"))
    calls = [call for text in OPTIONS + SHELL + SPECIAL for call in _as_revision(text)]
    answers = anyio.run(_answers, make_server(root, write=True), calls)
    assert [call for call, answer in zip(calls, answers, strict=True) if not answer.get("isError")] == []
    assert sorted(root.rglob("*")) == before
    canary.check(answers)


def test_a_branch_is_made_of_no_such_name(root: Path, canary: Canary) -> None:
    """CVE-2025-68144 and CVE-2026-7812, where a name is made and not looked up."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("git_create_branch", {"name": text}) for text in OPTIONS + SHELL + SPECIAL if text != "main.lock"
    ]
    answers = anyio.run(_answers, make_server(root, write=True), calls)
    made = pygit2.Repository(str(root / "mine")).listall_branches()
    assert made == ["main"]
    assert all(answer.get("isError") for answer in answers)
    canary.check(answers)


OUTSIDE = [
    "../../elsewhere/secret.txt",
    "../../../.kube/config",
    "dir/../../../elsewhere/secret.txt",
    "/etc/passwd",
    "link/secret.txt",
    "link/outside/secret.txt",
    "dir/../link/secret.txt",
    ".git/config",
    ".git/hooks/post-commit",
    ".GIT/config",
    ".git./config",
    ".git /config",
    "git~1/config",
    ".g\u200cit/config",
    ".git::$INDEX_ALLOCATION/config",
    "dir/.git/config",
    "a\0b",
    "",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_the_work_tree_is_staged(root: Path, canary: Canary, path: str) -> None:
    """CVE-2026-27735."""
    (root / "mine/link").symlink_to(canary.place)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("git_stage", {"paths": ["a.txt", path]}),
        ("git_stage", {"paths": [path]}),
        ("git_read_file", {"path": path}),
    ]
    answers = anyio.run(_answers, make_server(root, write=True), calls)
    index = pygit2.Repository(str(root / "mine")).index
    assert path == "" or all(answer.get("isError") for answer in answers), answers
    assert {entry.path for entry in index} <= {"a.txt", "dir/b.txt", "link"}
    canary.check(answers)


def test_a_link_is_staged_as_a_link(root: Path, canary: Canary) -> None:
    (root / "mine/link").symlink_to(canary.place / "secret.txt")
    answers = anyio.run(_answers, make_server(root, write=True), [("git_stage", {"paths": ["link"]})])
    repo = pygit2.Repository(str(root / "mine"))
    assert repo.index["link"].mode == pygit2.enums.FileMode.LINK
    assert repo[repo.index["link"].id].data == str(canary.place / "secret.txt").encode()
    canary.check(answers, place=False)


def test_a_folder_that_became_a_link_is_not_followed(root: Path, canary: Canary) -> None:
    (canary.place / "b.txt").write_text(f"{SECRET}\n")
    canary.unread()
    (root / "mine/dir/b.txt").unlink()
    (root / "mine/dir").rmdir()
    (root / "mine/dir").symlink_to(canary.place)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("git_status", {}),
        ("git_diff", {}),
        ("git_diff", {"base": "HEAD"}),
        ("git_stage", {"paths": ["dir/b.txt"]}),
        ("git_diff", {"staged": True}),
        ("git_stage", {"paths": ["."]}),
        ("git_diff", {"staged": True}),
        ("git_checkout", {"ref": "main"}),
    ]
    answers = anyio.run(_answers, make_server(root, write=True), calls)
    canary.check(answers, place=False)  # where the link leads to is what git keeps of it


def _tree_of_bytes(repo: pygit2.Repository, name: bytes, mode: bytes, target: pygit2.Oid) -> pygit2.Oid:
    raw = mode + b" " + name + b"\0" + target.raw
    return repo.odb.write(pygit2.enums.ObjectType.TREE, raw)


@pytest.mark.parametrize("name", [b"..", b".git", b".GIT", b"../../elsewhere/secret.txt", b"git~1", b"/tmp/x"])
def test_a_commit_with_names_that_lead_out_is_not_checked_out_there(root: Path, canary: Canary, name: bytes) -> None:
    repo = pygit2.Repository(str(root / "mine"))
    blob = repo.create_blob(b"evil\n")
    inner = _tree_of_bytes(repo, b"config", b"100644", blob)
    tree = _tree_of_bytes(repo, name, b"40000", inner)
    before = (root / "mine/.git/config").read_text()
    evil = repo.create_commit("refs/heads/evil", _ada(), _ada(), "evil", tree, [])
    calls: list[tuple[str, dict[str, Any]]] = [
        ("git_checkout", {"ref": "evil"}),
        ("git_show", {"ref": str(evil)}),
        ("git_list_files", {"ref": "evil"}),
    ]
    answers = anyio.run(_answers, make_server(root, write=True), calls)
    assert (root / "mine/.git/config").read_text() == before
    assert sorted(path.name for path in root.iterdir()) == ["mine"]
    canary.check(answers)


def _ada() -> pygit2.Signature:
    return pygit2.Signature("Ada", "ada@example.org", 1_700_000_000, 0)


def test_a_link_in_the_way_of_a_checkout_is_not_written_through(root: Path, canary: Canary) -> None:
    repo = pygit2.Repository(str(root / "mine"))
    commit(repo, "A folder", {"out/secret.txt": "written\n"})
    repo.branches.local.create("folder", repo[repo.head.target])
    repo.checkout("refs/heads/folder")
    repo.reset(repo[repo.head.target].parents[0].id, pygit2.enums.ResetMode.HARD)
    repo.branches.local.create("again", repo[repo.references["refs/heads/main"].target])
    (root / "mine/out").symlink_to(canary.place)
    answers = anyio.run(_answers, make_server(root, write=True), [("git_checkout", {"ref": "again"})])
    assert answers[0].get("isError") or not (root / "mine/out").is_symlink()
    canary.check(answers)


def test_a_revision_with_links_in_the_place_of_rules_is_not_checked_out(root: Path, canary: Canary) -> None:
    repo = pygit2.Repository(str(root / "mine"))
    link = repo.create_blob(str(canary.place / "secret.txt").encode())
    inner = _tree_of_bytes(repo, b".gitattributes", b"120000", link)
    evil = _tree_of_bytes(repo, b"deep", b"40000", inner)
    repo.create_commit("refs/heads/evil", _ada(), _ada(), "evil", evil, [])
    calls: list[tuple[str, dict[str, Any]]] = [("git_checkout", {"ref": "evil"}), ("git_checkout", {"ref": "main"})]
    answers = anyio.run(_answers, make_server(root, write=True), calls)
    assert "in the place of .gitattributes" in answers[0]["content"][0]["text"]
    assert not answers[1].get("isError")
    canary.check(answers)


def test_no_program_that_a_repository_names_is_run(root: Path, tmp_path: Path) -> None:
    """Hooks, filters, external differences, monitors, signatures, credentials: libgit2 runs none, and nobody else
    does."""
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nopen({str(ran)!r}, 'a').write('ran')\n")
    program.chmod(0o755)
    repo = pygit2.Repository(str(root / "mine"))
    hooks = root / "mine/.git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout", "post-index-change"):
        (hooks / name).write_text(program.read_text())
        (hooks / name).chmod(0o755)
        (hooks / name).with_suffix(".sample").touch()
    for name in (
        "core.fsmonitor",
        "core.hooksPath",
        "core.editor",
        "core.pager",
        "core.sshCommand",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.smudge",
        "filter.evil.clean",
        "filter.evil.process",
        "merge.evil.driver",
        "gpg.program",
        "credential.helper",
    ):
        repo.config[name] = str(program)
    repo.config["filter.evil.required"] = True
    repo.config["commit.gpgsign"] = True
    (root / "mine/.gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (root / "mine/a.txt").write_text("changed\n")
    who = {"author_name": "Eve", "author_email": "eve@example.org"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("git_status", {}),
        ("git_diff", {}),
        ("git_stage", {"paths": ["."]}),
        ("git_diff", {"staged": True}),
        ("git_commit", {"message": "Changed", **who}),
        ("git_create_branch", {"name": "old", "ref": "HEAD~1"}),
        ("git_checkout", {"ref": "old"}),
        ("git_checkout", {"ref": "main"}),
        ("git_blame", {"path": "a.txt"}),
        ("git_show", {}),
    ]
    answers = anyio.run(_answers, make_server(root, write=True), calls)
    assert not any(answer.get("isError") for answer in answers), answers
    assert (root / "mine/a.txt").read_text() == "changed\n"
    assert not ran.exists()


def test_no_process_is_ever_started() -> None:
    """Nothing here knows how to; libgit2 starts one only for ssh, and nothing here goes over a network."""
    sources = Path(sys.modules["reference_impl.servers.git"].__file__ or "").parent.glob("*.py")
    words = " ".join(path.read_text("utf-8") for path in sources)
    assert not any(
        word in words for word in ("subprocess", "os.system", "popen", "os.exec", "spawn", "remotes.", ".fetch(")
    )


# What Hypothesis makes up ---------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "..", ".", "/", "a.txt", "dir", "link", "outside", "secret.txt", "elsewhere", ".git", "config", "HEAD", "main",
        "refs", "heads", "~", "^", ":", "@", "{", "}", "-", "--output=", "*", "?", "[", "\\", "\0", "\n", "$(", ")",
        "`", "%2e%2e", "\u202e", "\ufeff", "é", " ", "0", "deadbeef", "1" * 40,
    ]
)  # fmt: skip
TEXT = {
    "git_status": ["repository"],
    "git_log": ["repository", "ref", "path", "author", "since", "until", "cursor"],
    "git_search": ["repository", "text", "where", "ref", "path", "cursor"],
    "git_diff": ["repository", "base", "head", "path"],
    "git_show": ["repository", "ref", "path"],
    "git_branches": ["repository", "contains", "cursor"],
    "git_tags": ["repository", "contains", "cursor"],
    "git_read_file": ["repository", "path", "ref"],
    "git_list_files": ["repository", "path", "ref"],
    "git_blame": ["repository", "path", "ref"],
    "git_stage": ["repository", "paths"],
    "git_commit": ["repository", "message", "author_name", "author_email"],
    "git_create_branch": ["repository", "name", "ref"],
    "git_checkout": ["repository", "ref"],
}
"""Each tool's arguments that are text."""
TEXTS = st.lists(PIECES, min_size=1, max_size=8).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=30
)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Canary]:
    place = tmp_path_factory.mktemp("ground")
    repository(place / "root/mine", {"a.txt": "mine\n", "dir/b.txt": "too\n"})
    canary = Canary(place / "elsewhere")
    (place / "root/mine/link").symlink_to(canary.place)
    (place / "root/link").symlink_to(canary.place)
    return place / "root", canary


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_no_text_in_any_argument_leads_out(ground: tuple[Path, Canary], text: str) -> None:
    root, canary = ground

    calls = [(name, _arguments(name, argument, text)) for name, found in TEXT.items() for argument in found]
    told = anyio.run(_answers, make_server(root, write=True), calls)
    assert len(told) > 40
    canary.check(told, place=False)
    assert sorted(path.name for path in root.iterdir()) == ["link", "mine"]
    assert os.path.realpath(root / "mine/.git/HEAD") == str(root / "mine/.git/HEAD")


NEEDED: dict[str, dict[str, Any]] = {
    "git_search": {"text": "mine", "where": "changes"},
    "git_read_file": {"path": "a.txt"},
    "git_blame": {"path": "a.txt"},
    "git_stage": {"paths": ["a.txt"]},
    "git_commit": {"message": "m", "author_name": "E", "author_email": "e@example.org"},
    "git_create_branch": {"name": "b"},
    "git_checkout": {"ref": "main"},
}


def _arguments(tool: str, argument: str, text: str) -> dict[str, Any]:
    return NEEDED.get(tool, {}) | {"repository": "mine"} | {argument: [text] if argument == "paths" else text}
