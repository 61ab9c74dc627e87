"""The filesystem server as its clients see it: tools, roots, resources, prompts, completions, in both eras."""

from __future__ import annotations

import asyncio
import threading

import pytest

from reference_impl.client import CallOptions, ClientSettings, Filter, Handlers, RequestFailed, ResourceNotFound
from reference_impl.protocol.revisions import LATEST, REVISIONS
from reference_impl.server.errors import SetupError
from reference_impl.servers.filesystem import Limits, make_server
from reference_impl.servers.filesystem.job import AbandonedError, run
from reference_impl.servers.filesystem.roots import Roots
from tests.reference_impl.servers.filesystem.world import CANARY, canary, project
from tests.reference_impl.servers.talking import talking

pytestmark = pytest.mark.anyio
ERAS = {"modern": REVISIONS, "legacy": REVISIONS[:-1]}
READING = {
    "list_allowed_directories",
    "list_directory",
    "directory_tree",
    "get_file_info",
    "read_text_file",
    "read_media_file",
    "search_files",
    "search_text",
}
WRITING = {"write_file", "edit_file", "create_directory", "move_file", "delete_file"}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(params=list(ERAS))
def era(request):
    return request.param


@pytest.fixture
def root(tmp_path):
    return project(tmp_path)


def settings(era, roots=None, **more):
    async def answer(_):
        return {"roots": [{"uri": uri} for uri in roots]}

    handlers = Handlers() if roots is None else Handlers(roots=answer)
    return ClientSettings(revisions=ERAS[era], handlers=handlers, **more)


def test_without_write_nothing_that_writes_is_there(root):
    assert set(make_server([root]).tools) == READING
    assert set(make_server([root], write=True).tools) == READING | WRITING


def test_every_tool_tells_the_truth_about_itself(root):
    for name, tool in make_server([root], write=True).tools.items():
        hints = tool.wire["annotations"]
        assert hints["readOnlyHint"] is (name in READING)
        assert hints["openWorldHint"] is False
        assert tool.wire["outputSchema"]["type"] == "object"
        assert tool.wire["title"]
        if name in WRITING:
            assert hints["destructiveHint"] is (name != "create_directory")
            assert hints["idempotentHint"] is (name in ("write_file", "create_directory"))


@pytest.mark.parametrize("path", ["", "nowhere", "README.md", "a\0b"])
def test_what_is_no_directory_is_no_root(root, path):
    with pytest.raises(SetupError, match="is no directory"):
        make_server([root / path if path else ""])


def test_without_any_root_there_is_no_server():
    with pytest.raises(SetupError, match="name at least one"):
        make_server()


def test_two_servers_offer_the_same_in_the_same_order(root):
    assert make_server([root]).listing("tools", LATEST) == make_server([root]).listing("tools", LATEST)


async def test_a_session_from_looking_to_deleting(root, era):
    async with talking(make_server([root], write=True), settings(era)) as talk:
        assert (await talk.call("list_allowed_directories"))["directories"] == [str(root)]
        found = await talk.call("search_text", query="hello", include="*.py")
        assert found["results"] == [{"path": "src/main.py", "line": 3, "column": 8, "text": "print('hello')"}]
        text = await talk.client.call_tool("read_text_file", {"path": "src/main.py", "last_line": 1})
        assert text["content"][0]["text"] == text["structuredContent"]["text"] == "import os\n"
        assert "first_line=2" in text["content"][1]["text"]
        edits = [{"old_text": "hello", "new_text": "goodbye"}]
        assert (await talk.call("edit_file", path="src/main.py", edits=edits))["written"]
        assert "goodbye" in (root / "src" / "main.py").read_text()
        await talk.call("create_directory", path="old/things")
        await talk.call("move_file", source="README.md", destination="old/things/README.md")
        assert (await talk.call("delete_file", path="old", recursive=True))["count"] == 3
        assert "no such file" in await talk.fails("get_file_info", path="old")


async def test_arguments_that_do_not_fit_are_told(root):
    async with talking(make_server([root])) as talk:
        assert "limit" in await talk.fails("list_directory", limit=0)
        assert (await talk.call("list_directory", limit=3.0))["entries"][0]["name"] == "README.md"


async def test_no_answer_tells_of_places_outside(root, era, tmp_path):
    (root / "link").symlink_to(canary(tmp_path))
    async with talking(make_server([root], write=True), settings(era)) as talk:
        for path in ("link/secret.txt", "../project_evil/secret.txt", f"{root}_evil/secret.txt"):
            words = await talk.fails("read_text_file", path=path)
            assert CANARY not in words
            assert str(tmp_path / "project_evil") not in words.replace(path, "")


async def test_work_in_threads_reports_progress(root, era):
    heard = []
    async with talking(make_server([root]), settings(era)) as talk:
        options = CallOptions(on_progress=heard.append)
        await talk.client.call_tool("search_text", {"query": "hello"}, options)
    assert heard[0].message == "1 files searched, 1 lines found"


async def test_cancelled_work_ends_in_its_thread():
    begun, ended = threading.Event(), threading.Event()

    def work(job):
        begun.set()
        try:
            while True:
                job.step()
        except AbandonedError:
            ended.set()
            raise

    task = asyncio.create_task(run(work, 60))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 10)


# Roots of the client -----------------------------------------------------------------------------------


async def test_roots_of_the_client_count_where_the_server_has_none(root, era, tmp_path):
    server = make_server(client_roots=True)
    async with talking(server, settings(era, [root.as_uri(), "file:///not/there"])) as talk:
        assert (await talk.call("list_allowed_directories"))["directories"] == [str(root)]
        assert (await talk.call("read_text_file", path="README.md"))["text"].startswith("# Project")
        assert "outside the directories" in await talk.fails("list_directory", path=str(tmp_path))
        found = await talk.client.read_resource(f"file://{root}/README.md")
        assert found["contents"][0]["mimeType"] == "text/markdown"
        with pytest.raises(ResourceNotFound):
            await talk.client.read_resource((tmp_path / "x").as_uri())
        assert await talk.client.list_resources() == []


async def test_roots_of_the_client_leave_of_the_servers_what_is_in_both(root, era, tmp_path):
    (root / "link").symlink_to(canary(tmp_path))
    inside = [(root / "src").as_uri(), canary_uri(tmp_path), f"file://{root}/link"]
    async with talking(make_server([root], client_roots=True), settings(era, inside)) as talk:
        assert (await talk.call("list_allowed_directories"))["directories"] == [f"{root}/src", f"{root}/link"]
        assert (await talk.call("read_text_file", path=f"{root}/src/main.py"))["size"] > 0
        await talk.fails("read_text_file", path=f"{root}/README.md")
        assert "not a directory" in await talk.fails("read_text_file", path=f"{root}/link/secret.txt")
    async with talking(make_server([root], client_roots=True), settings(era, [tmp_path.as_uri()])) as talk:
        assert (await talk.call("list_allowed_directories"))["directories"] == [str(root)]


def canary_uri(folder):
    return (folder / "project_evil").as_uri()


def test_what_clients_call_roots_is_taken_for_no_more_than_it_is(root, tmp_path):
    outside = canary(tmp_path)
    named = [{"uri": uri} for uri in ("https://example.com/", f"file://{root}/../{outside.name}", "file://relative", 7)]
    named += [{"uri": f"{root.as_uri()}%00"}, {"uri": f"file://localhost{root}"}, {}, {"uri": outside.as_uri()}]
    assert Roots.of([root], asks=True)._admitted(named) == ()
    assert [found.path for found in Roots.of([], asks=True)._admitted(named)] == [str(outside)]


@pytest.mark.parametrize("roots", [[], ["file:///not/there"]])
async def test_without_a_root_nothing_can_be_used(era, roots):
    async with talking(make_server(client_roots=True), settings(era, roots)) as talk:
        for tool in ("list_allowed_directories", "list_directory"):
            assert "names no directory" in await talk.fails(tool)


async def test_a_client_that_knows_no_roots_can_use_nothing():
    async with talking(make_server(client_roots=True), settings("legacy")) as talk:
        assert "roots" in await talk.fails("list_directory")
    async with talking(make_server(client_roots=True), settings("modern")) as talk:
        with pytest.raises(RequestFailed) as refusal:
            await talk.client.call_tool("list_directory", {})
        assert refusal.value.data == {"requiredCapabilities": {"roots": {}}}


# Resources ---------------------------------------------------------------------------------------------


async def test_files_and_directories_are_resources(root, era):
    (root / "räum lich.txt").write_text("ä")
    (root / "data.bin").write_bytes(b"\0\1")
    async with talking(make_server([root]), settings(era)) as talk:
        known, *listed = await talk.client.list_resources()
        assert [item["name"] for item in listed] == ["README.md", "data.bin", "pixel.png", "räum lich.txt"]
        listing = (await talk.client.read_resource(known["uri"]))["contents"][0]
        assert listing["mimeType"] == "text/uri-list"
        uris = listing["text"].split()
        assert f"file://{root}/r%C3%A4um%20lich.txt" in uris
        bodies = [(await talk.client.read_resource(uri))["contents"][0] for uri in uris]
        assert [next(iter(body.keys() & {"text", "blob"})) for body in bodies] == [
            "text",
            "blob",
            "blob",
            "text",
            "text",
        ]
        assert bodies[3]["text"] == "ä"
        for uri in (f"file://{root}/nowhere", "file:///etc/passwd", f"file://{root}/%2e%2e/x", "file://README.md"):
            with pytest.raises(ResourceNotFound):
                await talk.client.read_resource(uri)


async def test_more_files_than_a_page_holds_are_listed_in_pages(root, era):
    for number in range(150):
        (root / f"{number:03}").touch()
    async with talking(make_server([root]), settings(era)) as talk:
        uris = [item["uri"] for item in await talk.client.list_resources()]
        assert len(uris) == len(set(uris)) == 153


async def test_listings_and_contents_of_resources_are_bounded(root):
    async with talking(make_server([root], limits=Limits(entries=2, media_bytes=20))) as talk:
        listing = (await talk.client.read_resource(root.as_uri()))["contents"][0]["text"]
        assert listing.split("\r\n")[2].startswith("# There are more")
        assert len(await talk.client.list_resources()) == 3
        with pytest.raises(RequestFailed, match="more than a resource may"):
            await talk.client.read_resource(f"{root.as_uri()}/src/main.py")


async def test_subscribers_are_told_of_changes_and_of_nothing_else(root, era):
    server = make_server([root], limits=Limits(watch_seconds=0.01))
    watcher = server.hub.on_subscribed.__self__
    readme, fresh = f"{root.as_uri()}/README.md", f"{root.as_uri()}/fresh.txt"
    async with talking(server, settings(era)) as talk:
        await talk.call("list_directory")
        assert watcher._task is None
        async with talk.client.listen(Filter(uris=(readme, fresh))) as news:
            (root / "pixel.png").write_bytes(b"")
            (root / "README.md").write_text("changed")
            assert (await anext(news)).params["uri"] == readme
            (root / "fresh.txt").touch()
            assert (await anext(news)).params["uri"] == fresh
            (root / "README.md").unlink()
            assert (await anext(news)).params["uri"] == readme
        task = watcher._task
        if task is not None:  # it sees that nobody listens any more, and ends
            await asyncio.wait_for(task, 10)
        assert watcher._task is None


async def test_who_hears_of_lists_is_told_when_files_come_and_go(root):
    server = make_server([root], write=True, limits=Limits(watch_seconds=0.01))
    async with talking(server) as talk:
        before = await talk.client.list_resources()
        async with talk.client.listen(Filter(resources=True)) as news:
            (root / "fresh.txt").touch()
            assert (await anext(news)).method == "notifications/resources/list_changed"
            assert len(await talk.client.list_resources()) == len(before) + 1
    heard = []
    async with talking(make_server([root], write=True), settings("legacy", on_notification=heard.append)) as talk:
        await talk.call("delete_file", path="fresh.txt")
        assert [message.method for message in heard] == ["notifications/resources/list_changed"]
        assert await talk.client.list_resources() == before


async def test_a_change_right_after_the_subscription_is_not_missed(root):
    server = make_server([root], limits=Limits(watch_seconds=0.01))
    uri = f"{root.as_uri()}/README.md"
    async with talking(server) as talk:
        for number in range(5):
            async with talk.client.listen(Filter(uris=(uri,))) as news:
                (root / "README.md").write_text(f"x{number}" * (number + 1))
                assert (await anext(news)).params["uri"] == uri


async def test_with_roots_of_the_client_a_file_is_watched_once_it_was_read(root, era):
    server = make_server(client_roots=True, limits=Limits(watch_seconds=0.01))
    uri = f"{root.as_uri()}/README.md"
    async with talking(server, settings(era, [root.as_uri()])) as talk:
        await talk.client.read_resource(uri)
        async with talk.client.listen(Filter(uris=(uri, "file:///etc/hostname"))) as news:
            assert set(server.hub.on_subscribed.__self__._signatures) == {uri}
            (root / "README.md").write_text("changed")
            assert (await anext(news)).params["uri"] == uri


async def test_with_roots_of_the_client_who_subscribes_first_and_reads_then_hears_of_changes(root):
    server = make_server(client_roots=True, limits=Limits(watch_seconds=0.01))
    uri = f"{root.as_uri()}/README.md"
    async with (
        talking(server, settings("legacy", [root.as_uri()])) as talk,
        talk.client.listen(Filter(uris=(uri,))) as news,
    ):
        await talk.client.read_resource(uri)
        (root / "README.md").write_text("changed")
        assert (await anext(news)).params["uri"] == uri


# Prompts and completions -------------------------------------------------------------------------------


async def test_prompts_bring_what_they_are_about(root, era):
    async with talking(make_server([root]), settings(era)) as talk:
        found = await talk.client.get_prompt("summarize_file", {"path": "src/main.py"})
        assert found["messages"][0]["content"]["resource"]["text"].startswith("import os")
        found = await talk.client.get_prompt("review_directory", {"path": "src", "focus": "style"})
        assert "deep/notes.txt" in found["messages"][0]["content"]["text"]
        assert "style" in found["messages"][0]["content"]["text"]
        for path, words in {"nowhere": "no such file", "../x": "must not contain"}.items():
            with pytest.raises(RequestFailed, match=words) as refusal:
                await talk.client.get_prompt("summarize_file", {"path": path})
            assert refusal.value.code == -32602


async def test_paths_are_completed(root, era):
    prompt, template = (
        {"type": "ref/prompt", "name": "summarize_file"},
        {"type": "ref/resource", "uri": "file://{+path}"},
    )

    async with talking(make_server([root]), settings(era)) as talk:

        async def completed(value, reference=prompt):
            return (await talk.client.complete(reference, "path", value))["completion"]["values"]

        assert await completed("s") == ["src/"]
        assert await completed("src/") == ["src/deep/", "src/main.py"]
        assert await completed("src/deep/n") == ["src/deep/notes.txt"]
        assert await completed("../") == await completed("/etc/pass") == await completed("a\0") == []
        assert await completed(f"{root}/R", template) == [f"{root}/README.md"]
        assert await completed(str(root)[:-2], template) == [str(root)]
        assert str(root) in await completed("")


async def test_other_requests_are_served_while_threads_search(root):
    for number in range(300):
        (root / f"{number}.txt").write_text("hello\n" * 100)
    async with talking(make_server([root])) as talk:
        searches = [
            asyncio.ensure_future(talk.call("search_text", query=f"nothing{number}", regex=True))
            for number in range(12)
        ]
        for _ in range(20):
            await talk.call("get_file_info", path="README.md")
        assert [found["end"] for found in await asyncio.gather(*searches)] == ["complete"] * 12


async def test_files_that_vanish_meanwhile_harm_nobody(root):
    over = threading.Event()

    def churn():
        while not over.is_set():
            (root / "src" / "x").mkdir()
            (root / "src" / "x" / "y").write_text("hello")
            (root / "src" / "x" / "y").unlink()
            (root / "src" / "x").rmdir()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        async with talking(make_server([root])) as talk:
            for _ in range(20):
                found = await talk.call("search_text", query="import os")
                assert [line["path"] for line in found["results"]] == ["src/main.py"]
                await talk.call("directory_tree")
                await talk.call("list_directory", path="src")
    finally:
        over.set()
        thread.join()
