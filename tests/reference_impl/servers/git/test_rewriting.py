"""A repository that is rewritten while it is read: refs that move, branches that go, objects that are packed anew.

Every answer is right or a clear error, and the server needs no restart.
"""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pygit2
import pytest

from reference_impl.servers.git import make_server
from tests.reference_impl.servers.git.world import commit, repository
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio
ROUNDS = 25
TOOLS: list[tuple[str, dict[str, object]]] = [
    ("git_log", {"limit": 30}),
    ("git_status", {}),
    ("git_show", {}),
    ("git_diff", {"base": "HEAD~2", "head": "HEAD"}),
    ("git_branches", {}),
    ("git_blame", {"path": "a.txt"}),
    ("git_search", {"text": "round", "where": "changes"}),
    ("git_read_file", {"path": "a.txt"}),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def collect(repo: pygit2.Repository) -> None:
    """Pack everything into one new pack and throw away what was there before, as `git gc --prune=now` does."""
    objects = Path(repo.path) / "objects"
    old = [path for path in objects.rglob("*") if path.is_file()]
    repo.pack(objects / "pack")
    fresh = set(objects.rglob("*")) - set(old)
    for path in old:
        if fresh or path.parent.name != "pack":
            path.unlink(missing_ok=True)
    repo.compress_references()


def rewrite(place: Path, stop: threading.Event) -> None:
    for number in range(ROUNDS):
        if stop.is_set():
            return
        repo = pygit2.Repository(str(place))
        made = commit(repo, f"Round {number}", {"a.txt": f"first\nround {number}\n", f"n{number % 3}.txt": "x\n"})
        repo.branches.local.create(f"topic-{number}", repo[made])
        if number:
            repo.branches.local[f"topic-{number - 1}"].delete()
        if number % 4 == 3:
            repo.references["refs/heads/main"].set_target(repo[made].parents[0].id)  # as a rebase does
            repo.reset(repo.head.target, pygit2.enums.ResetMode.HARD)
        if number % 5 == 4:
            collect(repo)
        repo.free()


async def test_reading_goes_on_while_a_repository_is_rewritten(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a.txt": "first\n"})
    for number in range(3):
        commit(repo, f"Before {number}", {"a.txt": f"first\nbefore {number}\n"})
    stop = threading.Event()
    worker = threading.Thread(target=rewrite, args=(tmp_path / "one", stop))
    wrong: list[str] = []
    right = 0
    async with talking(make_server(tmp_path)) as talk:
        worker.start()
        try:
            for _ in range(200):
                if not worker.is_alive():
                    break
                for tool, arguments in TOOLS:
                    result = await talk.client.call_tool(tool, arguments)
                    if result.get("isError"):
                        wrong.append(result["content"][0]["text"])
                    else:
                        right += 1
        finally:
            stop.set()
            await anyio.to_thread.run_sync(worker.join)
        for tool, arguments in TOOLS:
            await talk.call(tool, **arguments)
    assert right
    allowed = ("being changed by another program", "holds a lock", "There is no", "goes back further")
    assert [words for words in wrong if not any(part in words for part in allowed)] == []


async def test_objects_that_are_gone_are_an_error_and_back_they_are_none(tmp_path: Path) -> None:
    repo = repository(tmp_path / "one", {"a.txt": "first\n"})
    blob = repo.head.peel().tree["a.txt"].id
    path = tmp_path / f"one/.git/objects/{str(blob)[:2]}/{str(blob)[2:]}"
    data = path.read_bytes()
    async with talking(make_server(tmp_path)) as talk:
        path.unlink()
        assert "being changed by another program, or it is damaged" in await talk.fails("git_read_file", path="a.txt")
        assert len((await talk.call("git_log"))["commits"]) == 1
        path.write_bytes(data)
        assert (await talk.call("git_read_file", path="a.txt"))["content"] == "first\n"


async def test_a_repository_that_goes_and_comes_back_is_found_again(tmp_path: Path) -> None:
    repository(tmp_path / "one", {"a.txt": "first\n"})
    async with talking(make_server(tmp_path)) as talk:
        (tmp_path / "one").rename(tmp_path / "other")
        assert "There is no repository" in await talk.fails("git_log", repository="one")
        (tmp_path / "other").rename(tmp_path / "one")
        assert (await talk.call("git_log", repository="one"))["seen"] == 1
