"""HTML as Markdown: what a reader sees, and nothing else; whatever the page is made of."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.servers.web.bodies import decoded
from reference_impl.servers.web.links import links
from reference_impl.servers.web.markdown import to_markdown
from reference_impl.servers.web.metadata import metadata
from reference_impl.servers.web.tokens import Close, Open, Text, tokens
from reference_impl.servers.web.tree import MOST_DEPTH, parse

BASE = "https://example.org/docs/page"


def markdown(html: str, *, main: bool = True) -> str:
    return to_markdown(parse(html), BASE, main=main)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("plain", "plain"),
        ("<h2>A <i>b</i></h2>text", "## A *b*\n\ntext"),
        ("<p>one\n  two</p><p>three", "one two\n\nthree"),
        ("a<br>b<br><br>", "a\\\nb"),
        ("<b>bold </b>text <strong><b>twice</b></strong>", "**bold** text **twice**"),
        ("<a href=other?x=1&amp;y=2>there</a>", "[there](https://example.org/docs/other?x=1&y=2)"),
        ("<base href=https://else.test/x/><a href=y>there</a>", "[there](https://else.test/x/y)"),
        (
            "<a href=#part>here</a> <a href=javascript:alert(1)>run</a> <a href='data:text/html,x'>data</a>",
            "here run data",
        ),
        ("<a href=/x>](http://evil.test) [</a>", "[\\](http://evil.test) \\[](https://example.org/x)"),
        ("<a href='/a(b) c'>x</a>", "[x](https://example.org/a%28b%29%20c)"),
        ("<a href=/x aria-label=Search><img src=s.png></a>", "[Search](https://example.org/x)"),
        ("<img src=https://track.test/1.gif alt='A cat'>", "\\[Image: A cat\\]"),
        ("<img src=x.gif>", ""),
        ("<code>a `b` c</code> <kbd>Ctrl</kbd>", "``a `b` c`` `Ctrl`"),
        ("<pre><code class='language-py'>def f():\n  pass\n</code></pre>", "```py\ndef f():\n  pass\n```"),
        ("<pre>\na<br>b<button>copy</button><i hidden>c</i></pre>", "```\na\nb\n```"),
        ("<h2>A<a href=#a>#</a></h2><h3><a href='#b'>\u00a7</a>B</h3>", "## A\n\n### B"),
        ("<pre>```\nx</pre>", "````\n```\nx\n````"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>", "- a\n- b\n  - c\n- d"),
        ("<ol start=9><li>a<li>b</ol>", "9. a\n10. b"),
        ("<ul><li><p>a<p>b</ul>", "- a\n\n  b"),
        ("<blockquote>a<p>b</blockquote>c", "> a\n>\n> b\n\nc"),
        ("<dl><dt>Term<dd>Meaning</dl>", "**Term**\n\n: Meaning"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("<table><tr><th>A<th>B<tr><td>1<td>x|y</table>", "| A | B |\n| --- | --- |\n| 1 | x\\|y |"),
        ("<table><tr><td>1<td>2</table>", "|  |  |\n| --- | --- |\n| 1 | 2 |"),
        ("<table><tr><td><h1>Layout</h1>text</table>", "# Layout\n\ntext"),
        ("<a href=/x><h3>Card</h3><p>text</p></a>", "[Card text](https://example.org/x)"),
        (
            "1. no list<p># no heading<p>- no item<p>&gt; no quote",
            "1\\. no list\n\n\\# no heading\n\n\\- no item\n\n\\> no quote",
        ),
        ("*a* _b_ snake_case `c` &lt;b&gt; &amp;amp;", "\\*a\\* \\_b\\_ snake_case \\`c\\` \\<b> \\&amp;"),
        ("<noscript>Without scripts</noscript>", "Without scripts"),
        ("Look!<a href=/x>here</a>", "Look\\![here](https://example.org/x)"),
        ("<i>!</i><i></i><a href=/x><b>x</b></a>!", "*!*[**x**](https://example.org/x)!"),
        ("<span>!</span><span><img><a href=/x>x</a></span>", "\\![x](https://example.org/x)"),
        ("!<!-- --><b hidden>y</b>&#x200b;<a href=/x>x</a>", "\\![x](https://example.org/x)"),
        ("<a href=/x>!</a><a href=/y>y</a>", "[!](https://example.org/x)[y](https://example.org/y)"),
        ("a<br>=", "a\\\n\\="),
        ("<dl><dt># no <b>heading</b></dl>", "\\# no **heading**"),
        (
            "<table><tr><th>A<th>B<tr><td><code>x|y</code><td><a href='/a|b'>l</a></table>",
            "| A | B |\n| --- | --- |\n| `x\\|y` | [l](https://example.org/a\\|b) |",
        ),
        ("<b>open<p>still", "open\n\nstill"),
        ("<p>a<div>b</p>c</div>d", "a\n\nb\n\nc\n\nd"),
        ("<td>a</td></td></tr></table></p>b", "a\n\nb"),
        ("", ""),
    ],
)
def test_each_element_becomes_what_it_means(html, expected):
    assert markdown(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        "<script>hidden</script>",
        "<script>if (a < b) '<p>hidden</p>'</script>",
        "<SCRIPT>hidden</ScRiPt >",
        "<style>hidden {}</style>",
        "<template><p>hidden</template>",
        "<p hidden>hidden</p>",
        "<div style='display:none'>a<p>hidden</div>",
        "<span style='Display : NONE !important'>hidden</span>",
        "<span style='visibility:hidden'>hidden</span>",
        "<span style='color:red;opacity:0'>hidden</span>",
        "<span style='font-size:0px'>hidden</span>",
        "<span style='display:/**/none'>hidden</span>",
        "<span aria-hidden=true>hidden</span>",
        "<svg><text>hidden</text></svg>",
        "<iframe>hidden</iframe>",
        "<!-- hidden -->",
        "<!-- > hidden --!>",
        "<!--> --><!-- hidden",
        "<? hidden ?>",
        "<!hidden>",
        "<title>hidden</title>",
        "<dialog>hidden</dialog>",
        "<object>hidden</object>",
        "<select><option>hidden</select>",
        "<input value=hidden>",
        "<p title=hidden data-x=hidden onclick='hidden()'></p>",
    ],
)
def test_what_a_reader_does_not_see_is_left_out(html):
    assert "hidden" not in markdown(f"<p>before</p>{html}", main=False).lower()
    assert "hidden" not in str(links(parse(f"<a href=/x>{html}</a>"), BASE))


def test_characters_that_nobody_sees_are_left_out():
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore")
    html = f"a{tags}b\u200bc\u202ed\u2066e&#x200B;f&#xE0041;\u3164\ufe01g\x00h\x1bi\u00adj<p title='&#x202e;'>k"
    assert markdown(html) == "abcdefghij\n\nk"
    assert "\u200d" in markdown("\U0001f469\u200d\U0001f4bb"), "joiners make one sign of several"


def test_the_frame_of_a_page_is_left_out_unless_it_is_wanted():
    words = "The matter itself, at some length. " * 10
    html = (
        f"<nav>Menu</nav><header>Banner</header><main><h1>T</h1><p>{words}</main><aside>Ads</aside><footer>End</footer>"
    )
    assert markdown(html) == f"# T\n\n{words.strip()}"
    assert {"Menu", "Banner", "Ads", "End"} <= set(markdown(html, main=False).split())
    assert markdown(f"<div role=navigation>Menu</div><p>{words}") == words.strip()
    assert markdown(f"<main></main><p>{words}") == words.strip(), "an empty main is not what the page is about"


def test_tokens_are_those_of_html():
    assert list(tokens("a<b c='1' C=2 d=e/ f>x</B >&amp;<br/>< b</ >")) == [
        Text("a"),
        Open("b", {"c": "1", "d": "e/", "f": ""}),
        Text("x"),
        Close("b"),
        Text("&"),
        Open("br", {}, ends=True),
        Text("<"),
        Text(" b"),
    ]


PIECES = st.sampled_from(
    [
        *(
            "<",
            ">",
            "</",
            "/>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<p>",
            "<b>",
            "</b>",
            "<a",
            "href=",
            "<br>",
            "<img alt=x>",
        ),
        *("<table>", "<td>", "</table>", "<td colspan=9 rowspan=9>", "<script>", "</script>", "<li>", "<ul>", "</ul>"),
        *(
            "<title>",
            "<textarea>",
            "<svg>",
            "<plaintext>",
            "<template>",
            "&",
            "&#",
            "&#x",
            "&amp;",
            "'",
            '"',
            "=",
            "/",
            "a",
        ),
        *("\0", "\u202e", "|", "*", "`", "\\", "\n", " "),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join), st.binary(max_size=60))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_nothing_breaks_the_reader(html, data):
    for text in (html, decoded(data, "utf-8"), html + decoded(data, None)):
        tree = parse(text)
        assert max(element.depth for element in tree.root.elements()) <= MOST_DEPTH
        shown = to_markdown(tree, BASE)
        shown.encode()
        metadata(tree, BASE)
        links(tree, BASE)


SIZE = 60_000
HOSTILE = {
    "deep": "<div>" * (SIZE // 5),
    "deep inline": "<b>" * (SIZE // 3) + "x",
    "deep lists": "<ul><li>" * (SIZE // 8),
    "deep tables": "<table><tr><td>" * (SIZE // 15),
    "deep quotes": "<blockquote>" * 300 + "x<br>" * (SIZE // 5),
    "reopened": "<p>" + "".join(f"<b id={number}>" for number in range(SIZE // 24)) + "</p>" + "<p>x" * (SIZE // 8),
    "adoption": "<a><b><i><p>" * (SIZE // 24) + "</a></b>" * (SIZE // 16),
    "closes": "<div>" * 140 + "</span></p></li>" * (SIZE // 16),
    "comments": "<!--" * (SIZE // 4),
    "tags": "<a" * (SIZE // 2),
    "attributes": "<a " + "b=c " * (SIZE // 4) + ">x",
    "names": "<a " + "b" * SIZE,
    "quotes": "<a b=\"'" * (SIZE // 7),
    "equals": "<a " + "=" * SIZE + ">",
    "slashes": "<a " + "/" * SIZE + "x",
    "spaces": "<a" + " " * SIZE + "x",
    "titles": "<title>" * (SIZE // 7),
    "scripts": "<script></scrip" * (SIZE // 15),
    "references": "&#" + "9" * SIZE + ";" + "&#x" + "f" * SIZE,
    "spans": "<table>" + "<tr><td colspan=1000 rowspan=1000>x<td>y" * (SIZE // 40),
    "links": "<a href=//x/" + "a" * 5000 + ">" + "<a href=y>z" * (SIZE // 11),
    "underscores": "_" * SIZE,
    "brackets": "[" * SIZE,
    "backticks": "<code>" + "`a" * (SIZE // 2) + "</code><pre>" + "`a" * (SIZE // 2),
    "styles": ("<p style='" + "/*" * 500 + "'>") * (SIZE // 1000),
    "white": " \n\t" * (SIZE // 3) + "x",
    "dashes": "<p>" + "-" * SIZE,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(30)
def test_what_a_hostile_page_costs_grows_with_its_length(name):
    """The peers of this reader need gigabytes or minutes for some of these; the limit is generous for busy machines."""
    html, start = HOSTILE[name], time.process_time()
    tree = parse(html)
    text = to_markdown(tree, BASE, main=False)
    to_markdown(tree, BASE)
    links(tree, BASE)
    metadata(tree, BASE)
    assert len(text) < 40 * len(html) + 1000
    assert time.process_time() - start < 15
