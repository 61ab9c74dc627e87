"""Nothing but the public web is reached: whatever a URL, a name, a redirect or a robots.txt says."""

import socket
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reference_impl.server.errors import SetupError
from reference_impl.servers.web import WebSettings, make_server
from reference_impl.servers.web.errors import Refused
from reference_impl.servers.web.exchange import Asker, Wanted
from reference_impl.servers.web.reach import Reach
from reference_impl.servers.web.settings import Outside
from reference_impl.servers.web.urls import WebUrl
from tests.reference_impl.servers.talking import talking
from tests.reference_impl.servers.web.world import PRIVATE, PUBLIC, Names, answer, moved, site, world

pytestmark = pytest.mark.anyio

NOT_PUBLIC = "is not in the public web"
OTHER_WAYS_TO_WRITE_LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "127.0.0.1.",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "\u2460\u2461\u2466.0.0.1",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127\u30020\u30020\u30021",
]


@asynccontextmanager
async def canary():
    """A site on this machine that nobody may reach."""
    async with site({}, PRIVATE) as bird:
        yield bird
    assert bird.asked == []
    assert bird.heads == []


@pytest.mark.parametrize("host", OTHER_WAYS_TO_WRITE_LOOPBACK)
async def test_this_machine_is_not_reached_however_it_is_written(host):
    async with canary() as bird, talking(make_server()) as talk:
        words = await talk.fails("fetch_page", url=f"http://{host}:{bird.port}/")
    assert NOT_PUBLIC in words or "no connection" in words or "malformed" in words or "no valid name" in words


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://127.0.0.1:6379/_INFO",
        "data:text/html,x",
        "javascript:alert(1)",
        "//127.0.0.1/",
        "/etc/passwd",
        "http:127.0.0.1",
        "http:///127.0.0.1/",
        "http://",
        "http://user@127.0.0.1/",
        "http://example.org@127.0.0.1/",
        "http://example.org:80@127.0.0.1/",
        "http://127.0.0.1\\@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://127.0.0.1%00.example.org/",
        "http://%31%32%37.0.0.1/",
        "http://[::1%25lo]/",
        "http://[::1]evil/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://exa mple.org/",
        "http://example.org/\r\nX: 1",
        "http://example..org/",
        "http://" + "a" * 300 + ".org/",
        "http://example.org/" + "a" * 5000,
        "\ud800http://example.org/",
        "",
    ],
)
async def test_what_is_no_plain_web_address_is_refused_before_anything_is_asked(url):
    names = Names()
    with pytest.raises(Refused):
        WebUrl.of(url)
    async with talking(world(names)) as talk:
        for tool in ("fetch_page", "extract_links", "crawl_site", "read_sitemap", "check_robots"):
            result = await talk.client.call_tool(tool, {"url": url.encode("utf-8", "replace").decode()})
            assert result["isError"]
    assert names.asked == []


@pytest.mark.parametrize("port", [22, 25, 21, 993, 6379, 5432, 11211, 27017])
async def test_ports_of_other_services_are_refused(port):
    names = Names()
    async with talking(world(names)) as talk:
        assert f"port {port}" in await talk.fails("fetch_page", url=f"http://example.org:{port}/")
    assert names.asked == []


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
        *("192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
        *("::1", "::", "fc00::1", "fe80::1", "ff02::1", "2001:db8::1", "3fff::1", "fec0::1", "::ffff:10.0.0.1"),
        *("64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "2001:0:a00:1::1", "::10.0.0.1", "100::1", "5f00::1"),
    ],
)
async def test_an_innocent_name_of_an_address_that_is_not_public_is_refused(address):
    names = Names({"innocent.test": [[address]]})
    async with talking(world(names)) as talk:
        words = await talk.fails("fetch_page", url="http://innocent.test/")
    assert NOT_PUBLIC in words
    assert address not in words, "what a name stands for inside is nobody's business"
    assert names.asked == ["innocent.test"]


async def test_a_name_that_changes_its_address_is_judged_each_time_and_never_asked_again_in_between():
    async with canary() as bird, site({"/": answer("<p>Public")}) as here:
        names = Names({"rebinding.test": [[PUBLIC], [PRIVATE]]})
        async with talking(world(names)) as talk:
            words = await talk.fails("fetch_page", url=f"http://rebinding.test:{here.port}/")
        assert here.asked == ["/robots.txt"]
        assert NOT_PUBLIC in words
        assert names.asked == ["rebinding.test", "rebinding.test"], "one question for each connection"
    assert bird.asked == []


async def test_of_several_addresses_of_a_name_only_the_public_ones_are_tried():
    async with site({"/": answer("<p>Public")}) as here, site({}, PRIVATE) as bird:
        names = Names({"both.test": [[PRIVATE, PUBLIC]]})
        async with talking(world(names)) as talk:
            assert (await talk.call("fetch_page", url=f"http://both.test:{here.port}/"))["markdown"] == "Public"
            await talk.fails("fetch_page", url=f"http://both.test:{bird.port}/")
        assert bird.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "inner.test"])
async def test_no_redirect_leads_to_this_machine(host, status):
    names = Names({"inner.test": [[PRIVATE]], "localhost": [["::1", PRIVATE]]})
    async with canary() as bird, site() as here, talking(world(names)) as talk:
        here.pages["/"] = moved(f"http://{host}:{bird.port}/secret", status)
        assert NOT_PUBLIC in await talk.fails("fetch_page", url=here.url)


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "http://user:password@{bird}/", "gopher://{bird}/", "http://{bird}\\@x/", "//{bird}/x"]
)
async def test_no_redirect_leads_out_of_the_web(to):
    async with canary() as bird, site() as here, talking(world()) as talk:
        here.pages["/"] = moved(to.format(bird=f"{PRIVATE}:{bird.port}"))
        words = await talk.fails("fetch_page", url=here.url)
    assert "nothing is fetched" in words or NOT_PUBLIC in words
    assert "password" not in words


async def test_neither_robots_txt_nor_sitemaps_lead_to_this_machine():
    async with canary() as bird, site() as here, talking(world()) as talk:
        inner = f"http://{PRIVATE}:{bird.port}"
        here.pages["/robots.txt"] = moved(f"{inner}/robots.txt")
        assert "cannot be known" in await talk.fails("fetch_page", url=here.url)
        async with site() as other:
            index = f"<sitemapindex><sitemap><loc>{inner}/s.xml</loc></sitemap></sitemapindex>"
            robots = f"Sitemap: {inner}/a.xml\nSitemap: {other.url}/b.xml"
            other.pages |= {"/robots.txt": answer(robots, kind="text/plain"), "/b.xml": answer(index, kind="text/xml")}
            assert (await talk.call("read_sitemap", url=other.url))["pages"] == []


async def test_neither_prompts_nor_resources_are_a_way_around():
    async with canary() as bird, talking(make_server()) as talk:
        url = f"http://{PRIVATE}:{bird.port}/"
        for ask in (
            lambda: talk.client.get_prompt("summarize_page", {"url": url}),
            lambda: talk.client.get_prompt("compare_pages", {"first": url, "second": url}),
            lambda: talk.client.read_resource(f"web://page/http%3A%2F%2F{PRIVATE}%3A{bird.port}%2F"),
        ):
            with pytest.raises(Exception, match=NOT_PUBLIC):
                await ask()


async def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    async with site() as proxy, site({"/": answer("<p>Straight")}) as here:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with talking(world()) as talk:
            assert (await talk.call("fetch_page", url=here.url))["markdown"] == "Straight"
        assert proxy.asked == []


async def test_a_host_is_allowed_by_name_and_port():
    async with canary() as bird, site({"/": answer("<p>Intranet")}, PRIVATE) as here:
        names = Names({"wiki.test": [[PRIVATE]], "other.test": [[PRIVATE]]})
        server = world(names, allow_hosts=(f"wiki.test:{here.port}",), allow_networks=())
        async with talking(server) as talk:
            assert (await talk.call("fetch_page", url=f"http://wiki.test:{here.port}/"))["markdown"] == "Intranet"
            for url in (f"http://wiki.test:{bird.port}/", f"http://other.test:{here.port}/", here.url):
                assert NOT_PUBLIC in await talk.fails("fetch_page", url=url)


async def test_a_server_can_be_confined_to_some_hosts():
    async with site({"/": answer("<p>Here"), "/out": moved("http://elsewhere.test/")}) as here:
        names = Names({"a.docs.test": [[PUBLIC]], "elsewhere.test": [[PUBLIC]], "xdocs.test": [[PUBLIC]]})
        async with talking(world(names, only_hosts=(".docs.test",))) as talk:
            assert (await talk.call("fetch_page", url=f"http://a.docs.test:{here.port}/"))["markdown"] == "Here"
            for url in (
                "http://elsewhere.test/",
                f"http://a.docs.test:{here.port}/out",
                "http://xdocs.test/",
                here.url,
            ):
                assert "not among the hosts" in await talk.fails("fetch_page", url=url)
    assert set(names.asked) == {"a.docs.test"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"allow_networks": ("10.0.0.1/8",)},
        {"allow_networks": ("everything",)},
        {"allow_hosts": ("http://x/",)},
        {"allow_hosts": ("a b",)},
        {"allow_hosts": ("host:port",)},
        {"only_hosts": ("",)},
        {"only_hosts": ("a/b",)},
    ],
)
def test_a_list_that_makes_no_sense_is_refused_at_once(wrong):
    with pytest.raises(SetupError):
        make_server(WebSettings(**wrong))


@pytest.mark.parametrize("host", ["[::1]", "::1", "[::1]:8080", "wiki", "wiki:8080", ".example.org", "10.0.0.1:80"])
def test_hosts_are_written_as_usual(host):
    reach = Reach(WebSettings(only_hosts=(host,)))
    reach.check(WebUrl.of(f"http://{'x' if host[0] == '.' else ''}{f'[{host}]' if host == '::1' else host}/"))


HOSTS = st.one_of(
    st.sampled_from(OTHER_WAYS_TO_WRITE_LOOPBACK),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda at: f"[{at}]"),
    st.ip_addresses(v=4, network="127.0.0.0/8").map(lambda at: str(int(at))),
    st.ip_addresses(v=4, network="127.0.0.0/8").map(lambda at: hex(int(at))),
    st.ip_addresses(v=4, network="127.0.0.0/8").map(lambda at: f"[::ffff:{at}]"),
    st.ip_addresses(v=4, network="127.0.0.0/8").map(lambda at: f"[::{at}]"),
    st.text(st.sampled_from("0127.:x[]@/\\#?%afF\u3002\uff11 \t"), min_size=1, max_size=20),
)
PIECES = st.text(st.sampled_from("@:/\\#?%.[]"), max_size=4)


@given(
    scheme=st.sampled_from(["http://", "HTTP://", "https://", "http:/", "http:\\\\", "//"]),
    a=PIECES,
    host=HOSTS,
    b=PIECES,
)
@example(scheme="http://", a="x@", host="127.0.0.1", b="")
@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_url_leads_to_this_machine(anyio_backend, scheme, a, host, b):
    """No connection is made to an address of this machine, whatever the URL: the resolver hands out what the system
    makes of the host, without asking anybody, and only addresses of loopback are ever dialled."""
    import anyio

    anyio.run(_tried, f"{scheme}{a}{host}", b)


async def _tried(front: str, back: str) -> None:
    dialled: list[str] = []

    async def resolve(host, port):
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        dialled.extend(row[4][0] for row in rows)
        return rows

    async with canary() as bird:
        try:
            url = WebUrl.of(f"{front}:{bird.port}{back}")
        except Refused:
            return
        gate = Reach(WebSettings()).gate(url)
        try:
            rows = await resolve(url.host, url.port)
        except OSError:
            return
        if any(gate(row[4][0]) for row in rows):
            assert not any(row[4][0].startswith(("127.", "::1", "::ffff:127")) for row in rows)
            return  # an address of the public web, which is not dialled here
        with pytest.raises(Refused, match=NOT_PUBLIC):
            await Asker(Reach(WebSettings()), Outside(resolve), "Test").ask(url, Wanted("*/*", 100))
