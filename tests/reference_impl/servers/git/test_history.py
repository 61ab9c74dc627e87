"""Log and search: pages, filters, progress, time that runs short, callers who leave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import pytest

from reference_impl.client import CallOptions, Progress
from reference_impl.servers.git import GitLimits, make_server
from reference_impl.servers.git.work import Job, Workers
from tests.reference_impl.servers.git.world import ADA, BOB, commit, repository
from tests.reference_impl.servers.talking import Talk, talking

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("history")
    repo = repository(place / "one")
    for number in range(1, 31):
        who = BOB if number % 10 == 0 else ADA
        text = "with a needle\n" if 12 <= number < 20 else f"{number}\n"
        commit(repo, f"Change {number}\n\nFor reason {number}.", {"file.txt": text, f"dir/{number % 3}.txt": text}, who)
    return place


async def summaries(talk: Talk, tool: str, **query: Any) -> list[str]:
    return [item["summary"] for item in (await talk.call(tool, **query))["commits"]]


async def test_pages_follow_one_another_without_gap_or_repeat(root: Path) -> None:
    async with talking(make_server(root)) as talk:
        seen, cursor = [], {}
        while True:
            page = await talk.call("git_log", limit=7, **cursor)
            seen += [item["summary"] for item in page["commits"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
    assert seen == [f"Change {number}" for number in range(30, 0, -1)]


async def test_the_log_keeps_to_a_path_an_author_and_a_time(root: Path) -> None:
    async with talking(make_server(root)) as talk:
        assert await summaries(talk, "git_log", author="bob@") == ["Change 30", "Change 20", "Change 10"]
        assert await summaries(talk, "git_log", path="dir/2.txt", limit=3) == ["Change 29", "Change 26", "Change 23"]
        assert (await summaries(talk, "git_log", path="dir"))[:2] == ["Change 30", "Change 29"]
        newest = (await talk.call("git_log", limit=1))["commits"][0]["committer"]["date"]
        assert await summaries(talk, "git_log", since=newest) == ["Change 30"]
        assert len(await summaries(talk, "git_log", until="2023-11-15", limit=100)) == 9
        assert "is no date" in await talk.fails("git_log", since="yesterday")
        assert "cursor" in await talk.fails("git_log", cursor="30")


async def test_revisions_are_found_as_people_write_them(root: Path) -> None:
    async with talking(make_server(root)) as talk:
        whole = (await talk.call("git_log", ref="HEAD~2", limit=1))["commits"][0]
        for name in (
            whole["id"],
            whole["id"][:7],
            whole["id"].upper(),
            "main~2",
            "main^^",
            "HEAD^~1",
            "refs/heads/main~2",
        ):
            assert (await talk.call("git_log", ref=name, limit=1))["commits"][0] == whole
        assert "no branch, tag or commit" in await talk.fails("git_log", ref="mian")
        assert "further than the history" in await talk.fails("git_log", ref="HEAD~30")


async def test_a_search_finds_messages_in_any_case_and_changes_exactly(root: Path) -> None:
    async with talking(make_server(root)) as talk:
        assert await summaries(talk, "git_search", text="REASON 7") == ["Change 7"]
        found = (await talk.call("git_search", text="needle", where="changes", path="file.txt"))["commits"]
        assert [(item["summary"], item["paths"]) for item in found] == [
            ("Change 20", ["file.txt"]),
            ("Change 12", ["file.txt"]),
        ]
        assert await summaries(talk, "git_search", text="Needle", where="changes") == []


async def test_a_search_reports_progress(root: Path) -> None:
    heard: list[Progress] = []
    async with talking(make_server(root)) as talk:
        arguments = {"text": "nowhere", "where": "changes"}
        await talk.client.call_tool("git_search", arguments, CallOptions(on_progress=heard.append))
    assert heard
    assert "commits seen" in (heard[0].message or "")


async def test_a_search_without_time_gives_what_it_has_and_goes_on_from_there(root: Path) -> None:
    async with talking(make_server(root, limits=GitLimits(seconds=0))) as talk:
        assert "too long" in await talk.fails("git_search", text="needle", where="changes")
    async with talking(make_server(root)) as talk:
        start = (await talk.call("git_log", limit=1))["commits"][0]["id"]
        rest = await talk.call("git_search", text="needle", where="changes", path="file.txt", cursor=f"{start}:15")
        assert [item["summary"] for item in rest["commits"]] == ["Change 12"]
        assert rest["next"] is None


async def test_work_ends_soon_after_its_caller_left() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(job: Job) -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            while True:
                job.check()
        finally:
            loop.call_soon_threadsafe(ended.set)

    with anyio.fail_after(10):
        waiting = asyncio.ensure_future(Workers(GitLimits()).run(None, work))
        await begun.wait()
        waiting.cancel()
        await ended.wait()


async def test_more_calls_than_can_wait_are_refused() -> None:
    workers = Workers(GitLimits(threads=1, waiting=1))
    begun, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(job: Job) -> str:
        loop.call_soon_threadsafe(begun.set)
        while not stop.is_set():
            job.check()
        return "done"

    with anyio.fail_after(10):
        first, second = (asyncio.ensure_future(workers.run(None, work)) for _ in range(2))
        await begun.wait()
        with pytest.raises(Exception, match="Too many calls at once"):
            await workers.run(None, work)
        stop.set()
        assert [await first, await second] == ["done", "done"]
        assert await workers.run(None, work) == "done"
