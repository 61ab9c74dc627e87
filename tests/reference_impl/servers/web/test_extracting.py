"""Links, tables and metadata as data."""

import pytest

from tests.reference_impl.servers.talking import talking
from tests.reference_impl.servers.web.world import answer, moved, site, world

pytestmark = pytest.mark.anyio

LINKS = """
<nav><a href="/">Home</a></nav>
<a href="a?x=1&amp;y=2#part" rel="Nofollow external">A <b>link</b></a> <a href="a?x=1&amp;y=2">again</a>
<a href="HTTP://Other.Test:80/%7Ejoe">Other</a> <a href="mailto:x@y.test">mail</a> <a href="javascript:x()">run</a>
<a href="//x:y@evil.test/">user</a> <a name="anchor">no link</a> <a href="">empty</a>
<a href="/hidden" hidden>hidden</a>
<a href="/icon" aria-label="Icon"></a> <a href="http://[::1">broken</a>
"""


async def test_links_are_absolute_and_each_is_there_once():
    async with site({"/d/page": answer(LINKS)}) as here, talking(world()) as talk:
        found = await talk.call("extract_links", url=f"{here.url}/d/page")
        own = await talk.call("extract_links", url=f"{here.url}/d/page", same_site=True)
        first = await talk.call("extract_links", url=f"{here.url}/d/page", count=2)
        rest = await talk.call("extract_links", url=f"{here.url}/d/page", start=first["next"])
    assert found["links"] == [
        {"url": f"{here.url}/", "text": "Home"},
        {"url": f"{here.url}/d/a?x=1&y=2", "text": "A link", "rel": ["nofollow", "external"]},
        {"url": "http://other.test/~joe", "text": "Other"},
        {"url": f"{here.url}/icon", "text": "Icon"},
    ]
    assert [link["text"] for link in own["links"]] == ["Home", "A link", "Icon"]
    assert first["links"] + rest["links"] == found["links"]
    assert (first["total"], "next" in rest) == (4, False)


async def test_links_are_relative_to_where_a_redirect_led_and_to_the_base():
    pages = {
        "/a": moved("/deep/er/b"),
        "/deep/er/b": answer("<a href=c>c</a>"),
        "/x": answer("<base href=/y/><a href=c>c</a>"),
    }
    async with site(pages) as here, talking(world()) as talk:
        assert (await talk.call("extract_links", url=f"{here.url}/a"))["links"][0]["url"] == f"{here.url}/deep/er/c"
        assert (await talk.call("extract_links", url=f"{here.url}/x"))["links"][0]["url"] == f"{here.url}/y/c"


TABLES = """
<table><caption>Prices</caption><thead><tr><th>Thing<th>Price</thead>
<tbody><tr><td rowspan=2>Tea<td>1</tr><tr><td>2</tr><tr><td colspan=2>none</table>
<table role=presentation><tr><td>layout<td>x</table>
<table><tr><td><table><tr><td>inner<td>1</table></table>
<table hidden><tr><td>a<td>b</table>
<table><tr><td>1<tr><td>2<td>3<td>4</table>
"""


async def test_tables_are_rows_of_the_same_length_with_spans_filled_in():
    async with site({"/": answer(TABLES)}) as here, talking(world()) as talk:
        found = await talk.call("extract_tables", url=here.url)
        second = await talk.call("extract_tables", url=here.url, start=1, count=1)
        short = await talk.call("extract_tables", url=here.url, count=1, rows=1)
    assert found["tables"] == [
        {
            "caption": "Prices",
            "headings": ["Thing", "Price"],
            "rows": [["Tea", "1"], ["Tea", "2"], ["none", "none"]],
            "moreRows": False,
        },
        {"caption": "", "headings": [], "rows": [["inner", "1"]], "moreRows": False},
        {"caption": "", "headings": [], "rows": [["1", "", ""], ["2", "3", "4"]], "moreRows": False},
    ]
    assert (second["tables"], second["next"]) == (found["tables"][1:2], 2)
    assert (short["tables"][0]["rows"], short["tables"][0]["moreRows"]) == ([["Tea", "1"]], True)


async def test_a_table_cannot_grow_beyond_all_bounds():
    wide = "<table>" + "<tr><td colspan=99999 rowspan=99999>x<td>y" * 3000 + "</table>"
    async with site({"/": answer(wide)}) as here, talking(world()) as talk:
        table = (await talk.call("extract_tables", url=here.url, rows=2000))["tables"][0]
    assert len(table["rows"]) <= 2000
    assert {len(row) for row in table["rows"]} == {100}
    assert table["moreRows"]


META = """<html lang="de-CH"><head><title> A  title </title>
<meta name="Description" content="What it is"><meta name="author" content="Somebody">
<meta property="og:title" content="OG"><meta property="og:image" content="/i.png">
<meta property="og:title" content="later">
<link rel="canonical" href="/home"><link rel="alternate" hreflang="en" href="/en">
<link rel="alternate" type="application/rss+xml" href="/feed"><link rel="canonical" href="javascript:x">
<script type="application/ld+json">{"@type": "Article", "name": "x\\u202ey"}</script>
<script type="application/ld+json">[1, NaN]</script><script type="application/ld+json">{broken</script>
<script type="application/ld+json">{"a": "\\ud800"}</script>
</head></html>"""


async def test_metadata_is_what_the_page_says_about_itself():
    async with site({"/": answer(META)}) as here, talking(world()) as talk:
        found = await talk.call("extract_metadata", url=here.url)
    found.pop("notice")
    assert found == {
        "url": f"{here.url}/",
        "contentType": "text/html",
        "title": "A title",
        "description": "What it is",
        "language": "de-CH",
        "author": "Somebody",
        "canonical": f"{here.url}/home",
        "alternates": [{"language": "en", "url": f"{here.url}/en"}],
        "feeds": [f"{here.url}/feed"],
        "openGraph": {"title": "OG", "image": "/i.png"},
        "jsonLd": [{"@type": "Article", "name": "xy"}],
    }


async def test_what_is_no_web_page_has_neither():
    async with site({"/": answer("{}", kind="application/json")}) as here, talking(world()) as talk:
        for tool in ("extract_links", "extract_tables", "extract_metadata"):
            assert "is application/json and no web page" in await talk.fails(tool, url=here.url)
