"""Archives as exporters, spreadsheets and people write them: read in full, or an error that says what was lost."""

from __future__ import annotations

import csv
import json
from pathlib import Path
import tempfile
import tracemalloc
from typing import Any
from xml.etree import ElementTree

from commands import invoke
from hypothesis import given
from hypothesis import strategies as st
import pytest

from spoilerguard.archives import Post, open_archive
from spoilerguard.errors import InputError

SAMPLES = Path(__file__).parent / "archives"
WXR = '<rss xmlns:content="http://c" xmlns:wp="http://wordpress.org/export/1.2/"><channel>'


def read(path: Path, data: str, **options: Any) -> list[Post]:
    path.write_text(data, encoding="utf-8", newline="")
    return [post for post, _ in open_archive(path, **options).posts()]


def texts(posts: list[Post]) -> list[str | None]:
    return [post.text if post.error is None else None for post in posts]


def item(number: int, text: str, title: str = "T") -> str:
    body = f"<title>{title}</title><content:encoded>{text}</content:encoded><wp:post_id>{number}</wp:post_id>"
    return f"<item>{body}</item>\n"


@pytest.mark.parametrize(
    "before",
    [
        "\n",
        "\r\n\r\n  ",
        "<br />\n<b>Warning</b>:  a & b in <b>/x.php</b> on line <b>3</b><br />\n",
        "PHP Notice:  Undefined index in /x.php on line 3\n\n",
    ],
)
def test_what_php_writes_before_an_export_is_passed_over(tmp_path: Path, before: str) -> None:
    data = f'{before}<?xml version="1.0"?>\n{WXR}{item(1, "One.")}{item(2, "Two.")}</channel></rss>'
    assert texts(read(tmp_path / "w.xml", data)) == ["One.", "Two."]


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("Salt & stone &c.", "A & B", "Salt & stone &c."),
        ("<![CDATA[Salt &amp; <b>stone</b> & more]]>", "T", "Salt &amp; <b>stone</b> & more"),
        ("He <b>runs</b> off", "T", "He <b>runs</b> off"),
        ("Fine &#x1f; text", "T", None),
        ("Fine &#55357; text", "T", None),
        ("<![CDATA[a ]]> b]]>", "T", None),
        ("Fine", "A <br> B", None),
        ("Fine <br> text", "T", None),
        ("Fine < text", "T", None),
    ],
)
def test_a_fault_costs_one_text_at_most(tmp_path: Path, text: str, title: str, expected: str | None) -> None:
    data = f"{WXR}{item(1, 'One.')}{item(2, text, title)}{item(3, 'Three.')}</channel></rss>"
    found = read(tmp_path / "w.xml", data)
    assert texts(found) == ["One.", expected, "Three."]
    assert found[2].id == "post-3"


CSV = {
    "sep": "sep=;\nid;text\n1;He runs, and hides\n2;Fine\n",
    "sep, quoted": '"sep=|"\r\nid|text\r\n1|He runs, and hides\r\n2|Fine\r\n',
    "title": 'Export of 2021\n\nid,text\n1,"He runs, and hides"\n2,Fine\n',
    "padded title": 'Export of 2021,,\nid,text,stars\n1,"He runs, and hides",3\n2,Fine,4\n',
    "trailing commas": 'id,text\n1,"He runs, and hides",\n2,Fine,\n',
    "spaces": 'id, text\n1, "He runs, and hides"\n2, Fine\n',
    "spaces and semicolons": 'id; text\n1; "He runs, and hides"\n2; Fine\n',
    "body": 'id,Body Text of all,stars\n1,"He runs, and hides",3\n2,Fine,4\n',
    "people's names": 'id,text of the review,stars\n1,"He runs, and hides",3\n2,Fine,4\n',
    "comment_body": 'id,comment_body\n1,"He runs, and hides"\n2,Fine\n',
}


@pytest.mark.parametrize("name", CSV)
def test_csv_as_people_write_it(tmp_path: Path, name: str) -> None:
    found = read(tmp_path / "c.csv", CSV[name])
    assert [(post.id, post.text, post.error) for post in found] == [
        ("1", "He runs, and hides", None),
        ("2", "Fine", None),
    ]


def test_csv_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    data = "1,Ann,He runs and hides\n2,Bo,Fine\n"
    assert texts(read(tmp_path / "c.csv", data)) == ["He runs and hides", "Fine"]
    assert texts(read(tmp_path / "c.csv", data, text_column="2")) == ["Ann", "Bo"]
    with_header = "id,who,text\n1,Ann,Fine\n"
    assert texts(read(tmp_path / "c.csv", with_header, text_column="2")) == ["Ann"]


def test_several_columns_of_prose_are_not_guessed_among(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text column recognised; name it with --text-column"):
        read(tmp_path / "c.csv", "nr,pro,con\n1,I liked it very much,It was far too long\n")


def test_a_column_of_lists_is_never_the_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text column recognised"):
        read(tmp_path / "c.jsonl", '{"text": ["a"]}\n{"text": {"a": 1}}\n')


def test_errors_end_with_status_3_and_say_how_much(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,text\n1,Fine\n2,a,b\n3,Fine\n4,Fine\n", encoding="utf-8")
    ran = invoke("scan", tmp_path / "c.csv", "-o", tmp_path / "o.jsonl", "-q")
    assert ran.exit_code == 3
    assert ran.stderr.startswith("spoilerguard: 1 of 4 records has an error; the first is record 2: 3 cells, but")


# --- other readers -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["good-rss.xml", "good-atom.xml"])
def test_feedparser_reads_the_same_entries(name: str) -> None:
    feedparser = pytest.importorskip("feedparser")
    entries = feedparser.parse((SAMPLES / "feed" / name).read_bytes().strip()).entries
    ours = [post for post, _ in open_archive(SAMPLES / "feed" / name, carry=["title"]).posts()]
    assert [post.id for post in ours] == [entry.get("id", entry.get("link")) for entry in entries]
    assert [(post.record or {})["title"] for post in ours] == [entry.title.replace("&amp;", "&") for entry in entries]


def test_feedparser_reads_the_same_posts_of_an_export() -> None:
    feedparser = pytest.importorskip("feedparser")
    entries = feedparser.parse((SAMPLES / "wordpress" / "good.xml").read_bytes(), sanitize_html=False).entries
    found = [post for post, _ in open_archive(SAMPLES / "wordpress" / "good.xml").posts()]
    ours = [post for post in found if (post.id or "").startswith("post-") and post.state is None]
    assert {f"post-{entry.wp_post_id}": entry.content[0].value.strip() for entry in entries} == {
        post.id: post.text.strip() for post in ours
    }


DISQUS, INTERNAL = "{http://disqus.com}", "{http://disqus.com/disqus-internals}"


def disqus_by_elements(data: bytes) -> list[tuple[Any, ...]]:
    """The comments of a Disqus export, by its published schema and the XML library of Python."""
    found = []
    for post in ElementTree.fromstring(data).findall(f"{DISQUS}post"):
        deleted, spam = (post.findtext(f"{DISQUS}{name}") == "true" for name in ("isDeleted", "isSpam"))
        thread, parent = (post.find(f"{DISQUS}{name}") for name in ("thread", "parent"))
        found.append(
            (
                post.get(f"{INTERNAL}id"),
                "" if deleted else post.findtext(f"{DISQUS}message"),
                None if thread is None else thread.get(f"{INTERNAL}id"),
                post.findtext(f"{DISQUS}createdAt"),
                "deleted" if deleted else "spam" if spam else None,
                None if parent is None else parent.get(f"{INTERNAL}id"),
            )
        )
    return found


def disqus_by_us(path: Path) -> list[tuple[Any, ...]]:
    found = [post for post, _ in open_archive(path, carry=["parent"]).posts()]
    return [(p.id, p.text, p.work, p.time, p.state, (p.record or {})["parent"]) for p in found]


def test_the_xml_library_reads_the_same_comments_of_disqus() -> None:
    path = SAMPLES / "disqus" / "good.xml"
    assert disqus_by_us(path) == disqus_by_elements(path.read_bytes())
    assert len(disqus_by_us(path)) == 4


XML_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))


@given(st.lists(st.tuples(XML_TEXT, st.booleans(), st.booleans(), st.sampled_from(["", "7"])), min_size=1, max_size=5))
def test_the_xml_library_reads_any_comments_of_disqus(comments: list[tuple[str, bool, bool, str]]) -> None:
    root = ElementTree.Element(f"{DISQUS}disqus")
    for number, (text, deleted, spam, thread) in enumerate(comments):
        post = ElementTree.SubElement(root, f"{DISQUS}post", {f"{INTERNAL}id": str(number)})
        ElementTree.SubElement(post, f"{DISQUS}message").text = text
        ElementTree.SubElement(post, f"{DISQUS}createdAt").text = "2012-02-10T10:00:00Z"
        ElementTree.SubElement(post, f"{DISQUS}isDeleted").text = str(deleted).lower()
        ElementTree.SubElement(post, f"{DISQUS}isSpam").text = str(spam).lower()
        if thread:
            ElementTree.SubElement(post, f"{DISQUS}thread", {f"{INTERNAL}id": thread})
    ElementTree.register_namespace("", "http://disqus.com")
    ElementTree.register_namespace("dsq", "http://disqus.com/disqus-internals")
    data = ElementTree.tostring(root, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "d.xml")
        path.write_bytes(data)
        assert disqus_by_us(path) == disqus_by_elements(data)


@pytest.mark.parametrize(
    ("name", "prefix", "id_of", "text_of"),
    [
        ("json/good.json", "item", "id", "text"),
        ("json/good-wrapped.json", "messages.item", "id", "content"),
        ("ghost/good.json", "db.item.data.posts.item", "id", "html"),
        ("mastodon/good.json", "orderedItems.item", "object.id", "object.content"),
    ],
)
def test_ijson_reads_the_same_records(name: str, prefix: str, id_of: str, text_of: str) -> None:
    ijson = pytest.importorskip("ijson")

    def within(record: Any, path: str) -> Any:
        for key in path.split("."):
            record = record.get(key) if isinstance(record, dict) else None
        return record

    with (SAMPLES / name).open("rb") as file:
        records = list(ijson.items(file, prefix))
    ours = [post for post, _ in open_archive(SAMPLES / name).posts()]
    assert len(ours) == len(records) > 0
    for post, record in zip(ours, records, strict=True):
        assert post.id == str(within(record, id_of) or record["id"])
        assert post.text == (within(record, text_of) or "")


def test_the_csv_module_reads_the_same_rows(tmp_path: Path) -> None:
    rows = list(csv.reader(CSV["spaces"].splitlines(), skipinitialspace=True))[1:]
    assert [[post.id, post.text] for post in read(tmp_path / "c.csv", CSV["spaces"])] == rows


# --- memory ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "feed"])
def test_large_archives_are_read_in_constant_memory(tmp_path: Path, kind: str) -> None:
    path, count, text = tmp_path / "large", 6_000, "The lamp goes out. " * 100
    with path.open("w", encoding="utf-8") as file:
        file.write("[" if kind == "json" else "<rss><channel>")
        for number in range(count):
            record = json.dumps({"id": number, "text": text})
            file.write(
                f"{',' if number else ''}\n{record}"
                if kind == "json"
                else f"<item><description>{text}</description></item>"
            )
        file.write("]" if kind == "json" else "</channel></rss>")
    archive = open_archive(path)
    tracemalloc.start()
    assert sum(1 for _ in archive.posts()) == count
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 10 << 20
    assert peak < 4 << 20
