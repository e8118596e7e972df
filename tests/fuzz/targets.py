"""What is fuzzed: one table. A row names a function that takes any bytes, and raises where something is wrong.

A fault is whatever leaves a target: an exception that is not ours, or an assertion. To add a target, write
its function and add its row; `tests/test_fuzz.py` runs each over its seeds.
"""

from __future__ import annotations

import asyncio
import bz2
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
import csv
from dataclasses import dataclass
from functools import cache, partial
import gzip
import hashlib
from html import unescape
import io
from itertools import count, islice, pairwise
import json
import lzma
import os
from pathlib import Path
import re
import shutil
import sqlite3
import tempfile
from typing import Any
from unittest.mock import MagicMock

from accessible import stripped
from trees import html_of, seen

from spoilerguard.archives import Archive, Cursor, open_archive
from spoilerguard.archives.table import FAMILIES
from spoilerguard.datasets import load_labelled
from spoilerguard.datasets.labelled import write_jsonl
from spoilerguard.datasets.works import read_works
from spoilerguard.drafts import io as drafts
from spoilerguard.drafts.baseline import read_baseline
from spoilerguard.drafts.decisions import read_decisions
from spoilerguard.drafts.edited import read_report
from spoilerguard.drafts.patterns import Patterns
from spoilerguard.errors import InputError, LeakError, ModelError, SpoilerguardError
from spoilerguard.files import streams
from spoilerguard.files.storage import Stored
from spoilerguard.guard import load
from spoilerguard.hiding import accessible_html
from spoilerguard.hiding.blurring import hide
from spoilerguard.hiding.styles import HIDDEN, STYLES
from spoilerguard.model import store
from spoilerguard.model.graph import check_graph
from spoilerguard.preview.page import preview
from spoilerguard.printing import PRINTERS, Look, Outcome
from spoilerguard.scan.folder import PartialOutput, part_of
from spoilerguard.scan.outputs import OutputRow, columns, encode, finish, head
from spoilerguard.scan.outputs import count as number_of
from spoilerguard.scan.part import Done, Part
from spoilerguard.scan.partfolder import PartsFolder
from spoilerguard.scan.summary import Summary
from spoilerguard.serving.problems import RequestError
from spoilerguard.serving.server import _protocol
from spoilerguard.serving.service import Limits, answer, app
from spoilerguard.settings.keys import COMMANDS
from spoilerguard.settings.layers import find
from spoilerguard.site.checking import check_site
from spoilerguard.spans import Document, Format
from spoilerguard.text.htmlscan import scan
from spoilerguard.text.markup import find_hidden, strip_hidden
from spoilerguard.text.ranges import mask_outside
from spoilerguard.text.reading import READERS, read
from spoilerguard.text.sentences import by_rules, split

ROOT = Path(__file__).resolve().parents[2]

__all__ = ["TARGETS", "Target", "words_of_the_formats"]


@dataclass(frozen=True)
class Target:
    """One function to fuzz: what it does with any bytes, and the bytes to begin with."""

    run: Callable[[bytes], object]
    seeds: Callable[[], Iterator[bytes]]


@cache
def _folder() -> Path:
    """Of this process, in memory where there is such a thing."""
    shm = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm if os.access(shm, os.W_OK) else None))


def _written(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _text(data: bytes) -> str:
    """Any text, surrogates too."""
    return data.decode("utf-8", "surrogateescape")


def _told(data: bytes, control: int) -> tuple[bytes, bytes]:
    """The first bytes, which choose, and the rest."""
    return data[:control].ljust(control, b"\0"), data[control:]


# --- readers ------------------------------------------------------------------------------------


def reader(format: Format, data: bytes) -> None:
    """Prose and sentences of any text stand where they stood."""
    source = _text(data)
    document = _checked(read(source, format))
    _checked(read(source, format, quotations=False))
    last = 0
    for start, end in split(document.prose, document.blocks):
        assert last <= start < end <= len(source), "sentences in order and apart"
        assert not document.prose[start].isspace(), "no sentence begins with white space"
        assert not document.prose[end - 1].isspace(), "no sentence ends with white space"
        last = end
        line, column = document.position(start)
        assert line >= 1 <= column
    lost = _outside(document.prose, split(document.prose, document.blocks))
    assert not re.search(r"[^\W_]", lost), "every word is in a sentence"


def _outside(text: str, ranges: list[tuple[int, int]]) -> str:
    ends = [0, *(at for bounds in ranges for at in bounds), len(text)]
    return "".join(text[start:end] for start, end in zip(ends[::2], ends[1::2], strict=True))


def _checked(document: Document) -> Document:
    source = document.source
    assert len(document.prose) == len(source), "prose is as long as its source"
    assert all(p in (" ", s) for p, s in zip(document.prose, source, strict=True)), "prose is masked, not changed"
    for ranges in (document.blocks, document.hidden, document.suppressed, document.concealed):
        ends = [0, *(at for found in ranges for at in found[:2]), len(source)]
        assert all(a <= b for a, b in pairwise(ends)), "ranges in order and apart"
    return document


def tokens(data: bytes) -> None:
    """What the scanner of HTML finds lies within the source, and text is not tag."""
    source = _text(data)
    found = scan(source, elements=True)
    for span in (*found.text, *found.tags):
        assert 0 <= span.start <= span.end <= len(source)
    covered = bytearray(len(source))
    for start, end in found.text:
        covered[start:end] = b"\1" * (end - start)
    for tag in found.tags:
        assert tag.whole or not any(covered[tag.start : tag.end]), "no tag is text"


def markup(data: bytes) -> None:
    """Spoilers of any syntax are apart, and survive stripping."""
    text = _text(data)
    hidden = find_hidden(text)
    ends = [0, *(at for h in hidden for at in h[:2]), len(text)]
    assert ends == sorted(ends)
    bare, ranges = strip_hidden(text)
    flat = [0, *(at for r in ranges for at in r), len(bare)]
    assert flat == sorted(flat)
    accessible_html.feed(text)


# --- writers ------------------------------------------------------------------------------------

_CUT_OUT = {"redact", "placeholder", "feed", "rot13"}  # none of the words are left
_IMAGE = re.compile(  # as far as a description may reach: there may be images in it, and tags between quotes
    r"""(?six) !\[ (?: (?!\n\n) . )* \]\( | <img\b (?: =\s*"[^"]*(?:"|\Z) | =\s*'[^']*(?:'|\Z) | [^>] )*
    | <iframe\b .*? (?: </iframe> | \Z )"""
)
_OPEN_LINK = re.compile(r"<a\b(?![^<\n]*</a>)")  # ends where the next one begins, be it a control of ours


def writer(format: Format, data: bytes) -> None:
    """What is hidden is not seen, by our reader nor by others; what was left to see is seen; all else is there.

    `w1`, `w2`, ... stand for words that can be told apart.
    """
    (chosen, bits, mode), rest = _told(data, 3)
    fitting = [style for style in STYLES.values() if format in style.formats]
    style = fitting[chosen % len(fitting)]
    source = _numbered(_text(rest))
    document = _checked(read(source, format))
    every = by_rules(document.prose, document.blocks)
    ranges = [at for k, at in enumerate(every) if not bits >> k % 8 & 1]
    if mode == 1:  # any ranges: they must be refused or taken, no more
        ranges = [(k, k + 1 + bits % 7) for k in range(bits % 5, len(source), 11)]
    try:
        result = hide(document, ranges, style.name)
    except LeakError:
        return
    as_html = style.name == "html" and format != "mdx"  # which is written as JSX, and `tests/test_mdx.py` compiles it
    if "sg1" not in source and as_html and HIDDEN not in result:  # headings lose their text
        assert stripped(result) == source, "stripped, it is the source again"
    if mode == 1:
        return
    after = _checked(read(result, format))
    secret = _words(" ".join(document.prose[start:end] for start, end in ranges))
    if document.suppressed:  # what is, may be another block once there are more of them
        return
    assert not _words(after.prose) & secret, "hidden, and our reader sees it"
    if style.name != "feed":  # boilerplate is found anew: with less visible text, a block may count as it
        shown = _words(mask_outside(result, READERS[format](result).visible))
        whole = _words(" ".join(_IMAGE.findall(source)))  # an image is hidden with all that describes it
        assert _words(document.prose) - secret - whole <= shown, "not hidden, and our reader does not see it"
    for word in re.finditer(r"\bw\d+\b", result):
        if word[0] in secret:
            assert style.name not in _CUT_OUT, "cut out, and there"
            assert any(h.start <= word.start() < h.end for h in after.hidden), "written, and not found hidden"
    if ranges == every:
        again = [at for at in by_rules(after.prose, after.blocks) if re.search(r"\w", after.prose[slice(*at)])]
        if style.name != "feed":
            with suppress(LeakError):
                assert hide(after, again, style.name) == result, "hidden twice"
    if as_html:
        _as_others_see(format, source, result, document.prose, ranges)


def _as_others_see(format: Format, source: str, result: str, prose: str, ranges: list[tuple[int, int]]) -> None:
    if max(source, default="") >= "\udc80" or _OPEN_LINK.search(source):
        return
    before, shown = (source, result) if format == "html" else (html_of(source), html_of(result))
    secret = _words(unescape(" ".join(prose[start:end] for start, end in ranges)))
    seen_before, seen_now = _words(seen(before)), _words(seen(shown))
    assert not seen_now & secret, "hidden, and a browser shows it"
    within = _words(unescape(" ".join(source[start:end] for start, end in ranges)))  # also what is no prose there
    lost = seen_before & _words(unescape(prose)) - seen_now
    assert lost <= within, "not hidden, and a browser does not show it"


def _numbered(text: str) -> str:
    numbers = count(1)
    return re.sub(r"\bw\d*\b", lambda _: f"w{next(numbers)}", text)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\bw\d+\b", text))


def findings(data: bytes) -> None:
    """The whole way with the bundled model: what is found is what stands there, in every output, and the page."""
    (chosen, mode), rest = _told(data, 2)
    text, format = _text(rest), ("text", "markdown", "html", "auto")[chosen % 4]
    guard = load("fast")
    report = guard.flag(text, format=format, threshold=(0.0, 0.05, 0.5)[mode % 3])
    for flag in report:
        assert text[flag.start : flag.end] == flag.text
        assert 0 <= flag.score <= 1
    look = Look(bool(chosen & 64), False, report.threshold, report.model)
    for name, write in PRINTERS.items():
        lines = "\n".join(write([Outcome("draft.md", report)], look))
        if name == "json":
            shown = json.loads(lines)["files"][0]
            assert [flag["text"] for flag in shown["flags"]] == [flag.text for flag in report]
            if not any("\ud800" <= c <= "\udfff" for c in text):
                path = _written("report.json", lines.encode())
                assert read_report(str(path), "draft.md").ranges(text) == [(f.start, f.end) for f in report]
        elif not look.colour:
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", lines), "nothing a terminal obeys"
    if mode & 128:
        preview(guard, text, format=format)


# --- archives -----------------------------------------------------------------------------------


def archive(family: str | None, suffix: str, data: bytes) -> None:
    """Any file of this family: posts or our errors, and from every cursor exactly the rest."""
    path = _written(f"archive{suffix}", data)
    with suppress(SpoilerguardError):
        _resumes(open_archive(path, format=family, longest_record=4096))


def opening(data: bytes) -> None:
    """Any file under any name: what it is, is guessed."""
    (chosen,), rest = _told(data, 1)
    archive(None, _SUFFIXES[chosen % len(_SUFFIXES)], rest)


_SUFFIXES = ("", ".csv", ".tsv", ".jsonl", ".json", ".xml", ".parquet", ".gz", ".zst", ".txt")


def _resumes(found: Archive) -> None:
    pairs = list(found.posts())
    assert [post.number for post, _ in pairs] == list(range(len(pairs)))
    again = open_archive(found.source, **found.settled)
    for number in range(0, len(pairs), max(1, len(pairs) // 4)):
        cursor = Cursor(*json.loads(json.dumps(pairs[number][1])))
        assert list(again.posts(cursor)) == pairs[number + 1 :], "from a cursor, exactly the rest"
    for post, _ in pairs:
        assert post.error is None or not post.text
        post.text.encode(), (post.id or "").encode(), (post.work or "").encode(), (post.time or "").encode()


def packed(data: bytes) -> None:
    """A file of lines, packed and then damaged: what comes out is a beginning of it, or an error."""
    (chosen, offset, value), rest = _told(data, 3)
    whole = bytearray(_PACK[chosen % len(_PACK)](rest))
    for k in range(chosen >> 4 & 3):
        whole[(offset * 7 + k * 13) % len(whole)] ^= value
    if chosen & 128:
        del whole[len(whole) * offset // 256 :]
    archive("jsonl", ".jsonl", bytes(whole))


def _zstd(data: bytes) -> bytes:
    import zstandard

    return bytes(zstandard.ZstdCompressor(write_checksum=True).compress(data))


_PACK: tuple[Callable[[bytes], bytes], ...] = (gzip.compress, bz2.compress, lzma.compress, _zstd)


def database(data: bytes) -> None:
    """Any value in a database, and any query that only reads."""
    (chosen,), rest = _told(data, 1)
    path = _folder() / "comments.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE comments (id, body, time)")
    values = (rest, _text(rest).encode("utf-8", "replace").decode(), len(rest), None, 0.5)
    with connection:
        connection.execute("INSERT INTO comments VALUES (?, ?, ?)", [values[(chosen >> k) % 5] for k in (0, 2, 4)])
        connection.execute("INSERT INTO comments VALUES (1, CAST(? AS TEXT), CAST(? AS TEXT))", (rest, rest))
    connection.close()
    query = "SELECT id, body, time FROM comments ORDER BY 1" if chosen < 128 else f"SELECT {_text(rest)}"
    with suppress(SpoilerguardError):
        _resumes(open_archive(f"sqlite:///{path}", query=query))


def scanned(data: bytes) -> None:
    """Any text in a row of the output of a scan: it is read back, and as CSV it starts no formula."""
    pieces = [_text(piece) for piece in data.split(b"\n\n")]
    flag = {"start": 0, "end": 1, "text": pieces[0], "score": 0.5, "reasons": [{"kind": "death", "text": pieces[-1]}]}
    same = {"spoiler_score": 0.5, "spoiler": True, "flags": [flag], "blurred": pieces[-1], "error": None}
    rows: list[OutputRow] = [{"id": piece, **same} for piece in pieces]
    names = columns(blurred=True)
    for kind in (".jsonl", ".csv", ".parquet", ".jsonl.zst"):
        written = _written("rows", head(kind, names) + encode(kind, rows, names))
        path = finish(kind, written, _folder() / "beside", names)
        assert number_of(kind, path) == len(rows), "as many rows as there were"
        if kind == ".jsonl":
            assert [json.loads(line) for line in path.read_bytes().splitlines()] == rows
        if kind == ".csv":
            cells = csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""))
            assert not any(cell[:1] in set("=+-@\t\r\n") and cell for row in cells for cell in row), "no formula"


# --- other files --------------------------------------------------------------------------------


def labelled(data: bytes) -> None:
    """Any file of labelled data: documents or our errors; what is written of them can be read again."""
    (chosen,), rest = _told(data, 1)
    path = _written(f"labelled{_LABELLED[chosen % len(_LABELLED)]}", rest)
    try:
        documents = list(load_labelled(path, format="marked" if chosen & 128 else None))
    except SpoilerguardError:
        return
    if documents:
        again = _folder() / "again.jsonl"
        write_jsonl(documents, again)
        # Cleaned again, a sentence may be another: without marks, new marks may stand together.
        assert len(list(load_labelled(again))) <= len(documents)


_LABELLED = (".jsonl", ".csv", ".tsv", ".json", ".txt", ".md", ".jsonl.gz", "", ".parquet")


def manifest(data: bytes) -> None:
    """Any manifest of a model."""
    folder = _model()
    (folder / "manifest.json").write_bytes(data)
    with suppress(ModelError):
        store.load(folder)


def weights(data: bytes) -> None:
    """The arrays of a model with any bytes of them changed, under a manifest that vouches for them.

    Three bytes say where, one what; a first byte that is odd: all that follows are the arrays.
    """
    (chosen,), rest = _told(data, 1)
    array = rest if chosen & 1 else _patched(_weights(), rest)
    folder, manifest = _model(), json.loads(_manifest())
    manifest["digests"]["weights.npz"] = hashlib.sha256(array).hexdigest()
    (folder / "weights.npz").write_bytes(array)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    try:
        with suppress(ModelError):
            store.load(folder)
    finally:
        (folder / "weights.npz").write_bytes(_weights())


def _patched(data: bytes, patches: bytes) -> bytes:
    """The archive's headers are at its ends and at its members: patches fall there."""
    changed = bytearray(data)
    places = [found.start() for found in re.finditer(rb"PK\x01\x02|PK\x03\x04|PK\x05\x06", data)]
    for k in range(0, len(patches) - 2, 3):
        changed[min(places[patches[k] % len(places)] + patches[k + 1], len(changed) - 1)] = patches[k + 2]
    return bytes(changed)


def network(data: bytes) -> None:
    """Any ONNX file: refused, or safe to load."""
    import onnxruntime

    with suppress(ValueError):
        check_graph(data, _INPUTS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        try:
            onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's own
            raise ValueError from error


_INPUTS = {"ids": (1, 512), "segments": (1, 512), "pool": (512, 512)}


@cache
def _weights() -> bytes:
    return (ROOT / "models" / "fast" / "weights.npz").read_bytes()


@cache
def _manifest() -> bytes:
    return (ROOT / "models" / "fast" / "manifest.json").read_bytes()


@cache
def _model() -> Path:
    return Path(shutil.copytree(ROOT / "models" / "fast", _folder() / "model"))


def edited(data: bytes) -> None:
    """Any report to hide by."""
    source = "Zoë naps. Nobody dies.\n"
    with suppress(InputError):
        for start, end in read_report(str(_written("edited.json", data)), "draft.md").ranges(source):
            assert source[start:end]


def decoding(data: bytes) -> None:
    """Any bytes as a draft: its text and back, or our error; and as a stream of any packing and encoding."""
    with suppress(InputError):
        assert drafts.encode(drafts.decode(data, "draft"), data) == data
    encoding = streams.guess_encoding(data)
    with suppress(*streams.damage()), streams.unpacked(_written("stream", data).open("rb")) as stream:
        if not streams.has_plain_lines(encoding):
            stream = streams.transcoded(stream, encoding)
        while stream.read1(1 << 16):
            pass


def state(data: bytes) -> None:
    """What an interrupted scan may have left, or somebody has put there."""
    output = _folder() / "out.jsonl"
    folder = part_of(output)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "state.json").write_bytes(data)
    (folder / "rows-00000").write_bytes(b"{}\n")
    with (
        suppress(InputError),
        closing(
            PartialOutput(
                output, {"output": ".jsonl", "partition": None, "blur": None, "keep": (), "csv_formulas": False}
            )
        ) as part,
    ):
        part.resume()
        part.commit()


def parts(data: bytes) -> None:
    """What a scan in parts may have left: its plan, and the record of a part."""
    output, plan = _folder() / "parts", {"model": "fast"}
    folder = PartsFolder(str(output), plan, [Part(Stored("a.jsonl", "a.jsonl", 3, "1"), "a.jsonl")])
    shutil.rmtree(output, ignore_errors=True)
    (output / "_spoilerguard" / "parts").mkdir(parents=True)
    begun = json.dumps({"version": 1, "scan": "0", "plan": plan}).encode()
    plan_of, _, record = data.partition(b"\n\n")
    (output / "_spoilerguard" / "scan.json").write_bytes(plan_of or begun)
    (output / "_spoilerguard" / "parts" / "a.jsonl.json").write_bytes(record)
    (output / "a.jsonl").write_bytes(b"{}\n")
    with suppress(InputError):
        for done in folder.start(resume=True, force=False, works=None):
            total = Summary()
            total.add(done.summary)
            total.to_dict()


def kept(data: bytes) -> None:
    """Any file that a project keeps beside its drafts: a baseline, decisions, settings, works."""
    (chosen,), rest = _told(data, 1)
    name, read_it = _KEPT[chosen % len(_KEPT)]
    with suppress(SpoilerguardError):
        read_it(str(_written(name, rest)))


def _settings(path: str) -> None:
    found = find(path)
    for command in COMMANDS:
        found.options(command, str(_folder() / "draft.md"))


_KEPT: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("baseline.json", read_baseline),
    ("decisions.jsonl", read_decisions),
    (".spoilerguard.toml", _settings),
    ("works.jsonl", read_works),
)


def patterns(data: bytes) -> None:
    """Any patterns of a checkout, on names that they may be slow about."""
    with suppress(InputError):
        found = Patterns(str(_folder()), _text(data).split("\n"), "here")
        for name in ("a" * 200, "a/" * 90, "-".join("ab" * 90), "a.b/ab/" * 20 + "b"):
            found.matches(str(_folder() / name))


def site(data: bytes) -> None:
    """Any file of a built site, beside a page that hides something."""
    (chosen,), rest = _told(data, 1)
    root = _folder() / "site"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    (root / "page.html").write_text(hide(read("<p>He naps. She dies at dawn.</p>", "html"), [(12, 29)]), "utf-8")
    (root / f"file{_PAGES[chosen % len(_PAGES)]}").write_bytes(rest)
    check_site(str(root))


_PAGES = (".html", ".xml", ".json", ".js", ".txt", ".html.gz", ".json.gz", ".rss", ".md", ".css")


def http(data: bytes) -> None:
    """Any bytes of a connection: every answer is whole, JSON, and no fault of ours."""
    loop, connect = _server()
    sent, protocol = connect()
    for piece in filter(None, data.split(b"\n\n\n\n")):  # no event loop hands over an empty one
        protocol.data_received(piece)
        loop.run_until_complete(_settled(protocol))
    protocol.eof_received()
    protocol.connection_lost(None)
    loop.run_until_complete(_settled(protocol))
    for answered in re.split(rb"(?=HTTP/1\.1 \d{3} )", bytes(sent)):
        if not answered or answered.startswith(b"HTTP/1.1 100"):
            continue
        top, _, body = answered.partition(b"\r\n\r\n")
        assert int(top[9:12]) < 500, "a fault of the server"
        length = re.search(rb"(?i)content-length: (\d+)", top)
        if body:
            assert length is not None
            assert int(length[1]) == len(body), "the body is whole"
            json.loads(body)


async def _settled(protocol: Any) -> None:
    """Wait until nothing is left to do."""
    for _ in range(3):
        await asyncio.sleep(0)
    while tasks := [task for task in protocol.tasks if not task.done()]:
        if protocol.cycle is not None and protocol.cycle.more_body and not protocol.cycle.disconnected:
            return  # the rest of the body is still to come
        await asyncio.wait(tasks, timeout=0.01)


@cache
def _server() -> tuple[asyncio.AbstractEventLoop, Callable[[], tuple[bytearray, Any]]]:
    """An event loop, and what makes a connection to the service: the bytes sent to the client, and the protocol."""
    from uvicorn import Config
    from uvicorn.server import ServerState

    loop, short = asyncio.new_event_loop(), Limits(most_bytes=4096)
    service_of = app(load("fast"), short, hosts={"localhost"})
    config = Config(service_of, http=_protocol(60, 8), ws="none", lifespan="off", log_config=None, access_log=False)
    config.h11_max_incomplete_event_size = 4096
    config.load()

    def connect() -> tuple[bytearray, Any]:
        sent, transport = bytearray(), MagicMock(spec=asyncio.Transport)
        transport.write.side_effect = sent.extend
        transport.is_closing.side_effect = lambda: transport.close.called or transport.abort.called
        protocol: Any = config.http_protocol_class(config, ServerState(), {}, _loop=loop)  # type: ignore[call-arg,arg-type]
        protocol.connection_made(transport)
        return sent, protocol

    return loop, connect


def service(data: bytes) -> None:
    """Any body of a request, and any text in one: an answer, or an error that is the client's."""
    (chosen, mode), rest = _told(data, 2)
    name, body = ("check", "blur")[chosen % 2], rest
    if mode & 1:
        styles, formats = [*STYLES, None], [*READERS, "auto"]
        asked = {"text": _text(rest), "format": formats[chosen // 2 % len(formats)], "threshold": mode % 3 / 2}
        if name == "blur":
            asked["style"] = styles[mode // 2 % len(styles)]
        body = json.dumps(asked).encode()
    try:
        answered = json.loads(answer(load("fast"), name, body))
    except RequestError as error:
        if error.status not in (400, 422):
            raise AssertionError(error.fault) from None
        return
    for flag in (answered if name == "blur" else answered["files"][0])["flags"]:
        assert flag["start"] < flag["end"]


# --- seeds --------------------------------------------------------------------------------------

_PIECES = [
    *"""\
w w.|He dies. |a\u0301|\ufeff|\u2028|\U0001f600|<p>|</p>|<b>|</b>|<li>|<ul>|<table>|<tr>|<td>|</table>|<pre>|<script>|\
</script>|<svg>|<math>|<!--|-->|<!DOCTYPE html>|<body>|<a href=x>|</a>|<div hidden>|<span class=spoiler>|</span>|\
<details>|<summary>|</details>|<br>|<img src=a>|<img alt="w w.">|<iframe srcdoc="<p>w.|\
</iframe>|<button>|<text>|<foreignObject>|<template shadowrootmode=open>|<h2>|<template>|<![CDATA[|]]>|\
<?xml |<tg-spoiler>|<spoiler>|\
<!-- spoilerguard off -->|<!-- spoilerguard on -->|<!-- spoilerguard: ignore-next -->|>!|!<|[spoiler]|[/spoiler]|\
::: spoiler a|:::|{{spoiler|}}|{{< details >}}|{{< /details >}}|[[spoiler:|]]|~!|!~|(view spoiler)[|(hide spoiler)]|\
[rot13: |&gt;!|!&lt;|&amp;|&nbsp;|&#119;|---|```|> |>> |- |1. |# |===|[^1]|[^1]: |[x]: y|![a](b)|[a](b 'c')|~~|**|\
<http://a.b>|http://a.example/b?c|me@x.example|Mr. |e.g. |... |?!|\u201c|\u201d|\u3002""".split("|"),
    *("||", "|-|-|", "\\"),
]


def words_of_the_formats() -> list[bytes]:
    """What a fuzzer would not think of: the marks of all formats."""
    return [*(piece.encode() for piece in _PIECES), b"\n\n", b"\r\n", b"\n> ", b"\n- ", b'","', b'"text":', b"\x00"]


def _documents() -> Iterator[bytes]:
    """Drafts and pages of ours, and examples of Markdown and of strings that hurt, where they are."""
    for path in (*(ROOT / "data" / "examples").iterdir(), *(ROOT / "tests" / "data" / "pages").iterdir()):
        yield path.read_bytes()[:4000]
    yield from (f"w w. w! {piece}w w.{piece} w\n\nw. {piece}".encode() for piece in _PIECES)
    shared = ROOT.parent / "shared" / "robustness"
    if shared.is_dir():
        yield from (text.encode() for text in json.loads((shared / "blns.json").read_text("utf-8"))[::5])
        for example in json.loads((shared / "commonmark_examples.json").read_text("utf-8"))[::5]:
            yield example["markdown"].encode()
            yield example["html"].encode()


def _chosen(seeds: Callable[[], Iterator[bytes]], control: int) -> Iterator[bytes]:
    """Seeds with bytes before them that choose."""
    for number, seed in enumerate(seeds()):
        yield bytes((number * 37 + k * 11) % 256 for k in range(control)) + _numbers_off(seed)


def _numbers_off(seed: bytes) -> bytes:
    return re.sub(rb"\b[a-z]{3,9}\b", b"w", seed)


def _files(*patterns: str) -> Iterator[bytes]:
    for pattern in patterns:
        yield from (path.read_bytes() for path in sorted((ROOT / "tests").glob(pattern)))


def _of_labelled() -> Iterator[bytes]:
    for path in sorted((ROOT / "tests" / "data" / "labelled").glob("*/*")):
        suffix = "".join(path.suffixes)
        yield bytes([_LABELLED.index(suffix) if suffix in _LABELLED else 0]) + path.read_bytes()


def _reports() -> Iterator[bytes]:
    flag = {"start": 0, "end": 9, "line": 1, "column": 1, "text": "Zoë naps.", "score": 0.9, "reasons": []}
    entry = {"path": "draft.md", "format": "markdown", "sentences": 2, "hidden": 0, "error": None, "flags": [flag]}
    yield json.dumps({"version": 1, "model": {}, "threshold": 0.5, "files": [entry]}, ensure_ascii=False).encode()


def _states() -> Iterator[bytes]:
    with closing(
        PartialOutput(
            _folder() / "begun.jsonl",
            {"output": ".jsonl", "partition": None, "blur": None, "keep": (), "csv_formulas": False},
        )
    ) as part:
        part.start(replace=False)
        yield (part.folder / "state.json").read_bytes()


def _streams() -> Iterator[bytes]:
    for text in ("Fine — one\nTwo\n" * 9, "", "\ufeffa"):
        yield from (text.encode(name) for name in ("utf-8", "utf-16", "utf-32", "utf-16-le"))
        yield from (pack(text.encode()) for pack in _PACK)


def _arrays() -> Iterator[bytes]:
    import numpy as np

    yield b"\0\0\0"
    yield b"\0" + bytes(range(60))
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.zeros((2, 1), np.float16))
    yield b"\1" + buffer.getvalue()


def _networks() -> Iterator[bytes]:
    """Small networks of operators that ours have."""
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ModuleNotFoundError:
        yield b"\x3a\x00"
        return
    import numpy as np

    tables = {"t": np.zeros((9, 4), np.float32), "to": np.array([1, -1], np.int64), "axis": np.array([0], np.int64)}
    held = [numpy_helper.from_array(array, name) for name, array in tables.items()]
    nodes = [
        helper.make_node("Gather", ["t", "ids"], ["a"]),
        helper.make_node("Add", ["a", "a"], ["b"]),
        helper.make_node("Reshape", ["b", "to"], ["c"]),
        helper.make_node("Squeeze", ["c", "axis"], ["d"]),
        helper.make_node("Cast", ["segments"], ["e"], to=1),
        helper.make_node("MatMul", ["pool", "pool"], ["f"]),
        helper.make_node("Slice", ["pool", "axis", "axis"], ["g"]),
        helper.make_node("DynamicQuantizeLinear", ["pool"], ["h", "i", "j"]),
        helper.make_node("QAttention", ["a", "t"], ["k"], domain="com.microsoft", num_heads=2),
    ]
    infos = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in _INPUTS.items()]
    for some in (nodes, *([node] for node in nodes)):
        yield helper.make_model(helper.make_graph(some, "g", infos, [], held)).SerializeToString()


def _scans() -> Iterator[bytes]:
    done = Done("a.jsonl", "1", "a.jsonl", 3, 1, Summary(), None)
    yield b"\n\n" + done.to_json()
    yield b'{"version": 1, "scan": "0", "plan": {"model": "fast"}}\n\n' + done.to_json()


def _kept() -> Iterator[bytes]:
    yield b'\0{"version": 1, "files": {"draft.md": {"c1b5a2f0e37d9c44": 1}}}'
    decided = {"sentence": "c1b5a2f0e37d9c44", "before": "", "after": "", "decision": "show", "file": "draft.md"}
    yield b"\1" + json.dumps(decided).encode()
    yield b'\2sensitivity = "high"\nexclude = ["a/**"]\n[check]\nformat = "json"\n[[overrides]]\npaths = ["*.md"]\n'
    yield b'\3{"work": "a", "title": "A", "synopsis": "b"}\n'


def _sites() -> Iterator[bytes]:
    for number, _ in enumerate(_PAGES):
        yield bytes([number]) + b"<p>She dies at dawn.</p><title>a</title>"
        yield bytes([number]) + b'{"a": ["She dies at dawn.", {"b": "x"}]}'
        yield bytes([number]) + gzip.compress(b"<rss><item><title>She dies at dawn.</title></item></rss>")


def _requests() -> Iterator[bytes]:
    body = b'{"text": "He dies.", "format": "html"}'
    top = b"Host: localhost\r\nContent-Type: application/json\r\n"
    whole = b"%sContent-Length: %d\r\n\r\n%s" % (top, len(body), body)
    yield b"POST /v1/check HTTP/1.1\r\n" + whole
    yield b"POST /v1/blur HTTP/1.1\r\n" + whole + b"GET /healthz HTTP/1.1\r\n" + top + b"\r\n"
    yield (
        b"POST /v1/blur HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
        + top
        + b"\r\n3\r\n{}\n\r\n0\r\n\r\n"
    )
    yield b"OPTIONS * HTTP/1.0\r\nAuthorization: Bearer a\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"


def _archive_row(name: str) -> Target:
    suffix = {"parquet": ".parquet", "wordpress": ".xml", "disqus": ".xml"}.get(name, ".txt")
    return Target(partial(archive, name, suffix), partial(_files, f"archives/{name}/*"))


# --- the table ----------------------------------------------------------------------------------

_FORMATS: tuple[Format, ...] = ("text", "markdown", "mdx", "html")

TARGETS: dict[str, Target] = {
    **{f"read-{format}": Target(partial(reader, format), _documents) for format in _FORMATS},
    **{f"hide-{format}": Target(partial(writer, format), partial(_chosen, _documents, 3)) for format in _FORMATS},
    "htmlscan": Target(tokens, _documents),
    "markup": Target(markup, _documents),
    "flag": Target(findings, lambda: islice(_chosen(_documents, 2), 0, None, 5)),  # it takes its time
    **{f"archive-{family.name}": _archive_row(family.name) for family in FAMILIES if family.name != "sql"},
    "archive-sql": Target(database, lambda: iter((b"\0a", b"\x801 AS id, 'a' AS body ORDER BY 1"))),
    "scanned": Target(scanned, _documents),
    "archive-any": Target(opening, partial(_chosen, partial(_files, "archives/*/*"), 1)),
    "packed": Target(packed, partial(_chosen, partial(_files, "archives/jsonl/*"), 3)),
    "labelled": Target(labelled, _of_labelled),
    "manifest": Target(manifest, lambda: iter((_manifest(), b"{}"))),
    "weights": Target(weights, _arrays),
    "network": Target(network, _networks),
    "edited": Target(edited, _reports),
    "state": Target(state, _states),
    "parts": Target(parts, _scans),
    "kept": Target(kept, _kept),
    "patterns": Target(patterns, lambda: iter((b"**/a*b/*\n!a\n", b"*a*a*a*a*b\n", b"[!a-z]?\\"))),
    "site": Target(site, _sites),
    "decoding": Target(decoding, _streams),
    "service": Target(service, lambda: islice(_chosen(_documents, 2), 1, None, 9)),
    "http": Target(http, _requests),
}
