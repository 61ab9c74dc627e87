"""Whole sites: what their sitemaps list, and what their links lead to."""

import gzip

import anyio
import pytest

from reference_impl.client import CallOptions
from reference_impl.servers.web import Limits
from tests.reference_impl.servers.talking import talking
from tests.reference_impl.servers.web.world import PUBLIC, Clock, Names, answer, moved, site, world

pytestmark = pytest.mark.anyio


def urlset(*pages: str) -> str:
    entries = "".join(f"<url><loc> {page} </loc><lastmod>2026-11-01</lastmod></url>" for page in pages)
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'


def index(*files: str) -> str:
    return f"<sitemapindex>{''.join(f'<sitemap><loc>{file}</loc></sitemap>' for file in files)}</sitemapindex>"


async def test_the_sitemaps_that_robots_txt_names_are_read_with_their_indexes():
    async with site() as here, talking(world()) as talk:
        here.pages |= {
            "/robots.txt": answer(f"Sitemap: {here.url}/index.xml\nSitemap: http://elsewhere.test/s.xml"),
            "/index.xml": answer(
                index(f"{here.url}/a.xml", f"{here.url}/b.xml.gz", f"{here.url}/index.xml"), kind="text/xml"
            ),
            "/a.xml": answer(
                urlset(f"{here.url}/1?a=b&amp;c=d", f"{here.url}/2", "http://elsewhere.test/x"), kind="text/xml"
            ),
            "/b.xml.gz": answer(gzip.compress(urlset(f"{here.url}/3").encode()), kind="application/x-gzip"),
        }
        found = await talk.call("read_sitemap", url=f"{here.url}/some/page")
    assert [page["url"] for page in found["pages"]] == [f"{here.url}/1?a=b&c=d", f"{here.url}/2", f"{here.url}/3"]
    assert found["pages"][0]["lastModified"] == "2026-11-01"
    assert found["files"] == [f"{here.url}/{name}" for name in ("index.xml", "a.xml", "b.xml.gz")]
    assert (found["failed"], found["truncated"]) == ([], False)


ENTITIES = """<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY f SYSTEM "file:///etc/passwd">]><urlset>
<url><loc>{}/1</loc></url><url><loc>&f;</loc></url><url><loc><![CDATA[{}/2]]></loc></url></urlset>"""


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", "{}/1\nnot a url\n{}/2\n"),
        ("application/xml", "<urlset><url><image:loc>{}/i.png</image:loc><loc>{}/1</loc></url><url><loc>{}/2"),
        ("text/xml", ENTITIES),
    ],
)
async def test_a_sitemap_of_any_make_is_read_as_far_as_it_goes(kind, body):
    async with site() as here, talking(world()) as talk:
        here.pages["/sitemap.xml"] = answer(body.replace("{}", here.url) + "</loc></url>", kind=kind)
        found = await talk.call("read_sitemap", url=here.url)
    assert [page["url"] for page in found["pages"]] == [f"{here.url}/1", f"{here.url}/2"]


async def test_sitemaps_that_lead_on_for_ever_are_left_in_time():
    pages = {f"/{number}.xml": index(f"/{number + 1}.xml") for number in range(50)}
    async with site() as here, talking(world()) as talk:
        here.pages |= {
            at: answer(text.replace("<loc>", f"<loc>{here.url}"), kind="text/xml") for at, text in pages.items()
        }
        found = await talk.call("read_sitemap", url=f"{here.url}/0.xml")
    assert (len(found["files"]), found["truncated"]) == (20, True)


async def test_a_site_may_list_its_pages_under_its_name_with_www_or_without():
    names = Names({"shop.test": [[PUBLIC]], "www.shop.test": [[PUBLIC]]})
    async with site() as here, talking(world(names)) as talk:
        www = f"http://www.shop.test:{here.port}"
        here.pages |= {
            "/robots.txt": answer(f"Sitemap: {www}/s.xml"),
            "/s.xml": answer(
                urlset(f"{www}/1", f"http://shop.test:{here.port}/2", f"{www}.evil.test/3"), kind="text/xml"
            ),
        }
        found = await talk.call("read_sitemap", url=f"http://shop.test:{here.port}/")
    assert [page["url"] for page in found["pages"]] == [f"{www}/1", f"http://shop.test:{here.port}/2"]


async def test_a_packed_sitemap_is_bounded_too():
    limits = Limits(most_bytes=50_000)
    async with site() as here, talking(world(limits=limits)) as talk:
        bomb = gzip.compress(urlset(*(f"{here.url}/{number}" for number in range(5000))).encode())
        here.pages["/sitemap.xml"] = answer(bomb, kind="application/gzip")
        found = await talk.call("read_sitemap", url=here.url)
        here.pages["/damaged.xml"] = answer(b"\x1f\x8b" + b"rubbish" * 9, kind="application/gzip")
        assert "damaged" in await talk.fails("read_sitemap", url=f"{here.url}/damaged.xml")
    assert (found["truncated"], 0 < found["total"] < 5000) == (True, True)


async def test_a_site_without_sitemap_says_so():
    async with site({"/sitemap.xml": answer("<html>not found", kind="text/html")}) as here, talking(world()) as talk:
        assert "is a page and no sitemap" in await talk.fails("read_sitemap", url=here.url)


def linked(*to: str) -> bytes:
    return answer("<title>T</title>" + "".join(f"<a href='{at}'>{at}</a>" for at in to))


TREE = {
    "/": linked("/a", "/b#x", "/b", "http://elsewhere.test/", "/file.pdf", "/gone", "/"),
    "/a": linked("/a/a", "/b"),
    "/b": moved("/a"),
    "/a/a": linked("/a/a/a"),
    "/a/a/a": linked("/deep"),
}


async def test_a_crawl_goes_from_page_to_page_and_stays_on_the_site():
    async with site(TREE) as here, talking(world()) as talk:
        found = await talk.call("crawl_site", url=here.url, depth=2)
    assert [(page["url"], page["depth"]) for page in found["pages"]] == [
        (f"{here.url}/", 0),
        (f"{here.url}/a", 1),
        (f"{here.url}/a/a", 2),
    ]
    assert [row["url"] for row in found["skipped"]] == [f"{here.url}/b", f"{here.url}/gone"]
    assert (found["ended"], found["waiting"]) == ("done", 0)
    assert found["pages"][0] | {"sample": ""} == {"url": f"{here.url}/", "title": "T", "depth": 0, "sample": ""}


async def test_a_crawl_ends_at_its_bounds():
    endless = {f"/{number}": linked(f"/{number + 1}", f"/x{number}") for number in range(100)}
    clock = Clock()
    async with site(endless) as here, talking(world(clock=clock, limits=Limits(crawl_delay=1))) as talk:
        few = await talk.call("crawl_site", url=f"{here.url}/0", pages=3, depth=10)
        assert (len(few["pages"]), few["ended"]) == (3, "pages")
        assert few["waiting"] > 0
        brief = await talk.call("crawl_site", url=f"{here.url}/20", pages=50, depth=10, seconds=4.5)
        assert brief["ended"] == "time"
        assert len(brief["pages"]) < 6
        assert "isError" in await talk.client.call_tool("crawl_site", {"url": here.url, "pages": 100_000})


async def test_a_crawl_reports_progress():
    said: list[tuple[float, str]] = []
    options = CallOptions(on_progress=lambda progress: said.append((progress.progress, progress.message)))
    async with site(TREE) as here, talking(world()) as talk:
        await talk.client.call_tool("crawl_site", {"url": here.url, "depth": 1}, options)
    assert said == [(1, f"Read {here.url}/"), (2, f"Read {here.url}/a")]


async def test_a_crawl_that_is_cancelled_asks_for_nothing_more():
    gate = anyio.Event()

    async def slow(_reader, _writer):
        await gate.wait()

    async with site(TREE | {"/a": slow}) as here, talking(world()) as talk:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(talk.client.call_tool, "crawl_site", {"url": here.url})
            await here.until_asked("/a")
            tasks.cancel_scope.cancel()
        gate.set()
        await talk.call("check_robots", url=here.url)
    assert here.asked == ["/robots.txt", "/", "/a"]


async def test_a_site_that_lives_under_another_name_is_crawled_there():
    names = Names({"old.test": [[PUBLIC]], "www.test": [[PUBLIC]]})
    async with site() as here, talking(world(names)) as talk:
        new = f"http://www.test:{here.port}"
        here.pages |= {
            "/": moved(f"{new}/home"),
            "/home": linked("/x", f"http://old.test:{here.port}/y"),
            "/x": linked(),
        }
        found = await talk.call("crawl_site", url=f"http://old.test:{here.port}/")
    assert [page["url"] for page in found["pages"]] == [f"{new}/home", f"{new}/x"]


@pytest.mark.parametrize(
    "page", ['<meta name=robots content="noindex, NoFollow"><a href=/a>a</a>', "<a href=/a rel=nofollow>a</a>"]
)
async def test_links_that_robots_are_not_to_follow_are_not_followed(page):
    async with site({"/": answer(page), "/a": linked()}) as here, talking(world()) as talk:
        assert len((await talk.call("crawl_site", url=here.url))["pages"]) == 1
