"""Remove whatever gives a label away without being part of the sentence.

Many sources were labelled by markup that their publishers then removed. The gaps it left tell a model as much
as the words do, and so does an author's own "SPOILER:" before the sentence.
"""

from __future__ import annotations

import re

__all__ = ["normalise", "without_announcement"]

_SPACE_BEFORE = re.compile(r" +(?=[,.;:!?)])")

_LEAD = r"(?:(?:warning|caution|beware|attention|note|disclaimer|heads[ -]up|edit)\W{1,9})?"
_THIS = (
    r"(?:(?:(?:this|the|my|what)\s)?(?:(?:rest|remainder|following|follows)\s)?(?:(?:of\s)?(?:this|the|my)\s)?"
    r"(?:(?:review|post|comment|text|paragraph|section)\s)?(?:(?:may|might|will|does|could)\s)?"
    r"(?:contains?|contained|has|have|includes?|with)\s"
    r"|(?:there|here)\s(?:(?:will|may|might)\s)?(?:be|are|is|come)\s|here\scomes?\s(?:the\s)?)?"
)
_DEGREE = (
    r"(?:(?:a|the|some|several|many|few|lots\sof|very|maybe|possible|possibly|potential|slight|small|minor|mild|major|big|"
    r"bigger|biggest|huge|massive|giant|heavy|full|total|complete|rampant|obvious|unmarked|plot|story|semi|ending|end\sof|"
    r"end|begin|first|second|another|no\smore)[\s-]+){0,9}"
)
_PLACE = (
    r"(?:\s(?:alerts?|warnings?|ahead|below|above|beyond|follows?|following|here|herein|within|inside|included|galore|"
    r"abound|throughout|incoming|begins?|starts?|ends?|over|now|everywhere|after\sthis|from\s(?:here|now)(?:\son)?|"
    r"in\s(?:this|the|my)\s(?:next\s|following\s)?(?:review|post|comment|text|paragraph|section))){0,9}"
)
_ABOUT = r"(?:\s(?:for|about|up\sto|through)\s[^.:;!?()\[\]]{1,40}(?=[:)\]]))?"
_WORD = rf"/?{_LEAD}{_THIS}{_DEGREE}spoilers?\b(?![-'\u2019]){_PLACE}{_ABOUT}"
# "Hawkeye finale spoilers", where brackets or a colon leave no doubt.
_NAMED = r"(?:(?!(?:no|not|non|without|any|avoid|zero)\b)[\w'\u2019&.-]{1,20}\s){1,5}spoilers?"
_STOPS = (
    r"\s?(?:[:!.…)\]>}*|~;=\u2013\u2014]|(?<=alert),|(?<=warning),|(?<=ahead),|--|-(?=\s|$))"
    r"[\s:!.…)\]>}*|~;=\u2013\u2014-]*"
)
# Without punctuation, only capitals are an announcement: "SPOILER He dies", but not "SPOILERS are rude".
_SHOUTED = r"(?-i:(?:END\s(?:OF\s)?)?SPOILERS?)(?:\s(?:alert|warning|ahead|below|here))?\s+(?=(?-i:[A-Z][a-z]|I\b))"

# Runs of punctuation and words are bounded: otherwise a line of ten thousand stars would take quadratic time.
_SIGNS = r"[\s!.:*]{0,9}"
_BRACKETED = re.compile(
    rf"(?i)[(\[{{<]{{1,3}}{_SIGNS}(?:{_WORD}|{_NAMED}){_SIGNS}[)\]}}>]{{1,3}}[:,]?|\*{{1,9}}\s?{_WORD}{_SIGNS}\*|~{{1,9}}\s?{_WORD}{_SIGNS}~"
)
_AT_START = re.compile(
    rf"(?i)[\s*_#=~.!|:<>\u2013\u2014-]*(?P<bracket>[(\[]?)[\s*]{{0,9}}(?:{_WORD}(?:{_STOPS}|\s*$)|{_NAMED}\s?:\s|{_SHOUTED})"
)
_AT_END = re.compile(rf"(?i)(?:(?<=[.!?…:;*|~)])|\s[\u2013\u2014=-]{{1,9}})\s?[(\[*]{{0,9}}{_WORD}\W*$")

_ROUNDS = 9  # announcements in a row: "*SPOILER!!! SPOILER ALERT!! SPOILER!!*"


def normalise(text: str) -> str:
    """Collapse white space to single spaces, and remove it before `,.;:!?)`."""
    return _SPACE_BEFORE.sub("", " ".join(text.split()))


def without_announcement(text: str) -> str:
    """Remove the words that only announce a spoiler: "SPOILERS:", "(spoiler alert!)".

    A sentence about spoilers ("No spoilers, please.") is not an announcement.

    Args:
        text: The sentence.

    Returns:
        The rest of the sentence; "" if nothing is left.
    """
    for _ in range(_ROUNDS):
        if "spoiler" not in text.lower():
            break
        shorter = normalise(_BRACKETED.sub(" ", text))
        if opening := _AT_START.match(shorter):
            rest = shorter[opening.end() :].lstrip()
            # A lower-case letter at the start would show that something was removed.
            shorter = opening["bracket"] + rest[:1].upper() + rest[1:]
        shorter = normalise(_AT_END.sub("", shorter))
        if not any(map(str.isalnum, shorter)):
            return ""
        if shorter == text:
            break
        text = shorter
    return text
