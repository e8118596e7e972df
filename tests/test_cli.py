"""The command line: what a user types, what is printed where, and the exit status."""

from __future__ import annotations

import json
import os
from pathlib import Path
import re
import sys

from commands import Cli, process
import pytest
from texts import CLEAN, REVIEW, SPOILERS
from timing import assert_linear

import spoilerguard as sg
from spoilerguard.printing import PRINTERS, Look, Outcome
from spoilerguard.text import runons
from spoilerguard.text.reading import read


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a clean draft and one with spoilers; the current one."""
    (tmp_path / "clean.txt").write_bytes(CLEAN.encode())
    (tmp_path / "spoiled.md").write_bytes(f"# A review\n\n{REVIEW}".encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- exit status -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["clean.txt"], 0),
        (["spoiled.md"], 1),
        (["clean.txt", "spoiled.md"], 1),
        (["spoiled.md", "--exit-zero"], 0),
        (["missing.md"], 2),
        (["missing.md", "--exit-zero"], 2),
        (["missing.md", "spoiled.md"], 2),
        ([], 2),
        (["clean.txt", "--colour"], 2),
    ],
)
def test_exit_status(drafts: Path, cli: Cli, arguments: list[str], status: int) -> None:
    assert cli("check", *arguments).status == status


def test_exit_status_of_a_process(drafts: Path) -> None:
    assert [process("check", name).returncode for name in ("clean.txt", "spoiled.md", "missing.md")] == [0, 1, 2]


# --- what is printed -------------------------------------------------------------------------


def test_text_shows_place_sentence_score_and_reason(drafts: Path, cli: Cli, fast: sg.Guard) -> None:
    out = cli("check", "spoiled.md").out
    for flag in fast.flag((drafts / "spoiled.md").read_text(encoding="utf-8"), format="markdown"):
        head = f"spoiled.md:{flag.line}:{flag.column}  {flag.score:.0%}  "
        at = out.index(head)
        assert flag.reasons[0].text in out[at : out.index("\n", at)]
        shown, marks = out[at:].splitlines()[1:3]
        assert shown[marks.index("~") : len(marks)] == flag.text
    assert out.endswith(f"{len(SPOILERS)} spoilers in 11 sentences of 1 file\n")


def test_text_says_so_when_there_is_nothing(drafts: Path, cli: Cli) -> None:
    assert cli("check", "clean.txt").out == "No spoilers in 4 sentences of 1 file\n"


def test_quiet_prints_findings_only(drafts: Path, cli: Cli) -> None:
    assert cli("check", "clean.txt", "--quiet").out == ""
    loud, quiet = (cli("check", "spoiled.md", *options).out for options in ([], ["-q"]))
    assert loud.startswith(quiet)
    assert loud.removeprefix(quiet) == f"{len(SPOILERS)} spoilers in 11 sentences of 1 file\n"


def test_marks_stand_under_wide_letters(drafts: Path, cli: Cli) -> None:
    Path("wide.txt").write_text("電影😀: " + SPOILERS[1], encoding="utf-8")
    _, shown, marks, *_ = cli("check", "wide.txt", "--threshold", "0").out.splitlines()
    assert shown == "    電影😀: " + SPOILERS[1]
    assert marks == "    " + "~" * (len(shown) - 4 + 3)


def test_lines_are_for_editors_and_do_not_spoil(drafts: Path, cli: Cli, fast: sg.Guard) -> None:
    Path("two  spaces.txt").write_bytes(REVIEW.encode())
    flags = fast.flag(REVIEW)
    lines = cli("check", "two  spaces.txt", "--format", "line").out.splitlines()
    places = [f"two  spaces.txt:{f.line}:{f.column}: {f.score:.2f} " for f in flags]
    assert len(lines) == len(places) == len(SPOILERS)
    assert all(line.startswith(place) for line, place in zip(lines, places, strict=True))
    assert not any(f.text in line for f in flags for line in lines)
    assert cli("check", "clean.txt", "--format", "line").out == ""


def test_json_is_as_documented(drafts: Path, cli: Cli, fast: sg.Guard) -> None:
    ran = cli("check", "spoiled.md", "missing.md", "clean.txt", "--format", "json")
    document = json.loads(ran.out)
    files = document.pop("files")
    model = {"name": "fast", "version": fast.version}
    assert document == {"version": 2, "model": model, "threshold": fast.threshold()}
    source = (drafts / "spoiled.md").read_text(encoding="utf-8")
    assert files[0].pop("flags") == [
        {
            "start": f.start,
            "end": f.end,
            "line": f.line,
            "column": f.column,
            "text": source[f.start : f.end],
            "score": round(f.score, 4),
            "reasons": [{"kind": r.kind, "text": r.text} for r in f.reasons],
            "decision": None,
        }
        for f in fast.flag(source, format="markdown")
    ]
    limit = fast.threshold()
    near = [s for s in fast.flag(source, format="markdown").sentences if limit / 2 <= s.score < limit]
    assert [(f["start"], f["reasons"], f["decision"]) for f in files[0].pop("near_misses")] == [
        (s.start, [], None) for s in near
    ]
    assert all(f["score"] < limit for f in files[2].pop("near_misses"))
    nothing = {"hidden": 0, "error": None, "notices": []}
    read = nothing | {"language": "en"}
    unread = nothing | {"format": None, "language": None, "sentences": 0, "flags": [], "near_misses": []}
    assert files == [
        read | {"path": "spoiled.md", "format": "markdown", "sentences": 11},
        unread | {"path": "missing.md", "error": "missing.md: no such file"},
        read | {"path": "clean.txt", "format": "text", "sentences": 4, "flags": []},
    ]
    assert ran.err == "spoilerguard: missing.md: no such file\n"


def test_the_same_input_gives_the_same_bytes(drafts: Path) -> None:
    first, second = (
        process("check", ".", "--format", "json", "--threshold", "0", env=os.environ | {"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    )
    assert first == second
    assert len(json.loads(first)["files"]) == 2


# --- colour ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "option", "coloured"),
    [
        ({}, "auto", False),
        ({"FORCE_COLOR": "1"}, "auto", True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "auto", False),
        ({"NO_COLOR": "1"}, "always", True),
        ({"FORCE_COLOR": "1"}, "never", False),
    ],
)
def test_colour(
    drafts: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], option: str, coloured: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in cli("check", "spoiled.md", "--color", option).out) == coloured


@pytest.mark.parametrize("format", ["line", "json"])
def test_what_programs_read_is_never_coloured(drafts: Path, cli: Cli, format: str) -> None:
    assert "\x1b" not in cli("check", "spoiled.md", "--format", format, "--color", "always").out


@pytest.mark.parametrize("format", ["text", "line", "json"])
def test_a_draft_cannot_command_the_terminal(drafts: Path, cli: Cli, format: str) -> None:
    evil = "\x1b[2J\x9b31m\x07\u202e\x7f"
    Path(f"a{evil}.txt").write_text(f"{evil} He dies. {evil}" + CLEAN, encoding="utf-8")
    ran = cli("check", f"a{evil}.txt", f"no{evil}.txt", "--format", format, "--threshold", "0")
    assert "He dies" in ran.out or format == "line"
    assert not set(evil.replace("[2J", "").replace("31m", "")) & set(ran.out + ran.err)


# --- inputs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("missing.md", None, "missing.md: no such file"),
        ("latin.txt", "One.\nÇa va.\n".encode("latin-1"), "latin.txt:2: not UTF-8 (byte 0xc7); save the file as UTF-8"),
        ("half.txt", b"\xff\xfeH\x00e", "half.txt:1: not UTF-16 (byte 0x65); save the file as UTF-8"),
        ("cover.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", "cover.txt: a binary file, not a draft"),
        ("zeros.txt", bytes(100), "zeros.txt: a binary file, not a draft"),
        ("book.txt", b"She lives. " * 1_900_000, "book.txt: larger than a draft may be (16 MB); split it, or scan it"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_checked(
    drafts: Path, cli: Cli, name: str, data: bytes | None, message: str
) -> None:
    if data is not None:
        Path(name).write_bytes(data)
    ran = cli("check", name, "spoiled.md", "--format", "line")
    assert ran.status == 2
    assert ran.err.startswith(f"spoilerguard: {message}")
    assert ran.err.count("\n") == 1
    assert ran.out.count("spoiled.md:") == len(SPOILERS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("command", ["check", "blur", "preview"])
def test_what_is_no_file_is_refused_and_not_waited_for(drafts: Path, cli: Cli, command: str) -> None:
    os.mkfifo(drafts / "pipe.md")
    (drafts / "zero.md").symlink_to("/dev/zero")
    for path in ("pipe.md", "zero.md", "/dev/zero"):
        ran = cli(command, path)
        assert (ran.status, ran.out) == (2, "" if command != "check" else ran.out)
        assert ran.err == f"spoilerguard: {path}: not a file\n"


@pytest.mark.parametrize("command", ["blur", "preview"])
def test_one_draft_at_a_time_is_hidden(drafts: Path, cli: Cli, command: str) -> None:
    (drafts / "posts").mkdir()
    ran = cli(command, "posts", "-o", "out")
    assert (ran.status, ran.err) == (2, "spoilerguard: posts: a folder; name one draft\n")


def test_standard_input_without_end_is_refused(tmp_path: Path) -> None:
    with open("/dev/zero", "rb") as zeros:
        ran = process("check", "-", stdin=zeros)
    assert (ran.returncode, ran.stderr) == (
        2,
        b"spoilerguard: -: larger than a draft may be (16 MB); split it, or scan it as an archive\n",
    )


def test_a_folder_called_like_a_draft_is_walked(drafts: Path, cli: Cli) -> None:
    (drafts / "folder.md").mkdir()
    (drafts / "folder.md" / "inner.md").write_text(CLEAN, encoding="utf-8")
    (drafts / "folder.md" / "round").symlink_to(drafts)
    assert cli("check", "folder.md").out == f"No spoilers in {CLEAN.count('.')} sentences of 1 file\n"


def test_many_flags_on_one_line_are_shown_in_linear_time() -> None:
    def run(line: str) -> None:
        document = read(line, "text")
        flags = tuple(
            sg.Flag(at, at + 8, *document.position(at), "He dies.", 0.9, ()) for at in range(0, len(line) - 9, 9)
        )
        report = sg.Report(document, (), flags, 0.5)
        for write in PRINTERS.values():
            for _ in write([Outcome("draft.txt", report)], Look(False, False, 0.5, {})):
                pass

    assert_linear(run, "He dies. ", 360_000)


def test_an_empty_file_is_clean(drafts: Path, cli: Cli) -> None:
    Path("empty.md").touch()
    nothing = "spoilerguard: nothing was checked: there is no prose in it\n"
    assert cli("check", "empty.md") == (0, "No spoilers in 0 sentences of 1 file\n", nothing)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(drafts: Path, cli: Cli, encoding: str) -> None:
    Path("marked.txt").write_bytes(REVIEW.encode(encoding))
    flags = json.loads(cli("check", "marked.txt", "--format", "json").out)["files"][0]["flags"]
    assert [f["text"] for f in flags] == list(SPOILERS)


def test_a_folder_is_walked(drafts: Path, cli: Cli) -> None:
    for name in ("b/two.html", "b/notes.docx", ".git/one.md", "node_modules/x/readme.md", "b/.hidden.md", "a.txt"):
        (drafts / name).parent.mkdir(parents=True, exist_ok=True)
        (drafts / name).write_text("<p>One.</p>", encoding="utf-8")
    files = json.loads(cli("check", ".", "clean.txt", "--format", "json").out)["files"]
    assert [f["path"] for f in files] == ["./a.txt", "./b/two.html", "./clean.txt", "./spoiled.md", "clean.txt"]


def test_a_folder_without_drafts(drafts: Path, cli: Cli) -> None:
    (drafts / "empty").mkdir()
    ran = cli("check", "empty", "clean.txt")
    assert ran.status == 2
    assert ran.err.startswith("spoilerguard: empty: no drafts in this folder; they end in ")
    assert ran.out == "No spoilers in 4 sentences of 1 file\n"


def test_a_file_is_read_once(drafts: Path, cli: Cli) -> None:
    files = json.loads(cli("check", "clean.txt", "clean.txt", "--format", "json").out)["files"]
    assert [f["path"] for f in files] == ["clean.txt"]


@pytest.mark.parametrize(("name", "format"), [("post.md", "markdown"), ("post.htm", "html"), ("post.txt", "text")])
def test_standard_input_takes_the_format_of_its_name(cli: Cli, name: str, format: str) -> None:
    ran = cli("check", "-", "--stdin-filename", name, "--format", "json", stdin=REVIEW.encode())
    (file,) = json.loads(ran.out)["files"]
    assert (ran.status, file["path"], file["format"]) == (1, name, format)


def test_standard_input_of_a_process(tmp_path: Path) -> None:
    ran = process("check", "-", "--format", "line", input=b"\xef\xbb\xbf" + REVIEW.encode())
    assert (ran.returncode, ran.stderr) == (1, b"")
    assert ran.stdout.startswith(b"-:5:1: ")
    assert process("check", "-", input=b"\xff").stderr.startswith(b"spoilerguard: -:1: not UTF-8")


def test_the_input_format_can_be_given(drafts: Path, cli: Cli) -> None:
    files = json.loads(cli("check", ".", "--format", "json", "--input-format", "html").out)["files"]
    assert {f["format"] for f in files} == {"html"}


def test_block_quotations_can_be_left_out(drafts: Path, cli: Cli) -> None:
    Path("quoted.md").write_text("> " + SPOILERS[4], encoding="utf-8")
    assert cli("check", "quoted.md").status == 1
    assert cli("check", "quoted.md", "--no-quotations").status == 0


# --- options ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "xml"], "unknown --format 'xml': choose from text, line, json"),
        (["--color", "red"], "unknown --color 'red': choose from auto, always, never"),
        (["--input-format", "rtf"], "unknown --input-format 'rtf': choose from text, markdown, mdx, html, auto"),
        (["--sensitivity", "extreme"], "unknown --sensitivity 'extreme': choose from low, medium, high"),
        (["--threshold", "7"], "--threshold must be a probability from 0 to 1, not '7'; for 7% give 0.07"),
        (["--model", "slow"], "no model named 'slow': there are "),
        (["--model", "./slow"], "slow: no such model folder"),
        (["--blurb", "blurb.txt"], "blurb.txt: no such file"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_anything_is_read(
    drafts: Path, cli: Cli, options: list[str], message: str
) -> None:
    ran = cli("check", "missing.md", *options)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"spoilerguard: {message}")
    assert ran.err.count("\n") == 1


def test_sensitivity_and_threshold_choose_how_much_is_flagged(drafts: Path, cli: Cli, fast: sg.Guard) -> None:
    def count(*options: str) -> int:
        return cli("check", "spoiled.md", "--format", "line", *options).out.count("\n")

    text = Path("spoiled.md").read_text(encoding="utf-8")
    for sensitivity in ("low", "medium", "high"):
        assert count("--sensitivity", sensitivity) == len(fast.flag(text, format="markdown", sensitivity=sensitivity))
    assert (count("--threshold", "0"), count("--threshold", "1")) == (11, 0)


def test_the_work_is_described_by_options(drafts: Path, cli: Cli, fast: sg.Guard) -> None:
    Path("blurb.txt").write_text("A village with a secret.", encoding="utf-8")
    Path("synopsis.txt").write_text("Mira is killed by her brother.", encoding="utf-8")
    options = ["--title", "The Long Rain", "--blurb", "blurb.txt", "--synopsis", "synopsis.txt"]
    ran = cli("check", "clean.txt", "--threshold", "0", "--format", "json", *options)
    work = sg.Work("The Long Rain", "A village with a secret.", "Mira is killed by her brother.")
    flags = fast.flag(CLEAN, threshold=0, work=work)
    assert json.loads(ran.out)["files"][0]["flags"] == [{**f.to_dict(), "decision": None} for f in flags]


def test_a_model_of_ones_own(drafts: Path, cli: Cli, small: sg.Guard, small_folder: Path) -> None:
    document = json.loads(cli("check", "clean.txt", "--model", small_folder, "--format", "json").out)
    assert document["model"] == {"name": "small", "version": small.version}


# --- a reader that leaves ----------------------------------------------------------------------


@pytest.mark.parametrize("copies", [1, 200])
def test_a_closed_pipe_is_no_error(drafts: Path, copies: int) -> None:
    Path("long.txt").write_text(REVIEW * copies, encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        ran = process("check", "long.txt", stdout=closed)
    assert (ran.returncode, ran.stderr) == (1, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_an_output_that_cannot_be_written_is_an_error(drafts: Path) -> None:
    with open("/dev/full", "wb") as full:
        ran = process("check", "spoiled.md", stdout=full)
    assert ran.returncode == 2
    assert ran.stderr == b"spoilerguard: cannot write to standard output (No space left on device)\n"


# --- the other commands ------------------------------------------------------------------------


def test_version_names_the_models(cli: Cli, fast: sg.Guard) -> None:
    ran = cli("--version")
    assert ran.status == 0
    assert ran.out.startswith(f"spoilerguard {sg.__version__} (models: ")
    assert f"fast {fast.version}" in ran.out


def test_models_are_listed_with_their_thresholds(cli: Cli, fast: sg.Guard) -> None:
    ran = cli("models")
    assert ran.status == 0
    assert f"fast  {fast.version}  convolutional  " in ran.out
    points = ", ".join(f"{s} {fast.threshold(s):.2f}" for s in ("low", "medium", "high"))
    assert f"thresholds: {points}\n" in ran.out


def test_explain_tells_score_kind_and_words(cli: Cli, fast: sg.Guard) -> None:
    sentence = SPOILERS[4]
    ran = cli("explain", sentence)
    first, second, *words = ran.out.splitlines()
    assert ran.status == 0
    assert first.startswith(f"{fast.score([sentence])[0]:.0%}  a spoiler at medium sensitivity (from ")
    assert second.startswith("looks most like ")
    assert [line.split()[1] for line in words] == sentence.rstrip(".").split()
    assert cli("explain", "-", stdin=sentence.encode()).out == ran.out
    assert "  not a spoiler at this threshold (from 100%)" in cli("explain", sentence, "--threshold", "1").out


@pytest.mark.parametrize("sentence", ["", " \n"])
def test_explain_needs_a_sentence(cli: Cli, sentence: str) -> None:
    assert cli("explain", sentence) == (2, "", "spoilerguard: nothing to explain: the sentence is empty\n")


def test_help_is_shown_to_who_types_nothing(cli: Cli) -> None:
    ran = cli()
    assert "Find the sentences" in ran.out + ran.err
    assert all(command in ran.out + ran.err for command in ("check", "explain", "models"))


@pytest.mark.parametrize(
    ("lacks", "arguments", "says"),
    [
        (
            "spacy",
            ["check", "run-on.txt"],
            "spaCy, which splits text without punctuation, is not installed; .*pip install",
        ),
        (
            "joblib.externals.loky",
            ["scan", "a.csv", "-o", "a.jsonl", "--jobs", "2"],
            "this needs joblib, which is not inst",
        ),
        ("yaml", ["check", "front.md"], "this needs yaml, which is not installed; pip install spoilerguard brings all"),
    ],
)
def test_what_a_small_installation_lacks_is_no_traceback(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run-on.txt").write_text("so i saw this film and it was fine i mean " * 20, encoding="utf-8")
    Path("a.csv").write_text("id,text\n1,She dies at the end.\n", encoding="utf-8")
    Path("front.md").write_text("---\nspoilerguard:\n  work: x\n---\nShe dies.\n", encoding="utf-8")
    monkeypatch.setitem(sys.modules, lacks, None)
    runons._loaded.cache_clear()
    ran = cli(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert re.search(says, ran.err)
