"""Every kind of archive that was once misread: the file that showed it, where it is at hand, and three of our own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commands import invoke
import pytest

from spoilerguard.archives import Post, open_archive
from spoilerguard.errors import InputError

FAULTS = Path(__file__).resolve().parents[2] / "shared" / "robustness" / "faults"

# The id and the text of each record; None for the text of one with an error.
Expected = Sequence[tuple[str | None, str | None]]

WXR = '<rss xmlns:content="http://c" xmlns:wp="http://wordpress.org/export/1.2/"><channel>'
DISQUS = '<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">'


def wxr(*items: tuple[int, str], title: str = "T", before: str = '<?xml version="1.0"?>\n', between: str = "\n") -> str:
    written = (
        f"<item><title>{title}</title><content:encoded>{text}</content:encoded><wp:post_id>{n}</wp:post_id></item>"
        for n, text in items
    )
    return f"{before}{WXR}{between.join(written)}</channel></rss>"


def disqus(*messages: str) -> str:
    posts = (f'<post dsq:id="{n}"><message>{text}</message></post>' for n, text in enumerate(messages, 1))
    return f"{DISQUS}{''.join(posts)}</disqus>"


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        file: The file among the shared faults.
        ids: The ids of its records, in order; None where there is none.
        broken: Which of its records have errors.
        suffix: The suffix of our own files.
        own: The content of each, and its records.
    """

    file: str
    ids: Sequence[str | None]
    own: Sequence[tuple[str, Expected]]
    broken: Sequence[int] = ()
    suffix: str = ".csv"


BOTH = [("1", "He runs, and hides"), ("2", "Fine")]
POSTS = [("post-1", "He runs."), ("post-2", "Fine.")]
ITEMS = ((1, "He runs."), (2, "Fine."))

KINDS = {
    "before the declaration": Kind(
        "01a-wxr-blank-line-first.xml",
        ["comment-1", "post-7"],
        [
            (wxr(*ITEMS, before="\r\n\t\r\n<?xml version='1.0'?>"), POSTS),
            (wxr(*ITEMS, before="<br />\n<b>Deprecated</b>:  a() & b() in <b>/x</b> on line <b>3</b><br />\n"), POSTS),
            (wxr(*ITEMS, before="The backup plugin says hello.\n<?xml version='1.0'?>\n"), POSTS),
        ],
        suffix=".xml",
    ),
    "bare ampersands": Kind(
        "01c-wxr-bare-ampersand.xml",
        ["comment-1", "post-7"],
        [
            (wxr(*ITEMS, title="Bread & Circuses, Q&A"), POSTS),
            (wxr((1, "Salt & stone &c."), (2, "Fine.")), [("post-1", "Salt & stone &c."), POSTS[1]]),
            (wxr((1, "a?b=1&c=2&amp;d=3"), (2, "Fine.")), [("post-1", "a?b=1&c=2&d=3"), POSTS[1]]),
        ],
        suffix=".xml",
    ),
    "references to no character": Kind(
        "01d-disqus-control-char-reference.xml",
        ["9", "10", "11"],
        [
            (disqus("He runs.", "Fine &#0; so", "Nice."), [("1", "He runs."), ("2", None), ("3", "Nice.")]),
            (disqus("&#xD800;", "Fine.", "&#xFFFF;"), [("1", None), ("2", "Fine."), ("3", None)]),
            (disqus("He runs &#x110000; off.", "Fine &#x1F600;"), [("1", None), ("2", "Fine \U0001f600")]),
        ],
        broken=[1],
        suffix=".xml",
    ),
    "sep=": Kind(
        "07a-csv-sep-line.csv",
        ["1", "2"],
        [
            ("SEP=;\r\nid;text\r\n1;He runs, and hides\r\n2;Fine\r\n", BOTH),
            ("\ufeffsep=\t\nid\ttext\n1\tHe runs, and hides\n2\tFine\n", BOTH),
            ('"sep=|"\n\nid|text\n1|"He runs, and hides"\n2|Fine\n', BOTH),
        ],
    ),
    "trailing delimiters": Kind(
        "07c-csv-trailing-comma.csv",
        ["1", "2"],
        [
            ('id,text\n1,"He runs, and hides",,\n2,Fine,,\n', BOTH),
            ("id;text;\n1;He runs, and hides;\n2;Fine;\n", BOTH),
            ('Comments, all of them\nid,text,stars\n1,"He runs, and hides",,\n2,Fine,5,\n', BOTH),
        ],
    ),
    "ids that collide": Kind(
        "13-ids-collide.csv",
        ["1", "7", "3", None],
        [
            ("id,text\n,Fine\n0,Nice\n", [(None, "Fine"), ("0", "Nice")]),
            ("id,text\n1,He runs, and hides\n2\n", [("1", None), ("2", None)]),
            ("text,id\nHe runs, and hides,1\n", [(None, None)]),
            ("text,id\nFine,2\nNice,\nWell,0\n", [("2", "Fine"), (None, "Nice"), ("0", "Well")]),
        ],
        broken=[1],
    ),
    "spaces around cells": Kind(
        "19-csv-space-before-quote.csv",
        ["1", "2", "3"],
        [
            ('id; text\n1; "He runs, and hides"\n2; Fine\n', BOTH),
            ('id , text , stars\n1 , "He runs, and hides" , 3\n2 , "Fine" , 4\n', BOTH),
            ('id,text,stars\n1,"He runs, and hides" ,3\n2,"Fine" ,4\n', BOTH),
        ],
    ),
    "wrapped": Kind(
        "18b-json-wrapped-pretty.json",
        ["3"],
        [
            ('{"data": {"comments": [{"id": 1, "text": "He runs, and hides"}, {"id": 2, "text": "Fine"}]}}', BOTH),
            ('{\n"next": 0,\n"all": [\n{"id": 1, "body": "He runs, and hides"},\n{"id": 2, "body": "Fine"}]}', BOTH),
            ('{"about": "All that they have written here", "reviews": [{"id": 1, "review": "He runs, and hides"},'
             ' {"id": 2, "review": "Fine"}]}', BOTH),
        ],
        suffix=".json",
    ),
}  # fmt: skip


def read(path: Path, content: str) -> list[Post]:
    path.write_text(content, encoding="utf-8", newline="")
    return [post for post, _ in open_archive(path).posts()]


@pytest.mark.parametrize("name", KINDS)
def test_the_file_that_showed_it(name: str) -> None:
    kind = KINDS[name]
    if not (FAULTS / kind.file).exists():
        pytest.skip(f"no {kind.file} among ../shared/robustness/faults")
    found = [post for post, _ in open_archive(FAULTS / kind.file).posts()]
    assert [post.id for post in found] == kind.ids
    assert [number for number, post in enumerate(found) if post.error] == list(kind.broken)
    assert all(post.text and not post.text.startswith((str(post.id), '"')) for post in found if post.error is None)


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name in KINDS for number in range(len(KINDS[name].own))]
)
def test_its_kind(tmp_path: Path, name: str, number: int) -> None:
    content, expected = KINDS[name].own[number]
    found = read(tmp_path / f"archive{KINDS[name].suffix}", content)
    assert [(post.id, post.text if post.error is None else None) for post in found] == list(expected)


# --- what is refused, or read only where it is asked for -------------------------------------------

REFUSED = {
    "one delimiter in the header, another below": (
        "c.csv",
        "id,text\n1;He runs\n2;Fine\n",
        "no text column recognised",
    ),
    "two columns of prose": ("c.csv", "a,b\nI liked it very much,It was far too long\n", "no text column recognised"),
    "an array of numbers": ("c.json", "[1, 2]", "a JSON array without objects"),
    "texts within": ("c.json", '{"comments": ["He runs", "Fine"]}', "no text column recognised"),
    "replies within a listing": (
        "c.json",
        '{"kind": "Listing", "data": {"children": [{"kind": "t1", "data": {"id": "a", "body": "Fine", "subreddit":'
        ' "f", "replies": {"data": {"children": []}}}}]}}',
        "comments have replies within them; make one list of all: jq -c",
    ),
    "an empty array": ("c.json", "[]", "a JSON array without objects"),
    "two lists, neither of them known": (
        "c.json",
        '{"users": [{"bio": "I write very long texts"}], "posts": [{"html": "<p>Fine</p>"}]}',
        "several lists of records: 'users', 'posts'",
    ),
    "two lists, both of them known": (
        "c.json",
        '{"a": [{"text": "He runs"}], "b": {"c": [{"text": "Fine"}]}}',
        "several lists of records: 'a', 'b.c'",
    ),
    "replies within": (
        "c.json",
        '[{"id": 1, "text": "He runs", "replies": [{"id": 2, "text": "Fine"}]}]',
        "the records have others within 'replies', which would not be read",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_a_guess_would_be_wrong_there_is_none(tmp_path: Path, name: str) -> None:
    file, content, says = REFUSED[name]
    with pytest.raises(InputError) as error:
        read(tmp_path / file, content)
    assert str(error.value).startswith(f"{tmp_path / file}: {says}")


def test_replies_are_left_out_where_the_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": 1, "text": "He runs", "replies": [{"id": 2, "text": "Fine"}]}\n', encoding="utf-8")
    assert [post.text for post, _ in open_archive(path, text_column="text").posts()] == ["He runs"]


def test_lists_without_ids_are_part_of_a_record(tmp_path: Path) -> None:
    found = read(tmp_path / "c.jsonl", '{"id": 1, "text": "He runs", "parts": [{"kind": "bold", "text": "runs"}]}\n')
    assert [post.text for post in found] == ["He runs"]


LISTING = '{"kind": "Listing", "data": {"after": null, "children": [%s]}}'
COMMENT = (
    '{"kind": "t1", "data": {"id": "a", "body": "He runs &gt; I", "link_id": "t3_z", "subreddit": "f", "replies": ""}}'
)
WRAPPED = {
    "a listing": (LISTING % COMMENT, [("a", "He runs &gt; I", "markdown")]),
    "a listing of submissions": (
        LISTING % '{"kind": "t3", "data": {"id": "b", "title": "T", "selftext": "Fine", "subreddit": "f"}}',
        [("b", "Fine", "markdown")],
    ),
    "a listing that goes on": (
        LISTING % f'{COMMENT}, {{"kind": "more", "data": {{"id": "c", "children": ["d"]}}}}',
        [("a", "He runs &gt; I", "markdown"), ("c", None, "markdown")],
    ),
    "an array of a dump": ('[{"id": "a", "body": "[deleted]", "subreddit": "f"}]', [("a", "", "markdown")]),
    "edges": (
        '{"data": {"reviews": {"edges": [{"node": {"id": 1, "body": "He runs"}, "cursor": "x"}]}}}',
        [("1", "He runs", "text")],
    ),
    "hits": ('{"hits": [{"_id": "x", "_score": 1, "_source": {"id": 1, "text": "Fine"}}]}', [("1", "Fine", "text")]),
    "an array of texts": ('["He runs", "Fine \\u00e9", null]', [("0", "He runs", "text"),
        ("1", "Fine é", "text"), ("2", "", "text")]),
    "an array of texts and others": ('[\n"He runs",\n1, {"text": "Fine"}]', [("0", "He runs", "text"),
        ("1", None, "text"), ("2", None, "text")]),
    "a text with data": ('[{"id": 1, "text": "He runs", "data": {"text": "x"}}]', [("1", "He runs", "text")]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_records_may_be_wrapped_or_nothing_but_texts(tmp_path: Path, name: str) -> None:
    content, expected = WRAPPED[name]
    (tmp_path / "c.json").write_text(content, encoding="utf-8")
    pairs = list(open_archive(tmp_path / "c.json").posts())
    assert [(p.id, None if p.error else p.text, p.format) for p, _ in pairs] == expected
    for number, (_, cursor) in enumerate(pairs, 1):
        assert list(open_archive(tmp_path / "c.json").posts(cursor)) == pairs[number:]


@pytest.mark.parametrize("rest", ["Notice: x in y.php", '\n[{"text": "Fine"}]', '{"text": "Fine"}', "]"])
def test_what_follows_an_array_is_not_passed_over(tmp_path: Path, rest: str) -> None:
    found = read(tmp_path / "c.json", f'[{{"text": "He runs"}}] {rest}')
    assert [(post.text, post.state) for post in found] == [("He runs", None), ("", "unread")]
    assert str(found[1].error).startswith("what follows the array was not read")


# --- headers -----------------------------------------------------------------------------------------

HEADERS = {
    "a title with commas": ("Comments, all of them\nid,author,text\n1,Ann,He runs\n", "He runs"),
    "lines of a tool": ("# exported by a tool\n# in 2021\nid,text\n1,He runs\n", "He runs"),
    "a sign of its own": ("id^text\n1^He runs\n2^Fine\n", "He runs"),
    "no header, with dates": ("2020-01-01,Ann,He runs home at last\n2020-01-02,Bo,Fine\n", "He runs home at last"),
    "no header, with a known name": ("1,film,He runs home at last\n2,film,Fine\n", "He runs home at last"),
    "a question": ("Timestamp,What do you tell your friends of the end?\n2020-01-01,He runs home\n", "He runs home"),
    "several with prose": ("Review Title,Text of the review\nA long title,He runs home\n", "He runs home"),
    "camel case": ("rowNumber,commentBody,commentAuthor\n1,Fine,Ann\n", "Fine"),
    "two titles of as many cells": ("Export, all comments\nOf May, by Ann\nid,text\n1,He runs\n2,Fine\n", "He runs"),
    "no header, ids alike": ("tt0111,Great.,a\ntt0112,He runs home at last,b\n", "Great."),
    "no header, a word again": ("Great.,pos\nHe runs home at last,neg\nFine so far,pos\n", "Great."),
    "short texts": ("nr,body_text,user_name\n1,Fine,Ann\n", "Fine"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_headers_as_people_write_them(tmp_path: Path, name: str) -> None:
    content, expected = HEADERS[name]
    assert read(tmp_path / "c.csv", content)[0].text == expected


def test_rows_that_are_all_broken_are_errors_and_not_one_column(tmp_path: Path) -> None:
    found = read(tmp_path / "c.csv", "id,text\n1,a,b\n2,c,d\n3,e,f\n")
    assert [post.error is not None for post in found] == [True] * 3


# --- dates -------------------------------------------------------------------------------------------


def test_days_without_hyphens_are_days(tmp_path: Path) -> None:
    days = {
        "20201231": "2020-12-31",
        "20210230": None,
        "20201231235959": "2020-12-31T23:59:59",
        "2021-1-5": "2021-01-05",
        "5.1.2021": "2021-01-05",
        "3/5/2021": None,
        "1609372800": "2020-12-31T00:00:00Z",
    }
    rows = "".join(f"{number},{day},Fine\n" for number, day in enumerate(days))
    assert [post.time for post in read(tmp_path / "c.csv", f"id,date,text\n{rows}")] == list(days.values())
    numbers = "".join(f'{{"date": {day}, "text": "Fine"}}\n' for day in days if day.isdigit())
    assert [post.time for post in read(tmp_path / "c.jsonl", numbers)] == [
        d for day, d in days.items() if day.isdigit()
    ]
    if (path := FAULTS / "17-dates-yyyymmdd.csv").exists():
        assert [post.time for post, _ in open_archive(path).posts()] == ["2020-12-31", "2021-01-05"]


# --- XML ---------------------------------------------------------------------------------------------


def test_a_record_too_deep_to_read_is_an_error(tmp_path: Path) -> None:
    deep = (
        "<a>" * 40 + wxr((1, "Deep."), (2, "Too.")).partition("<channel>")[2].partition("</channel>")[0] + "</a>" * 40
    )
    content = f"<?xml version='1.0'?>\n{WXR}\n{deep}{wxr((3, 'Fine.')).partition('<channel>')[2]}"
    found = read(tmp_path / "w.xml", content)
    assert [(post.id, post.error is None) for post in found] == [(None, False), (None, False), ("post-3", True)]
    assert found[0].error == "line 3: a record within more than 32 elements; it was not read"
    ran = invoke("scan", tmp_path / "w.xml", "-o", "-", "-q")
    assert ran.exit_code == 3
    assert ran.stderr.startswith("spoilerguard: 2 of 3 records have errors; the first is record 1: line 3: ")


def test_an_item_that_is_nothing_but_a_title(tmp_path: Path) -> None:
    found = read(tmp_path / "f.xml", "<rss><channel><item><title>He runs.</title></item></channel></rss>")
    assert [post.text for post in found] == ["He runs."]


def test_a_ghost_export_without_its_outer_list(tmp_path: Path) -> None:
    inner = (
        '{"meta": {"exported_on": 1, "version": "5.1"}, "data": {"users": [{"bio": "I write long texts"}], "posts": ['
    )
    found = read(tmp_path / "g.json", inner + '{"id": "a", "title": "T", "html": "<p>He runs.</p>"}]}}')
    assert [(post.id, post.text) for post in found] == [("a", "<p>He runs.</p>")]
