"""Which column holds what, guessed from its name and from a sample of its values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
import re
from typing import Any

__all__ = ["ROLES", "guess_column", "is_number", "known", "listed"]

# Names by which a column is recognised, best first. Case, spaces and punctuation do not matter.
_NAMES = {
    "text": "text sentence body commenttext commentbody commentcontent comment reviewtext reviewbody reviewcontent "
    "review content message selftext posttext post textoriginal textdisplay",
    "label": "label spoiler isspoiler containsspoiler hasspoiler containsspoilers hasspoilers spoilers",
    "id": "id commentid reviewid postid messageid documentid uuid guid document",
    "work": "work workid movieid bookid itemid gameid showid filmid imdbid asin parentasin threadid thread linkid "
    "postid articleid videoid movietitle moviename movie booktitle book filmtitle film show game item article title",
    "time": "time date createdutc createdat created timestamp datetime published publishedat publishedtime "
    "reviewdate commentdate dateadded postdate posted unixreviewtime",
}
ROLES = tuple(_NAMES)


def guess_column(
    role: str,
    names: Sequence[str],
    sample: Mapping[str, Sequence[Any]],
    taken: Collection[str] = (),
) -> str | None:
    """Guess which column has a role.

    Args:
        role: One of ROLES.
        names: All column names, in order.
        sample: Values of some records, by column. A text column without a single word is passed over
            where another will do: `comment` may hold a number.
        taken: Columns that already have another role.

    Returns:
        The column, or None where no name is recognised. Where none is, the text is the only column with prose; of
        several, the only one whose name has a word for text ("Text of the review"); or a single column, whatever
        its name. A column with lists or objects never is.
    """
    plain = {_plain(name): name for name in reversed(names) if name not in taken}
    found = [plain[name] for name in _NAMES[role].split() if name in plain]
    if role == "text":
        flat = [name for name in names if not _is_nested(sample.get(name, ()))]
        found = [name for name in found if name in flat]
        with_words = [name for name in found if _has_words(sample.get(name, ()))]
        prose = [name for name in flat if name not in taken and _is_prose(name, sample.get(name, ()))]
        called = [name for name in prose or flat if _is_called_text(name) and _has_words(sample.get(name, ()))]
        only = next((some for some in (prose, called) if len(some) == 1), [])
        found = with_words or only or found or flat[: len(names) == 1]
    return next(iter(found), None)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


_OTHER_NAMES = frozenset(name for role, names in _NAMES.items() if role != "text" for name in names.split())


def _is_prose(name: str, values: Iterable[Any]) -> bool:
    """Whether most values have several words, and the name is not that of another role, such as a title."""
    words = [len(value.split()) for value in values if isinstance(value, str) and value.strip()]
    several = sum(count >= 3 for count in words)
    return bool(words) and 2 * several >= len(words) and _plain(name) not in _OTHER_NAMES


_OF_TEXT = frozenset(
    "text body comment review content message opinion post feedback remark remarks description".split()
)
_OF_OTHERS = frozenset(
    "title subject headline author name user by email id url link date time count number length score rating stars "
    "status state type format lang language parent tag tags category".split()
)


def _is_called_text(name: str) -> bool:
    """Whether a name has a word for text and none for anything else: "comment_body", not "comment_author"."""
    words = {word.lower() for word in _WORD.findall(name)}
    return not words.isdisjoint(_OF_TEXT) and words.isdisjoint(_OF_OTHERS)


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def _is_nested(values: Sequence[Any]) -> bool:
    """Whether lists and objects are at least half of the values."""
    nested = sum(isinstance(value, list | dict) for value in values)
    return nested > 0 and 2 * nested >= sum(value is not None for value in values)


def _has_words(values: Iterable[Any]) -> bool:
    return any(isinstance(value, str | bytes) and not is_number(value) for value in values)


def known(name: str) -> bool:
    """Whether a name is one by which a column of some role is recognised."""
    return any(_plain(name) in names.split() for names in _NAMES.values())


def is_number(value: str | bytes) -> bool:
    """Whether a cell is a number, or empty."""
    try:
        float(value or 0)
    except ValueError:
        return False
    return True


def listed(names: Sequence[str]) -> str:
    """Column names for a message, at most 50 of them."""
    more = f" and {len(names) - 50} more" if len(names) > 50 else ""
    return (", ".join(name[:60] for name in names[:50]) or "none") + more
