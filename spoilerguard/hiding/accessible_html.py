"""The accessible HTML style: the strings that hide a spoiler in a page, and what takes them out again.

A spoiler is one or more pieces, each in a `<span>` or `<div>` that is `hidden`: its text is not drawn,
read out, focused, copied, printed or found, with or without style sheets. Before a piece stands its
control, a link to it. Without the script the link reveals the piece, by `:target` in the style sheet;
the script makes one button of the first control and drops the others. What one sees, a bar of blurred
strokes, is drawn by the style sheet and holds nothing of the text, not even its length.

    <a class="sg1-show" href="#sg1-k2v7q3ab-1">Show spoiler</a>      control(key)
    <span class="sg1" id="sg1-k2v7q3ab-1" ... hidden>                 opening(key)
    She dies.
    </span><!--/sg1-k2v7q3ab-1-->                                     closing(key)

The classes carry the number of this markup: pages written with it stay right when the next one comes.
Style sheet and script are in `assets/`; they name the same classes.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Iterator
from hashlib import blake2b
from itertools import count
import re

from spoilerguard.files.bundled import asset_text

__all__ = ["ASSETS", "LABEL", "NAME", "asset", "closing", "control", "feed", "keys", "opening", "strip"]

LABEL = "Show spoiler"  # what the control says: add the work's title where a page is about several
NAME = "Spoiler"  # what screen readers say where a revealed spoiler begins
ASSETS = ("spoilerguard.css", "spoilerguard.js")


def keys(source: str) -> Iterator[str]:
    """Names for the spoilers of one document, in order, without end.

    They hash the whole document: two posts on a page do not collide, and who sees a name (in the
    address of a link, say) can try no guess at the spoiler without knowing all the rest.
    """
    digest = blake2b(source.encode("utf-8", "surrogatepass"), digest_size=5).digest()
    name = b32encode(digest).decode("ascii").lower()
    return (f"sg1-{name}-{number}" for number in count(1))


def control(key: str, *, part: int = 1, block: bool = False, label: str = LABEL) -> str:
    """What reveals a piece: it stands right before the piece, or before the link that the piece is in.

    Parts of one spoiler count from 1. With `block`, it is a block, for where paragraphs may stand.
    """
    link = f'<a class="sg1-show" href="#{_id(key, part)}">{_plain(label)}</a>'
    return f'<div class="sg1-bar">{link}</div>' if block else link


def opening(key: str, *, part: int = 1, block: bool = False, apart: bool = False, name: str = NAME) -> str:
    """What stands before the text of a piece; `block` where that text holds block elements.

    With `apart`, blank lines set the tags apart, so that Markdown in between is read as Markdown;
    for blocks which are in no list or quotation. `name` is announced where the piece begins; give
    none within links and headings, whose own name would have it in place of the text.
    """
    tag = "div" if block else "span"
    group = f' role="group" aria-label="{_plain(name)}"' if name else ""
    here = _id(key, part)
    return f'<{tag} class="sg1" id="{here}"{group} data-nosnippet hidden>' + (f"<!--{here}-->\n\n" if apart else "")


def closing(key: str, *, part: int = 1, block: bool = False, apart: bool = False) -> str:
    """What stands after the text of a piece, called as `opening` was."""
    tag = "div" if block else "span"
    here = _id(key, part)
    return (f"\n\n<!--{here}-->" if apart else "") + f"</{tag}><!--/{here}-->"


def _id(key: str, part: int) -> str:
    return key if part == 1 else f"{key}-{part}"


def _plain(text: str) -> str:
    """Words as HTML and as Markdown alike: one line, all that could be a mark written as a number."""
    return re.sub(r"[^\w ,]|_", lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


# --- out again ------------------------------------------------------------------------------------

_ID = r"sg1-[a-z2-7]{8}-\d{1,9}(?:-\d{1,9})?"
_LINK = rf'<a class="sg1-show" href="\#(?:{_ID})">[^<>]*+</a>'
_CONTROL = rf'<div class="sg1-bar">{_LINK}</div>|{_LINK}'
_OPENING = (
    rf'<(?:span|div) class="sg1" id="(?P<id>{_ID})"(?: role="group" aria-label="[^"<>]*+")? data-nosnippet hidden>'
    r"(?:<!--(?P=id)-->\n\n)?"
)
_CLOSING = rf"\n\n<!--(?P<end>{_ID})--></(?:span|div)><!--/(?P=end)-->|</(?:span|div)><!--/{_ID}-->"
_ALL = re.compile(f"{_CONTROL}|{_OPENING}|{_CLOSING}")
_HIDING = re.compile(f"{_CONTROL}|{_OPENING}")


def strip(html: str) -> str:
    """The source again: without what `control`, `opening` and `closing` put in. Linear time."""
    return _ALL.sub("", html)


def feed(html: str, *, link: str = "", label: str = "") -> str:
    """A veiled page for feeds, e-mail and excerpts: a placeholder for each spoiler, without its text.

    Who reads there has neither our style sheet nor our script, and programs that make excerpts
    drop tags and keep text. With `link`, the address of the page, the placeholder leads to the
    spoiler there. A piece that does not end, in a text cut off, hides the rest. Linear time.
    """
    kept, at = [], 0
    while found := _HIDING.search(html, at):
        kept.append(html[at : found.start()])
        at = found.end()
        if key := found["id"]:
            if key.count("-") == 2:  # of several parts, the first
                kept.append(_placeholder(link and f"{link}#{key}", label))
            end = f"<!--/{key}-->"
            at = html.find(end, at) + len(end) if html.find(end, at) >= 0 else len(html)
    return "".join([*kept, html[at:]])


def _placeholder(address: str, label: str) -> str:
    if not address:
        return f'<span class="sg1-feed">[{_plain(label or NAME)}]</span>'
    href = address.replace("&", "&amp;").replace('"', "&quot;")
    return f'<a class="sg1-feed" href="{href}">[{_plain(label or LABEL)}]</a>'


# --- the style sheet and the script ---------------------------------------------------------------


def asset(name: str) -> str:
    """The text of one of `ASSETS` as pages are to load it: without comments and spare white space.

    No minifier, but enough for these two files, whose strings hold nothing that it takes out.
    """
    text = asset_text(name)
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*(?!!)[^*]*\*/", "", text))
    if name.endswith(".js"):
        return re.sub(r" (=>|=|\|\||\?|:|\+) |(,) ", r"\1\2", text)
    return re.sub(r";?\s*([{};,+/])\s*(?!\*)", r"\1", text).replace(": ", ":").replace(" !", "!")
