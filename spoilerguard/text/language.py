"""Which language a document is written in: a guess by script, common words and letter trigrams.

Why not a library: langdetect, py3langid and lingua recognise other languages equally well, but they need 70 to
1,200 µs for a comment, and they mistake 8 to 10 of the 27 hard English texts in `tests/data/languages.jsonl` (lists
of foreign titles, names, capitals, leetspeak, slang) for another language; this module mistakes none. For most texts
a count of common English words decides, and the table of trigrams is not even read. The table is made from
langdetect's profiles (Apache 2.0), stopwords-iso (MIT) and our own data by `spoilerguard.training.languages`.
"""

from __future__ import annotations

from functools import lru_cache
import re
from typing import TYPE_CHECKING, NamedTuple

from spoilerguard.files.bundled import PACKAGE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["NAMES", "guess"]

NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "gu": "Gujarati", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ka": "Georgian", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "lo": "Lao",
    "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam", "mr": "Marathi", "my": "Burmese",
    "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pa": "Punjabi", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "so": "Somali",
    "sq": "Albanian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai",
    "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip

# The letters of each script that is not Latin, and the languages written in it. Trigrams decide between several.
SCRIPTS = {
    "\u0370-\u03ff\u1f00-\u1fff": ("el",),
    "\u0400-\u052f": ("bg", "mk", "ru", "uk"),
    "\u0530-\u058f": ("hy",),
    "\u0590-\u05ff": ("he",),
    "\u0600-\u06ff\u0750-\u077f": ("ar", "fa", "ur"),
    "\u0900-\u097f": ("hi", "mr", "ne"),
    "\u0980-\u09ff": ("bn",),
    "\u0a00-\u0a7f": ("pa",),
    "\u0a80-\u0aff": ("gu",),
    "\u0b80-\u0bff": ("ta",),
    "\u0c00-\u0c7f": ("te",),
    "\u0c80-\u0cff": ("kn",),
    "\u0d00-\u0d7f": ("ml",),
    "\u0d80-\u0dff": ("si",),
    "\u0e00-\u0e7f": ("th",),
    "\u0e80-\u0eff": ("lo",),
    "\u1000-\u109f": ("my",),
    "\u10a0-\u10ff": ("ka",),
    "\u1200-\u137f": ("am",),
    "\u1780-\u17ff": ("km",),
    "\uac00-\ud7af": ("ko",),
    "\u3040-\u30ff": ("ja",),
    "\u4e00-\u9fff": ("zh",),
}
DENSE = {"ja", "ko", "zh"}  # one of their letters counts as three Latin ones

ENOUGH = 60  # letters from which a text is long enough to guess
RUNNING = 0.5  # share of letters in words without a capital; with less, a text is names and titles: no guess
PLAINLY = 0.25  # share of common English words from which a text is English, whatever else it contains
LEAD = 0.03  # nats per letter by which another language must be likelier than English
KNOWN = 0.4  # share of trigrams that must be in the table; codes and random letters have fewer

COMMON = frozenset(
    "the of and to is that this it with for his but you are they have from be not all by who he she what "
    "if there about had been when out just more would which can or their one your really because don't it's "
    "i'm didn't doesn't movie film book story characters".split()
)
_OTHER = re.compile(f"[{''.join(SCRIPTS)}]")
_QUOTED = re.compile(r"\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|„[^“”\n]{1,300}[“”]|«[^»\n]{1,300}»")
_WORDS = re.compile(r"[^\W\d_]+")


def guess(prose: str) -> str | None:
    """The language of a text, as a code of ISO 639-1.

    Args:
        prose: The prose of a document; blanks do not count.

    Returns:
        A key of `NAMES`; None if the text is too short to guess, or resembles none of them.
    """
    if not prose.isascii():
        other = _OTHER.findall(prose)
        if other and (code := _by_script(prose, "".join(other))):
            return code
    words = prose.lower().split()
    if sum(map(len, words)) < ENOUGH:
        return None
    if sum(map(COMMON.__contains__, words)) >= PLAINLY * len(words):
        return "en"
    return _by_trigrams(prose)


def _by_script(prose: str, other: str) -> str | None:
    """The language of a text that is mostly in a script other than Latin; None for any other text."""
    counts = {languages: len(re.findall(f"[{letters}]", other)) for letters, languages in SCRIPTS.items()}
    chinese = counts["zh",]
    if counts["ja",] > chinese / 10:  # every Japanese sentence has kana
        counts["ja",] += counts.pop(("zh",))
    languages = max(counts, key=counts.__getitem__)
    weight = counts[languages] * (3 if languages[0] in DENSE else 1)
    if weight < ENOUGH or weight < sum(map(str.isalpha, prose)) - len(other):
        return None
    return languages[0] if len(languages) == 1 else table().likeliest(prose.lower(), languages)


def _by_trigrams(prose: str) -> str | None:
    """The language of a text in Latin script. Quotations, names and titles (with capitals) do not count."""
    unquoted = _QUOTED.sub(" ", prose)
    words = _WORDS.findall(unquoted if len(unquoted) > len(prose) / 2 else prose)
    lower = words if _in_capitals(words) else [word for word in words if not word[0].isupper()]
    if sum(map(len, lower)) < RUNNING * sum(map(len, words)):
        return None
    known, middle = table(), len(lower) // 2
    halves = [f" {' '.join(half).lower()} " for half in (lower[:middle], lower[middle:])]
    (first, known_first), (second, known_second) = map(known.scores, halves)
    if min(known_first, known_second) < KNOWN:
        return None
    best = max(known.latin, key=lambda code: first[code] + second[code])
    if best == "en":
        return "en"
    leads = [scores[best] - scores["en"] for scores in (first, second)]
    return best if min(leads) > 0 and sum(leads) >= LEAD * sum(map(len, halves)) else None


def _in_capitals(words: list[str]) -> bool:
    return sum(map(str.isupper, words)) > len(words) / 2


class Table(NamedTuple):
    """Trigrams of letters, and how rare each is in each language.

    Attributes:
        rows: The row of each trigram in `rarity`.
        languages: The columns of `rarity`.
        rarity: The negative log probability of each trigram in each language, in tenths of a nat.
    """

    rows: dict[str, int]
    languages: tuple[str, ...]
    rarity: npt.NDArray[np.int8]

    @property
    def latin(self) -> tuple[str, ...]:
        """The languages in Latin script."""
        elsewhere = {code for codes in SCRIPTS.values() for code in codes}
        return tuple(code for code in self.languages if code not in elsewhere)

    def scores(self, letters: str) -> tuple[dict[str, float], float]:
        """The log likelihood of a text in each language, and the share of its trigrams that are in the table."""
        trigrams = map("".join, zip(letters, letters[1:], letters[2:], strict=False))
        found = [row for row in map(self.rows.get, trigrams) if row is not None]
        rare = self.rarity[found].sum(axis=0, dtype=int)
        scores = {code: -int(total) / 10 for code, total in zip(self.languages, rare, strict=True)}
        return scores, len(found) / max(1, len(letters) - 2)

    def likeliest(self, text: str, languages: tuple[str, ...]) -> str:
        """The one of these languages that a text is most likely in."""
        scores, _ = self.scores(f" {' '.join(_WORDS.findall(text))} ")
        return max(languages, key=scores.__getitem__)


@lru_cache(maxsize=1)
def table() -> Table:
    """The table, which is read when a text first needs it."""
    import numpy as np

    with np.load(PACKAGE / "assets" / "languages.npz") as stored:
        trigrams, codes = str(stored["trigrams"]), str(stored["languages"])
        rarity = stored["rarity"]
    rows = {trigrams[k : k + 3]: k // 3 for k in range(0, len(trigrams), 3)}
    return Table(rows, tuple(codes.split()), rarity)
