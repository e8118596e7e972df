"""Split prose into sentences: first into blocks, then each block into sentence ranges.

Offsets are Unicode code points in the given string, end exclusive. One regular expression finds candidate ends,
and a few tables decide about them. The tables were tuned on the training part of Universal Dependencies English
EWT and chosen on its development part, where a trained spaCy `senter` was no better at any kind of candidate; see
`tests/bench/sentences.py`. In run-on text, which has no candidates, a senter finds the ends; see `runons`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import unescape
from itertools import pairwise
import re

from spoilerguard.text import runons

__all__ = ["by_rules", "paragraphs", "split"]

_LONGEST_WRAP = 110  # columns; a longer line of prose was not wrapped by its author
_SHORTEST_WRAP = 36  # columns, a margin of 60 less one long word; a shorter line was ended on purpose
_RAGGED = 4  # columns by which a wrapped line may fall short of the margin

_PICTURE = "\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55"
# List items, dialogue, quoted lines and "Name: value" lines, which always begin a block.
_ITEM = re.compile(
    rf"[{_PICTURE}]|(?:[-*+•‣◦●▪·]|#{{1,6}}|\(?\d{{1,3}}[.)]|\(?[a-hA-H]\))\s|[–—―]\s*[\"“‘'A-Z]|>"
    rf"|[A-Z][\w'’/-]*(?: [A-Z&][\w'’/-]*){{0,3}}:(?:\s|$)"
)
_ENDED = re.compile(r"[.!?…:;。！？][\"'”’»)\]*_~]*$")
# Endings that only a wrapped line has.
_OPEN = re.compile(
    r"(?<![\w'’-])(?:a|an|the|of|to|and|or|but|in|at|by|for|from|with|into|than|as|if|is|was|are|"
    r"were|be|been|has|had|my|your|his|its|our|their|that|which|who|when|because|very|not|i)$|,$"
)

# Run-on text: the number of words in a sentence without a terminator, and in a row without any punctuation.
_RUN_UNENDED, _RUN_UNMARKED = 20, 40
_PAUSE = re.compile(r"[^\w\s'’-]|--")

_Line = tuple[int, int, int]  # start of the line, start and end of the text on it


def paragraphs(text: str) -> list[tuple[int, int]]:
    """Split plain text into blocks.

    A blank line ends a block, and so does a deliberate line break; the line breaks of hard-wrapped prose
    (filled up to a margin of about 60 to 100 columns) do not.

    Args:
        text: The text.

    Returns:
        The ranges of the blocks in order: trimmed, never empty.
    """
    groups: list[list[_Line]] = [[]]
    offset = 0
    for line in text.splitlines(keepends=True):
        if bare := line.strip():
            start = offset + len(line) - len(line.lstrip())
            groups[-1].append((offset, start, start + len(bare)))
        if groups[-1] and (not bare or line[-1] == "\u2029"):
            groups.append([])
        offset += len(line)

    full, wrapped = _full_lines(text, [pair for group in groups for pair in pairwise(group)])
    blocks: list[tuple[int, int]] = []
    for group in filter(None, groups):
        first = group[0][1]
        # If the first line starts in lower case, lower case in the next line proves nothing.
        cased = not text[first : first + 8].lstrip("\"'“‘([*_")[:1].islower()
        for here, below in pairwise(group):
            if not _continues(text, here, below, here[0] in full, wrapped, cased):
                blocks.append((first, here[2]))
                first = below[1]
        blocks.append((first, group[-1][2]))
    return blocks


def _full_lines(text: str, breaks: list[tuple[_Line, _Line]]) -> tuple[set[int], bool]:
    """The starts of lines that are filled up to the margin, and whether the text was surely wrapped.

    A line is full if the first word of the next line would not have fitted. Nearly every line of wrapped
    prose is full; among lines that are comments, hardly any but the longest.
    """
    # A line of one word is a URL or a rule, which may extend beyond the margin.
    widths = [ln[2] - ln[0] for pair in breaks for ln in pair if text.find(" ", *ln[1:]) >= 0]
    margin = max((width for width in widths if width <= _LONGEST_WRAP), default=0)
    full: set[int] = set()
    sure = False  # a few full lines prove little, unless one of them cannot be the end of a sentence
    for (line, _, end), (_, start, stop) in breaks:
        word = text[start : min(stop, start + _LONGEST_WRAP)].split(None, 1)[0]
        if end - line + 1 + len(word) + _RAGGED > margin:
            full.add(line)
            sure = sure or len(full) >= 4 or bool(_OPEN.search(text, end - 12, end))
    return full, sure and len(full) >= 0.6 * len(breaks)


def _continues(text: str, here: _Line, below: _Line, full: bool, sure: bool, cased: bool) -> bool:
    """Whether the line `below` continues the paragraph of the line `here`."""
    line, start, end = here
    width = end - line
    if not _SHORTEST_WRAP <= width <= _LONGEST_WRAP or _ITEM.match(text, *below[1:]):
        return False
    if full and sure:
        return True
    # Indented more than the line above: the first line of a paragraph, or the second of a list item.
    if below[1] - below[0] >= start - line + 2 and not _ITEM.match(text, start, end):
        return False
    if _OPEN.search(text, end - 12, end):
        return True
    goes_on = text[below[1]].islower() and not _ENDED.search(text, end - 8, end)
    return goes_on and (width >= 50 if cased else full and width >= 58)


_FACE = (
    rf"(?:[{_PICTURE}][{_PICTURE}\ufe0e\ufe0f\u200d]*"
    r"|(?<=\s)(?:[:;=][-'^o]?[)(DPpO/|*\]\[]+|[xX]D+|\^_+\^)(?!\w))"
)
# A reference mark, glued to the end of a sentence: "dies.[1]", "dies.[2, 3]", "dies.[note 1]", "dies.²", "dies.(1) In".
_MARK = (
    r"(?:\^?\[(?:\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,4}|[a-z]{1,2}|(?:note|nb|fn)\s?\d{1,3}|citation needed)\]"
    r"|\^\d{1,3}|[¹²³⁰-⁹]{1,4}|[†‡]|\(\d{1,2}\)(?=\s+[A-Z]))"
)
_CANDIDATE = re.compile(
    # A URL includes its dots and question marks.
    r"(?:https?://|www\.)\S*[^\s.!?…,;:'\"”’)\]}>]\s*"
    # The terminators, also spaced out (". . .", "! ?"), but not the dot of ".NET" ...
    rf"|(?P<stop>[.!?…؟।‼⁇⁈⁉。！？｡．]+(?:\s+[.!?…]+(?![\w.!?…]))*)"
    # ... reference marks, also bare ("dies.1 In", "dies.2,3 In"), and the closing quotes and brackets before or after
    # them, from which markup may separate them ...
    rf"(?P<close>{_MARK}*(?:(?<=[a-z]{{3}}\.)(?<!vol\.)(?<!ver\.)\d{{1,2}}(?:,\d{{1,2}}){{0,3}}(?=\s+[A-Z]))?"
    rf"(?:(?<=!!)1[1!]*(?=\s))?[\"'”’»›)\]}}*_」』）]*{_MARK}*(?:\s+[”’»)\]}}]+|\s+[\"']+(?=\s|$))?)"
    # ... and smileys.
    rf"(?P<face>(?:\s*{_FACE})*)(?P<gap>\s*)|{_FACE}(?:\s*{_FACE})*\s*"
    # A date and time, which head a comment; and what goes before the number of an episode.
    r"|\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4},?\s+\d{1,2}:\d\d(?::\d\d)?(?>(?:\s?[AaPp][Mm]\b)?)\s+(?=[A-Z])"
    r"|(?<!\s)\s++(?=S\d{1,2}\s?E\d{1,3}\s?[:–-])"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_BULLET = re.compile(rf"\s*[{_PICTURE}]")
_WORD_BEFORE = re.compile(r"(?:[^\W_]|[.'’&/@:=-])+$")
_WORD_AFTER = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NUMBER = re.compile(r"#?\d|[IVXL]+\b")
_ACRONYM = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]$")
_LABEL = re.compile(
    r"[(\[*#\s-]{0,4}(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4}|(?:Act|Part|Scene|Chapter|Episode|Book)\s(?:\d{1,3}|[IVX]{1,4}))$"
)
_ALNUM = re.compile(r"\w")
_HEARTS = "\u2764\u2665\U0001f49a\U0001f49b\U0001f499\U0001f49c\U0001f5a4\U0001f9e1"
_LOVER = re.compile(r"(?i)(?<!\w)(?:i|we|you|they)\s?$")
_SPEECH = re.compile(
    r"(?i)(?P<who>(?:[\w'’.-]+\s+){0,2})(?:said|says?|ask(?:s|ed)|repl(?:ies|ied)|whisper(?:s|ed)|told|"
    r"shout(?:s|ed)|yell(?:s|ed)|scream(?:s|ed)|cried|answer(?:s|ed)|added|thought|wrote|writes)\b"
)


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Never the last word of a sentence if something follows.
_TITLES = _words(
    "mr mrs ms mx messrs dr drs prof gen sen rep gov lt col capt cmdr sgt maj rev pres fr vs e.g "
    "i.e eg ie cf viz esp incl approx resp p.s ps p.p.s attn"
)
# Ends a sentence unless a number follows it.
_BEFORE_NUMBER = _words(
    "no nos vol vols ch chap chs p pp pg pgs fig figs sec sect ep eps pt pts bk bks art ver ed op "
    "jan feb mar apr jun jul aug sep sept oct nov dec ext tel par nr"
)
# Ends a sentence only if the next word looks like the start of one. No word here is a name.
_MAYBE_LAST = _words(
    "st mt ft inc co corp pvt ltd llc jr sr bros dept univ ave blvd rd etc ect est ph ph.d gov't "
    "govt tue tues thu thur thurs fri"
)
# First words that nearly prove a new sentence after those: in any case, and with a capital.
_PRONOUNS = _words("he she it they we i you this these there but the it's he's she's i'm they're")
_STARTERS = _PRONOUNS | _words(
    "a an that those here and so when if in at as my his her its our their what who why how not "
    "for with after before on once then while because although though however also even just all "
    "some one no yes now by from to is are was do does did don't please that's there's i've"
)


def split(prose: str, blocks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Split prose into sentences; run-on text by the senter, all else by rules.

    Args:
        prose: The prose.
        blocks: Ranges that no sentence crosses, in order.

    Returns:
        The ranges of the sentences in order, trimmed. Every character of a block except white space is in
        exactly one of them.

    Raises:
        ModelError: The senter is needed, but missing.
    """
    sentences = by_rules(prose, blocks)
    runs = [k for k, at in enumerate(sentences) if _runs_on(prose, *at)]
    if not runs:
        return sentences
    found = runons.boundaries([_decoded(prose[slice(*sentences[k])]) for k in runs])
    inner = dict(zip(runs, found, strict=True))
    return [part for k, at in enumerate(sentences) for part in _split_at(prose, at, inner.get(k, ()))]


def _split_at(prose: str, at: tuple[int, int], inner: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Split a sentence at offsets from its start."""
    first = at[0]
    for offset in inner:
        begin, first = first, at[0] + offset
        yield begin, begin + len(prose[begin:first].rstrip())
    yield first, at[1]


def by_rules(prose: str, blocks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Split prose into sentences by rules alone, without a model.

    Args:
        prose: The prose.
        blocks: Ranges that no sentence crosses, in order.

    Returns:
        As in `split`.
    """
    sentences: list[tuple[int, int]] = []
    for start, end in blocks:
        block, first = prose[start:end], 0
        if block.isspace():
            continue
        for stop in _sentence_ends(_decoded(block)):
            text = block[first:stop]
            if bare := text.lstrip():
                begin = start + first + len(text) - len(bare)
                sentences.append((begin, begin + len(bare.rstrip())))
            first = stop
    return sentences


def _runs_on(prose: str, start: int, end: int) -> bool:
    """Whether rules do not suffice: there are many words without a terminator, or without any punctuation."""
    if end - start < _RUN_UNENDED * 3:
        return False
    text = _decoded(prose[start:end])
    if len(text.split()) < _RUN_UNENDED:
        return False
    return not runons.ends_sentence(text) or any(
        len(part.split()) >= _RUN_UNMARKED for part in _PAUSE.split(text) if len(part) >= _RUN_UNMARKED * 3
    )


def _decoded(text: str) -> str:
    """The text with each entity replaced by its character, repeated to the same length."""
    return _ENTITY.sub(lambda m: (unescape(m[0]) or "-")[0] * len(m[0]), text) if "&" in text else text


def _sentence_ends(block: str) -> Iterator[int]:
    """The offsets at which a sentence of the block ends and the next begins; the last is the end of the block."""
    uncased = block.islower()
    bullet = found[0].strip() if (found := _BULLET.match(block)) else None
    last = 0
    for match in _CANDIDATE.finditer(block):
        if match.end() < len(block) and _ends(block, match, last, uncased):
            # A picture that began the block begins the next sentence too: a bullet.
            bulleted = bullet and match["stop"] and match["face"].lstrip().startswith(bullet)
            last = match.start("face") if bulleted else match.end()
            yield last
    yield len(block)


def _ends(block: str, match: re.Match[str], last: int, uncased: bool) -> bool:
    """Whether a sentence that began at `last` ends at this candidate."""
    stop, close, here = match["stop"], match["close"], match.end()
    follow = block[here]
    if stop is None:  # a URL or a smiley: only a capital proves a new sentence
        if picture := _BULLET.match(block, match.start()):
            if not block[last : match.start()].strip():
                return False  # before the words it belongs to
            if picture[0][-1] in _HEARTS and _LOVER.search(block, max(0, match.start() - 8), match.start()):
                return False  # "I ❤ Paris": a verb
            if not block[here - 1].isspace():  # "He dies😭She leaves"
                return follow.isupper() and block[here + 1 : here + 2].islower()
        return block[here - 1].isspace() and (follow.isupper() or block.startswith("http", here))
    if stop[0] in ".…" and len(stop) + (stop[0] == "…") > 1 and not _ALNUM.search(block, last, match.start()):
        return False  # "...and then he dies": before the words it belongs to
    if stop[0] in "。！？｡．":
        return follow not in "」』）,，、"
    if match["face"] or follow in ",;:)]}”’»%&/\\":
        return bool(match["face"])
    if not match["gap"]:
        return _ends_unspaced(block, match.start(), stop, here, bool(close))
    if stop == "." and not close:
        return _ends_at_dot(block, match.start(), here, last, uncased)
    if not follow.islower():
        return True
    if stop[0] in ".…" and not close:  # an ellipsis
        return uncased and _first_word(block, here) in _PRONOUNS
    # '"Go!" he said', "(really?) and so on": lower case is not a new sentence.
    if stop == "!" and block.startswith(("and ", "or "), here):
        word = _word_before(block, match.start())
        if word[:1].isupper() and block[last : match.start()].strip() != word:
            return False  # "on Yahoo! and elsewhere"
    speech = _SPEECH.match(block, here)
    return (uncased or not close) and not (speech and (close or (speech["who"] and not uncased)))


def _ends_unspaced(block: str, begin: int, stop: str, here: int, closed: bool) -> bool:
    """Whether a sentence ends at a terminator that no white space follows ("over.She")."""
    after = _WORD_AFTER.match(block, here, here + 24)
    word = _word_before(block, begin)
    if after is None or re.search(r"[/@=.]", word) or (closed and stop != "."):
        return False
    if stop != ".":
        return block[here].isupper() if stop[-1] in ".…" else word[-1:].isalpha()
    # Neither "U.S.A", "Node.JS", "example.Com/" nor "e.g.The".
    if not (word.islower() and len(word) > 1) or block.startswith(("(", ".", "/"), after.end()):
        return False
    if block[here].isupper():
        return after[0] == "I" or after[0][1:].islower()
    return len(word) > 2 and after[0] in _PRONOUNS and after[0] != "it"


def _ends_at_dot(block: str, begin: int, here: int, last: int, uncased: bool) -> bool:
    """Whether a sentence ends at a single dot that white space follows."""
    low = (word := _word_before(block, begin)).lower()
    # "1. Here is why", "The reasons: 1. He dies": the label of a list item stays with the item.
    if low in _TITLES or (begin - last < 16 and _LABEL.match(block, last, begin)):
        return False
    if word.isdigit() and len(word) < 3 and block.endswith(": ", 0, begin - len(word)):
        return False
    if low in _BEFORE_NUMBER:
        return not _NUMBER.match(block, here)
    initial = len(word) == 1 and word.isalpha() and low != "i"
    if not (initial or low in _MAYBE_LAST or _ACRONYM.match(word)):
        return True
    if block[here].islower():
        return (initial or uncased) and _first_word(block, here) in _PRONOUNS
    if block[here].isalpha():
        return low in ("etc", "ect") or _first_word(block, here) in _STARTERS
    return block[here] != "(" and not (initial and block[here].isdigit())


def _word_before(block: str, begin: int) -> str:
    # The window keeps the time constant if a "word" is a megabyte long.
    return "".join(_WORD_BEFORE.findall(block[max(0, begin - 24) : begin])).lstrip("'’-.:&/=")


def _first_word(block: str, here: int) -> str:
    return "".join(_WORD_AFTER.findall(block, here, here + 24)[:1]).lower().replace("’", "'")
