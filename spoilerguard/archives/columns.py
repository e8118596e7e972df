"""Which column holds what, from its name and a sample of what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from spoilerguard.errors import InputError
from spoilerguard.text.reading import guess_format

__all__ = ["ROLES", "Columns", "choose", "guess_text_format"]

# Names by which a column is recognised, best first; case, spaces and signs do not matter.
_NAMES = {
    "text": "text body comment commenttext commentbody commentcontent review reviewtext reviewbody reviewcontent "
    "content message selftext post posttext textoriginal textdisplay sentence",
    "id": "id commentid reviewid postid messageid uuid guid",
    "work": "work workid movieid bookid itemid gameid showid filmid imdbid asin parentasin threadid thread linkid "
    "postid articleid videoid movie movietitle moviename book booktitle film show game item article",
    "time": "time date createdutc createdat created timestamp datetime published publishedat publishedtime "
    "reviewdate commentdate dateadded postdate posted unixreviewtime",
}
ROLES = tuple(_NAMES)


class Columns(NamedTuple):
    """The column of each role; "" where there is none."""

    text: str
    id: str = ""
    work: str = ""
    time: str = ""
    state: str = ""


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def choose(
    source: str,
    names: Sequence[str],
    asked: Mapping[str, str | None],
    known: Columns | None,
    sample: Mapping[str, Sequence[Any]],
    carry: Sequence[str] = (),
) -> Columns:
    """The columns: asked for, else known of the format, else guessed.

    A role asked to be "" has none. Raises InputError for a column that is not there, and for no text.
    """
    for name in (*asked.values(), *carry):
        if name and name not in names:
            raise InputError(f"{source}: no column {name!r}; there are: {_listed(names)}")
    found: dict[str, str] = {"state": known.state if known and known.state in names else ""}
    for role in ROLES:
        name = asked.get(role)
        guess = getattr(known, role, None)
        if guess not in names:
            guess = _guess(role, names, sample, found.values())
        found[role] = (guess or "") if name is None else name
    if not found["text"]:
        raise InputError(f"{source}: no text column recognised; name it with text_column; there are: {_listed(names)}")
    return Columns(**found)


def _guess(role: str, names: Sequence[str], sample: Mapping[str, Sequence[Any]], taken: Iterable[str]) -> str | None:
    plain = {_plain(name): name for name in reversed(names) if name not in taken}
    found = [plain[name] for name in _NAMES[role].split() if name in plain]
    if role == "text":  # `comment` may be the number of one
        found = (
            [name for name in found if _holds_words(sample.get(name, ()))] or found or list(names)[: len(names) == 1]
        )
    return next(iter(found), None)


def _holds_words(values: Sequence[Any]) -> bool:
    return any(isinstance(value, str | bytes) and not _is_number(value) for value in values)


def _is_number(value: str | bytes) -> bool:
    try:
        float(value or 0)
    except ValueError:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 50} more" if len(names) > 50 else ""
    return (", ".join(name[:60] for name in names[:50]) or "none") + more


def guess_text_format(texts: Sequence[Any]) -> str:
    """What the texts are written in: HTML if one in twenty looks so, Markdown if one in five, else text."""
    formats = [guess_format(text) for text in texts if isinstance(text, str) and text.strip()]
    if 20 * formats.count("html") >= max(1, len(formats)):
        return "html"
    return "markdown" if 5 * formats.count("markdown") >= max(1, len(formats)) else "text"
