"""robots.txt is obeyed by whatever fetches, and known before anything else is fetched."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.servers.web import Limits
from reference_impl.servers.web.robots import parse_robots
from tests.reference_impl.servers.talking import talking
from tests.reference_impl.servers.web.world import Clock, answer, moved, site, world

pytestmark = pytest.mark.anyio

FORBIDS = {
    "/robots.txt": answer("User-agent: *\nDisallow: /private\nAllow: /private/open", kind="text/plain"),
    "/private/x": answer("<p>secret"),
    "/private/open": answer("<p>open"),
    "/moved": moved("/private/x"),
    "/": answer('<a href="/private/x">x</a>'),
}


def robots(text: str, **more: str) -> dict[str, bytes]:
    return {"/robots.txt": answer(text, kind="text/plain", **more), "/": answer("<p>Page")}


@pytest.mark.parametrize(
    "path",
    ["/private/x", "/%70rivate/x", "/a/../private/x", "/a/%2e%2e/private/x", "/./private/x", "/private/x?q", "/moved"],
)
async def test_no_tool_fetches_what_is_forbidden_however_it_is_written(path):
    async with site(FORBIDS) as here, talking(world()) as talk:
        for tool in ("fetch_page", "extract_links", "extract_tables", "extract_metadata", "crawl_site"):
            assert "does not allow TouchstoneWeb" in await talk.fails(tool, url=here.url + path)
        assert (await talk.call("fetch_page", url=f"{here.url}/private/open"))["markdown"] == "open"
    assert {*here.asked} <= {"/robots.txt", "/private/open", "/moved"}


async def test_neither_prompts_nor_resources_fetch_what_is_forbidden():
    async with site(FORBIDS) as here, talking(world()) as talk:
        url = f"{here.url}/private/x"
        uri = f"web://page/{url.replace(':', '%3A').replace('/', '%2F')}"
        with pytest.raises(Exception, match="does not allow"):
            await talk.client.get_prompt("summarize_page", {"url": url})
        with pytest.raises(Exception, match="does not allow"):
            await talk.client.read_resource(uri)
    assert here.asked == ["/robots.txt"]


async def test_a_crawl_passes_over_what_is_forbidden_and_says_so():
    async with site(FORBIDS) as here, talking(world()) as talk:
        found = await talk.call("crawl_site", url=here.url)
    assert [page["url"] for page in found["pages"]] == [f"{here.url}/"]
    assert "does not allow" in found["skipped"][0]["reason"]
    assert "/private/x" not in here.asked


@pytest.mark.parametrize(
    ("file", "state", "fetched"),
    [
        (answer("", 404), "absent", True),
        (answer("", 401), "absent", True),
        (answer("", 403), "absent", True),
        (answer("", 410), "absent", True),
        (answer("", 429), "unreachable", False),
        (answer("", 500), "unreachable", False),
        (answer("", 503), "unreachable", False),
        (b"rubbish", "unreachable", False),
        (moved("/robots.txt"), "absent", True),
        (moved("file:///etc/passwd"), "unreachable", False),
        (answer("<html>Not found, says the site with 200", kind="text/html"), "found", True),
        (answer(b"\xff\x00\xfe rubbish", kind="image/png"), "found", True),
        (answer(""), "found", True),
    ],
)
async def test_what_cannot_be_known_is_forbidden_and_what_is_absent_allows_all(file, state, fetched):
    async with site({"/robots.txt": file, "/": answer("<p>Page")}) as here, talking(world()) as talk:
        told = await talk.call("check_robots", url=here.url)
        assert (told["state"], told["allowed"]) == (state, fetched)
        result = await talk.client.call_tool("fetch_page", {"url": here.url})
        assert bool(result.get("isError")) is not fetched
        assert here.asked.count("/") == fetched


async def test_rules_lie_where_a_redirect_says():
    async with site(robots("User-agent: *\nDisallow: /")) as other, site() as here, talking(world()) as talk:
        here.pages["/robots.txt"] = moved(f"{other.url}/robots.txt")
        assert "does not allow" in await talk.fails("fetch_page", url=here.url)


async def test_a_redirect_to_another_site_asks_for_its_rules():
    async with site(robots("User-agent: *\nDisallow: /")) as other:
        async with site({"/": moved(f"{other.url}/")}) as here, talking(world()) as talk:
            assert "does not allow" in await talk.fails("fetch_page", url=here.url)
        assert other.asked == ["/robots.txt"]


@pytest.mark.parametrize(
    ("fields", "seconds", "fetches"),
    [
        ({}, 3599, 1),
        ({}, 3601, 2),
        ({"cache_control": "max-age=9999999"}, 86_399, 1),
        ({"cache_control": "max-age=9999999"}, 86_401, 2),
        ({"cache_control": "no-store"}, 59, 1),
        ({"cache_control": "no-store"}, 61, 2),
    ],
)
async def test_rules_are_kept_for_a_while_and_a_day_at_the_most(fields, seconds, fetches):
    clock = Clock()
    async with site(robots("", **fields)) as here, talking(world(clock=clock)) as talk:
        await talk.call("fetch_page", url=here.url)
        clock.now += seconds
        await talk.call("fetch_page", url=here.url)
    assert here.asked.count("/robots.txt") == fetches


async def test_a_failure_to_get_rules_is_not_held_against_a_site_for_long():
    clock = Clock()
    async with (
        site({"/robots.txt": answer("", 503), "/": answer("<p>Page")}) as here,
        talking(world(clock=clock)) as talk,
    ):
        await talk.fails("fetch_page", url=here.url)
        here.pages["/robots.txt"] = answer("", 404)
        await talk.fails("fetch_page", url=here.url)
        clock.now += 61
        await talk.call("fetch_page", url=here.url)
    assert here.asked.count("/robots.txt") == 2


async def test_requests_are_as_far_apart_as_the_site_wants():
    clock = Clock()
    pages = robots("User-agent: *\nCrawl-delay: 7") | {"/b": answer("b"), "/c": answer("c")}
    async with site(pages) as here, talking(world(clock=clock)) as talk:
        for target in ("/", "/b", "/c"):
            await talk.call("fetch_page", url=here.url + target)
    assert clock.waits == [7, 7]


async def test_a_delay_beyond_all_patience_is_told_and_not_waited_for():
    clock = Clock()
    pages = robots("User-agent: *\nCrawl-delay: 3600") | {"/b": answer("b")}
    async with site(pages) as here, talking(world(clock=clock)) as talk:
        await talk.call("fetch_page", url=here.url)
        assert "wants 3600 s between requests: try again in 3600 s" in await talk.fails(
            "fetch_page", url=f"{here.url}/b"
        )
        clock.now += 3600
        await talk.call("fetch_page", url=f"{here.url}/b")
    assert clock.waits == []


async def test_a_crawl_keeps_its_own_distance_where_the_site_wants_none():
    clock = Clock()
    pages = robots("") | {"/": answer("<a href=/a>a</a><a href=/b>b</a>"), "/a": answer("a"), "/b": answer("b")}
    limits = Limits(crawl_delay=0.25)
    async with site(pages) as here, talking(world(clock=clock, limits=limits)) as talk:
        await talk.call("crawl_site", url=here.url)
    assert clock.waits == [0.25, 0.25]


@pytest.mark.parametrize(
    ("text", "target", "allowed"),
    [
        ("User-agent: *\nDisallow:", "/x", True),
        ("User-agent: *\nDisallow: /", "/x", False),
        ("Disallow: /", "/x", True),
        ("User-agent: other\nDisallow: /", "/x", True),
        ("User-agent: Robot\nAllow: /\n\nUser-agent: *\nDisallow: /", "/x", True),
        ("User-agent: robot/2.0\nDisallow: /", "/x", False),
        ("User-agent: robots\nDisallow: /", "/x", True),
        ("User-agent: a\nUser-agent: robot\nUser-agent: b\nDisallow: /", "/x", False),
        (
            "User-agent: robot\nDisallow: /a\n\nUser-agent: b\nDisallow: /\n\nUser-agent: robot\nDisallow: /x",
            "/x",
            False,
        ),
        ("User-agent: robot\nSitemap: /s\nDisallow: /x", "/x", False),
        ("User-agent: *\nDisallow: /x\nUser-agent: robot", "/x", True),
        ("\ufeffuser-agent : *  # all\r\ndisallow: /x # not this\r\n", "/x", False),
        ("User-agent: *\nDisallow: /a*b", "/axxb", False),
        ("User-agent: *\nDisallow: /a*b$", "/axxbc", True),
        ("User-agent: *\nDisallow: /*.php$", "/x.php", False),
        ("User-agent: *\nDisallow: /*.php$", "/x.php?a", True),
        ("User-agent: *\nDisallow: *", "/x", False),
        ("User-agent: *\nDisallow: /$", "/", False),
        ("User-agent: *\nDisallow: /$", "/x", True),
        ("User-agent: *\nDisallow: /x\nAllow: /x", "/x", True),
        ("User-agent: *\nAllow: /x/y\nDisallow: /x", "/x/y/z", True),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/caf%c3%a9", False),
        ("User-agent: *\nDisallow: /café", "/caf%C3%A9", False),
        ("User-agent: *\nDisallow: /a%2Fb", "/a/b", True),
        ("User-agent: *\nDisallow: /a%2fb", "/a%2Fb", False),
        ("User-agent: *\nDisallow: /?q=", "/?q=1", False),
        ("User-agent: *\nDisallow: x", "/x", True),
        ("User-agent: *\nDisallow: /a%2Ab", "/a*b", False),
        ("User-agent: *\nDisallow: /a%2Ab", "/axb", True),
        ("User-agent: *\nDisallow: /a%24", "/a$", False),
        ("User-agent: *\nDisallow: /a$b", "/a$b", False),
        ("User-agent: *\nDisallow: /a$", "/a$", True),
        ("User-agent: *\nDisallow: /100%", "/100%25", False),
    ],
)
def test_rules_are_read_as_the_standard_says(text, target, allowed):
    assert parse_robots(text, "Robot").allows(target) is allowed


@given(
    st.text(st.sampled_from("UuserAgent-: *$/dislow\r\n#%2Fx\0\ufeff"), max_size=200), st.text("/ax%2F*$?", max_size=20)
)
@settings(max_examples=200, derandomize=True, deadline=None)
def test_no_file_breaks_the_reader(text, target):
    parse_robots(text, "Robot").allows("/" + target)
    parse_robots(f"User-agent: *\n{text}", "Robot").allows("/" + target)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"User-agent: a{number}\n" for number in range(20_000)) + "Disallow: /x\n" * 15_000,
        "User-agent: *\nDisallow: /" + "a*" * 200_000 + "\n",
        "User-agent: *\n" + "Disallow: /*a*a*a*a*a*a*b\n" * 15_000,
        "User-agent: *\n" + "Crawl-delay: 9\n" * 30_000,
        "*" * 500_000,
        "User-agent:" * 40_000,
    ],
    ids=["agents times rules", "stars", "rules of stars", "delays", "no line", "one line"],
)
@pytest.mark.timeout(20)
def test_what_a_hostile_file_costs_grows_with_its_length(text):
    assert parse_robots(text, "Robot").allows("/" + "a" * 4000)
