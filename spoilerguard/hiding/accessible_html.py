"""The accessible HTML style: the strings that hide a spoiler in a page, and placeholders for feeds.

A spoiler is one or more segments, each in a `<span>` or `<div>` that is `hidden`: its text is not drawn,
read aloud, focused, copied, printed or found, with or without style sheets. A control, which is a link to
the segment, precedes it. Without the script the link reveals the segment, by `:target` in the style sheet;
the script turns the first control into a button and removes the others. What readers see, a bar of blurred
strokes, is drawn by the style sheet and contains nothing of the text, not even its length.

    <a class="sg1-show" href="#sg1-k2v7q3ab-1">Show spoiler</a>      control(key)
    <span class="sg1" id="sg1-k2v7q3ab-1" ... hidden>                 opening(key)
    She dies.
    </span><!--/sg1-k2v7q3ab-1-->                                     closing(key)

The class names contain the version of this markup, so that old pages still work with later versions.
The style sheet and the script are in `assets/` and use the same class names.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Iterator
from hashlib import blake2b
from itertools import count
import re

from spoilerguard.files.bundled import asset_text
from spoilerguard.hiding.removal import without_hidden

__all__ = ["ASSETS", "LABEL", "NAME", "PLACEHOLDER", "as_jsx", "asset", "closing", "control", "feed", "keys", "opening"]

LABEL = "Show spoiler"  # the text of the control; add the work's title on a page about several works
NAME = "Spoiler"  # what screen readers announce at the start of a revealed spoiler
ASSETS = ("spoilerguard.css", "spoilerguard.js")


def keys(source: str) -> Iterator[str]:
    """Keys for the spoilers of one document.

    A key contains a hash of the whole document. So the keys of two posts on one page do not collide, and
    a key (in the address of a link, say) cannot be used to test a guess at the spoiler without the rest.

    Args:
        source: The source of the document.

    Yields:
        Keys without end, numbered from 1.
    """
    digest = blake2b(source.encode("utf-8", "surrogatepass"), digest_size=5).digest()
    name = b32encode(digest).decode("ascii").lower()
    return (f"sg1-{name}-{number}" for number in count(1))


def control(key: str, *, part: int = 1, block: bool = False, label: str = LABEL) -> str:
    """The control that reveals a segment. It belongs right before the segment, or before the link around it.

    Args:
        key: The key of the spoiler, from `keys`.
        part: The number of the segment in the spoiler, from 1.
        block: Whether the control is a block, for places where paragraphs are allowed.
        label: The text of the control.

    Returns:
        HTML without line breaks, which Markdown leaves as it is.
    """
    link = f'<a class="sg1-show" href="#{_id(key, part)}">{_plain(label)}</a>'
    return f'<div class="sg1-bar">{link}</div>' if block else link


def opening(key: str, *, part: int = 1, block: bool = False, apart: bool = False, name: str = NAME) -> str:
    """The markup before the text of a segment.

    Args:
        key: The key of the spoiler, from `keys`.
        part: The number of the segment in the spoiler, from 1.
        block: Whether the text contains block elements.
        apart: Whether blank lines separate the tags from the text, so that Markdown in between is parsed
            as Markdown; for blocks outside lists and quotations.
        name: What screen readers announce at the start of the segment. Leave it empty inside links and
            headings, which would otherwise be called by it instead of by their text.

    Returns:
        The start tag, followed by a comment and a blank line if `apart`.
    """
    tag = "div" if block else "span"
    group = f' role="group" aria-label="{_plain(name)}"' if name else ""
    here = _id(key, part)
    return f'<{tag} class="sg1" id="{here}"{group} data-nosnippet hidden>' + (f"<!--{here}-->\n\n" if apart else "")


def closing(key: str, *, part: int = 1, block: bool = False, apart: bool = False) -> str:
    """The markup after the text of a segment.

    Args:
        key: As given to `opening`.
        part: As given to `opening`.
        block: As given to `opening`.
        apart: As given to `opening`.

    Returns:
        The end tag and a comment that names the segment.
    """
    tag = "div" if block else "span"
    here = _id(key, part)
    return (f"\n\n<!--{here}-->" if apart else "") + f"</{tag}><!--/{here}-->"


def as_jsx(markup: str) -> str:
    """Markup of ours as JSX, which has neither `class` nor HTML comments."""
    return re.sub(r"<!--.*?-->", "", markup).replace(' class="', ' className="')


def _id(key: str, part: int) -> str:
    return key if part == 1 else f"{key}-{part}"


def _plain(text: str) -> str:
    """Text for HTML and Markdown alike: on one line, with a numeric reference for each possible markup character."""
    return re.sub(r"[^\w ,]|_", lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


# --- feeds ----------------------------------------------------------------------------------------

_KEY = re.compile(r"(?i)\bid\s*=\s*[\"']?(sg1-[a-z2-7]{8}-\d{1,9})(-\d{1,9})?\b")


def feed(html: str, *, link: str = "", label: str = "") -> str:
    """HTML for feeds, e-mail and excerpts: a placeholder for each spoiler, without its text.

    Feed readers have neither our style sheet nor our script, and programs that make excerpts drop tags
    and keep text. All that is hidden goes, whoever hid it and however our markup was written out again. A
    segment without an end, in a text that was cut off, hides the rest. Linear time.

    Args:
        html: HTML in which spoilers are hidden.
        link: The address of the page; each placeholder then links to its spoiler there.
        label: The text of the placeholders; "Show spoiler" or, without a link, "Spoiler" by default.

    Returns:
        The HTML with placeholders.

    Raises:
        LeakError: The HTML is so broken that removing what is hidden always uncovers more of it.
    """

    def placeholder(markup: str) -> str:
        key = _KEY.search(markup)
        if key and key[2]:  # a later part of a spoiler that has its placeholder
            return ""
        return _placeholder(f"{link}#{key[1]}" if link and key else link, label)

    return without_hidden(html, "html", placeholder)


def _placeholder(address: str, label: str) -> str:
    if not address:
        return f'<span class="sg1-feed">[{_plain(label or NAME)}]</span>'
    href = address.replace("&", "&amp;").replace('"', "&quot;")
    return f'<a class="sg1-feed" href="{href}">[{_plain(label or LABEL)}]</a>'


PLACEHOLDER = _placeholder("", "")


# --- the style sheet and the script ---------------------------------------------------------------


def asset(name: str) -> str:
    """A file for pages to load, without comments and needless white space.

    This is not a general minifier, but it suffices for these two files: no string in them contains
    anything that it removes.

    Args:
        name: One of `ASSETS`.

    Returns:
        The text of the file.
    """
    text = asset_text(name)
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*(?!!)[^*]*\*/", "", text))
    if name.endswith(".js"):
        return re.sub(r" (=>|=|\|\||\?|:|\+) |(,) ", r"\1\2", text)
    return re.sub(r";?\s*([{};,+/])\s*(?!\*)", r"\1", text).replace(": ", ":").replace(" !", "!")
