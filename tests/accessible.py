"""The accessible HTML taken out again, to show that hiding adds markup and changes nothing else."""

from __future__ import annotations

import re

from spoilerguard.hiding.accessible_html import _CONTROL, _ID, _OPENING

_CLOSING = rf"\n\n<!--(?P<end>{_ID})--></(?:span|div)><!--/(?P=end)-->|</(?:span|div)><!--/{_ID}-->"
_ALL = re.compile(f"{_CONTROL}|{_OPENING}|{_CLOSING}")


def stripped(html: str) -> str:
    """The source again: without what `control`, `opening` and `closing` put in."""
    return _ALL.sub("", html)
