"""Text of strangers, made fit to be shown: nothing in it moves the cursor, hides, or turns the reading direction."""

import re
from collections.abc import Iterable

from reports.redaction import redact

# What a terminal, a browser or an XML parser would obey, drop or refuse: controls but for tab and line feed,
# directional and invisible format characters, line separators, lone surrogates, tags, noncharacters.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""Return `text` with every character that cannot be shown safely written out, such as `\x1b` or `\u202e`."""
    return _UNPRINTABLE.sub(lambda found: _escape(ord(found[0])), text)


def excerpt(data: bytes | str, limit: int = 2000, secrets: Iterable[str] = ()) -> tuple[str, int]:
    """Return the beginning of `data`, fit for `WireEntry.text`, and how many bytes (or characters) are left out.

    Secrets are taken out before the cut, so that none is cut in two. Bytes that are not UTF-8 are written out.
    """
    text = data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")
    text = redact(text, secrets)
    kept = text[:limit]
    rest = text[limit:]
    left_out = len(rest) if isinstance(data, str) else len(rest.encode("utf-8", "backslashreplace"))
    return visible(kept), left_out


def shorten(text: str, limit: int) -> str:
    """Return `text` when it has at most `limit` characters, else its beginning and how many are left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def _escape(point: int) -> str:
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
