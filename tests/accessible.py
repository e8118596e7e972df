"""The accessible HTML taken out again, to show that hiding adds markup and changes nothing else."""

from __future__ import annotations

import re

_ID = r"sg1-[a-z2-7]{8}-\d{1,9}(?:-\d{1,9})?"
_LINK = rf'<a class="sg1-show" href="\#(?:{_ID})">[^<>]*+</a>'
_CONTROL = rf'<div class="sg1-bar">{_LINK}</div>|{_LINK}'
_OPENING = (
    rf'<(?:span|div) class="sg1" id="(?P<id>{_ID})"(?: role="group" aria-label="[^"<>]*+")? data-nosnippet hidden>'
    r"(?:<!--(?P=id)-->\n\n)?"
)
_CLOSING = rf"\n\n<!--(?P<end>{_ID})--></(?:span|div)><!--/(?P=end)-->|</(?:span|div)><!--/{_ID}-->"
_ALL = re.compile(f"{_CONTROL}|{_OPENING}|{_CLOSING}")


def stripped(html: str) -> str:
    """The source again: without what `control`, `opening` and `closing` put in."""
    return _ALL.sub("", html)
