"""What a draft says about itself in its front matter, and which work it is about.

    ---
    title: The Glass Orchard
    spoilerguard: {work: glass-orchard, sensitivity: high}
    ---

The draft may be a stranger's, so its front matter names a work and a sensitivity and nothing else: no file, no model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
import os
import re
from typing import Any, NamedTuple

from spoilerguard.datasets.works import read_works, work_key
from spoilerguard.drafts.io import read_work
from spoilerguard.errors import InputError, suggestion
from spoilerguard.guard import SENSITIVITIES
from spoilerguard.spans import Work
from spoilerguard.text.frontmatter import find_front_matter

__all__ = ["OPTIONS", "About", "Library", "about", "read_front_matter", "read_library"]

OPTIONS = ("title", "blurb", "synopsis", "works", "sensitivity", "threshold")
_KEYS = ("work", "sensitivity")  # that front matter may set
_LONGEST = 100_000  # characters of front matter: what is longer is not parsed


class About(NamedTuple):
    """What a draft is checked with.

    Attributes:
        work: The work that it is about.
        sensitivity: The sensitivity.
        threshold: The probability that overrides it, if any.
    """

    work: Work | None
    sensitivity: str
    threshold: float | None


class FrontMatter(NamedTuple):
    """What front matter says: the work and the sensitivity under `spoilerguard`, and the title of the draft."""

    work: str = ""
    sensitivity: str = ""
    title: str = ""


@dataclass(frozen=True)
class Library:
    """The works of a works file, by name and by title; a title that two works share finds neither."""

    path: str
    works: Mapping[str, Work]

    def named(self, name: str) -> Work:
        """The work of this name or title. Raises InputError if there is none."""
        found = self.works.get(name) or self.titled(name)
        if found is None:
            hint = suggestion(name, self.works) or "; add a line for it"
            raise InputError(f"work {name!r} is not in {self.path}{hint}")
        return found

    def titled(self, title: str) -> Work | None:
        """The work that the title of a draft names, as in `Review: The Glass Orchard (2019)`."""
        for key in dict.fromkeys((work_key(title), work_key(_REVIEW.sub("", title)))):
            if len(found := self._by_key.get(key, [])) == 1:
                return found[0]
        return None

    @property
    def _by_key(self) -> Mapping[str, list[Work]]:
        return _keys(self)

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=4)
def _keys(library: Library) -> Mapping[str, list[Work]]:
    keys: dict[str, list[Work]] = {}
    for name, work in library.works.items():
        for key in {work_key(name), work_key(work.title)} - {""}:
            keys.setdefault(key, []).append(work)
    return keys


_KIND = r"(?:film|movie|book|novel|tv|show|series|game|anime|play)"
_REVIEW = re.compile(
    rf"(?i)^\W*(?:(?:a |my )?(?:{_KIND} )?review(?: of)?|(?:my )?thoughts on)\b[\s:–—|-]*"
    rf"|[\s:–—|,(\[-]+(?:a |the |my )?(?:{_KIND} )?review\W*$"
)


def read_library(path: str) -> Library:
    """Read a works file: `work`, `title`, `blurb` and `synopsis` a line, as JSON Lines or a table.

    It is read again only after it has changed.

    Args:
        path: The file.

    Raises:
        DataError: A line has no name, or one that another line has.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check --works") from None
    return _library(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _library(path: str, changed: int, size: int) -> Library:
    return Library(path, read_works(path))


def about(
    source: str,
    name: str,
    *,
    title: str | None = None,
    blurb: str | None = None,
    synopsis: str | None = None,
    works: str | None = None,
    sensitivity: str = "medium",
    threshold: float | None = None,
    typed: Collection[str] = (),
) -> About:
    """What to check a draft with: the command line wins over its front matter, which wins over the settings.

    Args:
        source: The draft.
        name: Its name, for messages.
        title: The title of the work, from options or settings.
        blurb: The path of a file with its blurb.
        synopsis: The path of a file with its synopsis.
        works: The path of a works file.
        sensitivity: The sensitivity.
        threshold: The probability that overrides it.
        typed: The names of these that the command line gives.

    Raises:
        InputError: The front matter sets what it may not, names an unknown work, or a file cannot be read.
    """
    library = read_library(works) if works else None
    own = read_front_matter(source, name, with_title=library is not None)
    if own.sensitivity and not {"sensitivity", "threshold"} & set(typed):
        sensitivity, threshold = own.sensitivity, None
    if not {"title", "blurb", "synopsis"} & set(typed):
        if own.work:
            try:
                return About(library.named(own.work) if library else Work(own.work), sensitivity, threshold)
            except InputError as error:
                raise InputError(f"{name}: {error}") from None
        if library and (found := library.titled(own.title)):
            return About(found, sensitivity, threshold)
    if library and title and not (blurb or synopsis) and (found := library.titled(title)):
        return About(found, sensitivity, threshold)
    return About(read_work(title, blurb, synopsis), sensitivity, threshold)


# --- front matter --------------------------------------------------------------------------------


def read_front_matter(source: str, name: str, *, with_title: bool = False) -> FrontMatter:
    """What the front matter of a draft says.

    Args:
        source: The draft.
        name: Its name, for messages.
        with_title: Whether its title is wanted; it is read only where the front matter can be parsed.

    Raises:
        InputError: What it says of spoilerguard cannot be read, or is not for front matter to say.
    """
    begin = 1 if source.startswith("\ufeff") else 0
    matter = find_front_matter(source, begin)
    if matter is None:
        return FrontMatter()
    ours = re.search(r"(?m)^\W{0,3}spoilerguard\b", source[begin : matter.end])
    if not (ours or with_title):
        return FrontMatter()
    line = source.count("\n", 0, begin + ours.start()) + 1 if ours else 1

    def refuse(why: str) -> InputError:
        return InputError(f"{name}:{line}: spoilerguard in the front matter {why}")

    try:
        table = _parsed(matter.language, matter.body)
    except ValueError as error:
        if ours is None:
            return FrontMatter()  # it is no matter of ours
        raise refuse(f"cannot be read ({error}); write spoilerguard: {{work: NAME, sensitivity: high}}") from None
    title = table.get("title")
    given = table.get("spoilerguard") or {}
    if not isinstance(given, dict):
        raise refuse("must be a table: {work: NAME, sensitivity: high}")
    for key, value in given.items():
        if key not in _KEYS:
            raise refuse(f"cannot set {key!r}; it can set {' and '.join(_KEYS)}")
        if not isinstance(value, str) or not value.strip():
            raise refuse(f"needs a name for {key}, not {value!r}")
    sensitivity = given.get("sensitivity", "")
    if sensitivity and sensitivity not in SENSITIVITIES:
        raise refuse(f"has sensitivity {sensitivity!r}; choose from {', '.join(SENSITIVITIES)}")
    return FrontMatter(given.get("work", "").strip(), sensitivity, title if isinstance(title, str) else "")


def _parsed(language: str, body: str) -> dict[str, Any]:
    """Front matter as a dictionary; empty if it is JavaScript, which is not run. Raises ValueError."""
    if len(body) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST:,} characters")
    found: Any = None
    if language == "toml":
        import tomllib

        found = tomllib.loads(body)
    elif language != "javascript":
        import yaml  # JSON is YAML

        if language == "json" and not body.lstrip().startswith("{"):
            body = f"{{{body}}}"
        elif language == "org":
            body = re.sub(r"(?m)^#\+", "", body)
        try:
            found = yaml.safe_load(body)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise ValueError(" ".join(str(error).split())[:200]) from None
    if not isinstance(found, dict):
        return {}
    return {str(key).lower(): value for key, value in found.items()}
