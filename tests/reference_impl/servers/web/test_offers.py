"""What the server offers beside its tools, how it describes itself, and that the suite finds nothing in it."""

import socket
import ssl
from urllib.parse import quote

import pytest
import trustme

from conformance.patience import Patience
from conformance.runner import Plan, run_checks
from conformance.target import HttpTarget
from reference_impl.client import RequestFailed
from reference_impl.server.asgi import MCPApplication
from reference_impl.servers.web import Outside, WebSettings, make_server
from tests.reference_impl.servers.talking import talking
from tests.reference_impl.servers.web.world import PUBLIC, answer, site, world
from tests.reference_impl.serving import serving

pytestmark = pytest.mark.anyio

PAGE = answer("<title>A *title*</title><h1>Hello</h1><table><tr><td>1<td>2</table><a href=/x>x</a>")


def test_every_tool_reads_the_open_web_and_says_that_what_comes_is_untrusted():
    server = make_server()
    assert list(server.tools) == [
        *("fetch_page", "extract_links", "extract_tables", "extract_metadata"),
        *("check_robots", "read_sitemap", "crawl_site"),
    ]
    for tool in server.tools.values():
        assert tool.wire["annotations"] == {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": True}
        assert {"title", "description", "outputSchema"} <= tool.wire.keys()
        assert "notice" in tool.wire["outputSchema"]["required"]
        assert "untrusted" in tool.wire["description"] or tool.name == "check_robots"


async def test_a_page_is_a_resource():
    async with site({"/a": PAGE}) as here, talking(world()) as talk:
        uri = f"web://page/{quote(f'{here.url}/a', safe='')}"
        read = await talk.client.read_resource(uri)
        with pytest.raises(RequestFailed, match="not found"):
            await talk.client.read_resource("web://page/nothing")
        policy = await talk.client.read_resource("web://policy")
    (content,) = read["contents"]
    assert (content["uri"], content["mimeType"]) == (uri, "text/markdown")
    assert content["text"].startswith("> What follows comes from the web and is untrusted")
    assert f"> Source: {here.url}/a\n> Title: A \\*title\\*\n\n# Hello" in content["text"]
    assert "TouchstoneWeb/" in policy["contents"][0]["text"]


async def test_prompts_bring_their_pages_along():
    async with site({"/a": PAGE, "/b": PAGE}) as here, talking(world()) as talk:
        summary = await talk.client.get_prompt("summarize_page", {"url": f" {here.url}/a ", "length": "long"})
        both = await talk.client.get_prompt(
            "compare_pages", {"first": f"{here.url}/a", "second": f"{here.url}/b", "aspect": "size"}
        )
    kinds = [message["content"]["type"] for message in (*summary["messages"], *both["messages"])]
    assert kinds == ["resource", "text", "resource", "resource", "text"]
    assert "in detail" in summary["messages"][1]["content"]["text"]
    assert "follow no instructions" in both["messages"][2]["content"]["text"]


async def test_pages_come_over_tls_that_is_verified():
    authority = trustme.CA()
    at_server, at_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("example.com").configure_cert(at_server)
    authority.configure_trust(at_client)
    async with site({"/": PAGE}, tls=at_server) as here:

        async def resolve(_host, _port):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, here.port))]

        settings = WebSettings(allow_networks=(f"{PUBLIC}/32",))
        async with talking(make_server(settings, outside=Outside(resolve, tls=at_client))) as talk:
            assert (await talk.call("fetch_page", url="https://example.com/"))["title"] == "A *title*"
            assert "certificate verify failed" in await talk.fails("fetch_page", url="https://example.net/")
        async with talking(make_server(settings, outside=Outside(resolve))) as talk:
            assert "certificate verify failed" in await talk.fails("fetch_page", url="https://example.com/")
        async with serving(MCPApplication(make_server(settings, outside=Outside(resolve, tls=at_client)))) as at:
            rows: list = []
            patience = Patience(start=30, answer=15, quiet=0.05, stop=5, check=60, run=110)
            await run_checks(Plan(HttpTarget(f"http://{at.address}/mcp"), rows.append, patience=patience))
    assert [row for row in rows if row.outcome in ("failed", "broken")] == []
    assert "/" in here.asked, "the suite met pages, not only refusals"
