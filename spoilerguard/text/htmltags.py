"""The elements of HTML by what they do: which are blocks, which end others, whose text no browser shows.

The names and rules are those of the WHATWG HTML standard, section 13.2 (parsing).
"""

from __future__ import annotations

__all__ = [
    "BLOCK",
    "BOUNDARIES",
    "BREAKS_OUT",
    "CLOSES_P",
    "DRAWN",
    "ENDS_ALL",
    "FOREIGN",
    "FORMATTING",
    "HEADINGS",
    "IMPLIED_END",
    "INTEGRATED",
    "ITEM_BOUNDARIES",
    "NESTED",
    "NOT_DRAWN",
    "NOT_PROSE",
    "RAW",
    "SHADOW_MODES",
    "TABLE_BOUNDARIES",
    "TABLE_PARTS",
    "TEXT_ATTRIBUTES",
    "VOID",
]


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


VOID = _names("area base br col embed hr img input link meta param source track wbr")
HEADINGS = _names("h1 h2 h3 h4 h5 h6")
CLOSES_P = HEADINGS | _names(
    "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "header hgroup hr li listing main menu nav ol p pre search section summary table ul xmp"
)
TABLE_PARTS = _names("caption table tbody td tfoot th thead tr")
BLOCK = CLOSES_P | TABLE_PARTS | _names("body br html legend optgroup option")
RAW = _names("iframe noembed noframes plaintext script style textarea title xmp")
NOT_PROSE = RAW | _names(
    "audio canvas code datalist kbd listing math noscript object pre samp select svg template video"
)
ENDS_ALL = BLOCK | NOT_PROSE | {"button"}  # their end tags also end what was opened in them
FORMATTING = _names("a b big code em font i nobr s small strike strong tt u")
FOREIGN = _names("math svg")
# Start tags that end an open drawing or formula, unless an integration point lies in between (13.2.6.5).
BREAKS_OUT = HEADINGS | _names(
    "b big blockquote body br center code dd div dl dt em embed head hr i img li listing menu meta nobr ol p pre ruby "
    "s small span strong strike sub sup table tt u ul var"
)
INTEGRATED = _names("annotation-xml desc foreignobject mi mn mo ms mtext")
# In a drawing: elements whose text is shown, and those that are drawn only where others refer to them.
DRAWN = _names("foreignobject text")
NOT_DRAWN = _names("clippath defs desc marker mask metadata pattern symbol title")
SHADOW_MODES = _names("closed open")  # a `<template>` with one of them is shown
TEXT_ATTRIBUTES = {"img": "alt", "iframe": "srcdoc"}
NESTED = 3  # documents within one another that are read
# An end tag inside these does not close an element outside of them.
BOUNDARIES = _names("applet button caption marquee object table td template th")
TABLE_BOUNDARIES = _names("table template")
LISTS = _names("menu ol ul")
ITEM_BOUNDARIES = BOUNDARIES | LISTS
# The elements that a start tag closes implicitly, and the boundaries of the search for them.
IMPLIED_END = {
    "a": (_names("a"), BOUNDARIES),
    "button": (_names("button"), BOUNDARIES - {"button"}),
    "nobr": (_names("nobr"), BOUNDARIES),
    "li": (_names("li"), LISTS | BOUNDARIES | _names("article blockquote details fieldset form section")),
    **dict.fromkeys(("dt", "dd"), (_names("dt dd"), BOUNDARIES | _names("article blockquote details dl form section"))),
    **dict.fromkeys(("td", "th"), (_names("caption td th"), _names("table template tr"))),
    "tr": (_names("caption td th tr"), TABLE_BOUNDARIES),
    **dict.fromkeys(("tbody", "tfoot", "thead"), (TABLE_PARTS - {"table"}, TABLE_BOUNDARIES)),
}
