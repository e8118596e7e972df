"""What the README shows is so: its Python runs, its commands end as it says, its figures are there."""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path
import re
import shlex
import shutil
import subprocess

from commands import invoke
import pytest

from spoilerguard.hiding.styles import STYLES
from spoilerguard.model.store import bundled_models

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SPOILER = "In the last chapter we learn that Mira was dead all along and her brother killed her."
EXAMPLE = Path("data", "examples", "the-glass-orchard.md")
EXPORT = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><wp:wxr_version>1.2</wp:wxr_version><item><title>A review</title>
<content:encoded>Lovely prose.</content:encoded><wp:post_id>1</wp:post_id><wp:post_type>post</wp:post_type>
<wp:comment><wp:comment_id>7</wp:comment_id><wp:comment_content>{SPOILER}</wp:comment_content></wp:comment>
</item></channel></rss>
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def commands(program: str) -> list[str]:
    """The lines that a reader would type, without their comments."""
    lines = [line for block in blocks("console") for line in block.splitlines()]
    typed = [re.split("  #| > ", line[2:])[0].strip() for line in lines if line.startswith("$ ")]
    return [line for line in typed if line.startswith(program)]


def run(line: str) -> tuple[int, str]:
    """Exit status and standard output of a command line of ours."""
    result = invoke(*shlex.split(line)[1:])
    return result.exit_code, result.stdout


@pytest.fixture
def checkout(small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the README's commands find what they name: its draft, our examples, a model."""
    shutil.copytree(ROOT / "data" / "examples", tmp_path / "data" / "examples")
    shutil.copy(ROOT / EXAMPLE, tmp_path / "draft.md")
    shutil.copytree(small_folder, tmp_path / "my-model")
    (tmp_path / "plot.txt").write_text("The gardener is her brother.\n", encoding="utf-8")
    (tmp_path / "comments.csv").write_text(f"id,comment\n7,{SPOILER}\n8,Lovely prose.\n", encoding="utf-8")
    (tmp_path / "export.xml").write_text(EXPORT, encoding="utf-8")
    (tmp_path / "posts").mkdir()
    post = tmp_path / "posts" / "review.md"
    post.write_text("The prose is lovely.\n", encoding="utf-8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(tmp_path)]
    for words in (
        ["init", "-q"],
        ["add", "posts"],
        ["commit", "-qm", "."],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run([*git, *words], check=True)
    shutil.copy(ROOT / EXAMPLE, post)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_workers_left() -> Iterator[None]:
    yield
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


@pytest.mark.usefixtures("no_workers_left")
@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_runs(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks("python")[number], f"README.md, Python {number + 1}", "exec"), {"__name__": "readme"})
    printed = capsys.readouterr().out
    assert printed or "print(" not in blocks("python")[number]


def test_there_are_examples() -> None:
    assert len(blocks("python")) >= 1
    assert len(commands("spoilerguard check")) >= 1
    assert len(blocks("text")) == len(blocks("json")) == 1


@pytest.mark.parametrize("line", [line for line in commands("spoilerguard check") if "baseline" not in line])
def test_a_check_ends_as_a_check_does(checkout: Path, line: str) -> None:
    status, out = run(line)
    assert out.strip()
    if "--model" in line:  # what that one finds does not matter
        assert status in (0, 1)
    else:
        assert status == 1, "the draft gives its book away"
    assert run(f"{line} --exit-zero") == (0, out)


def test_known_findings_are_not_reported_again(checkout: Path) -> None:
    accept, again = (line for line in commands("spoilerguard check") if "baseline" in line)
    assert run(accept)[0] == 0
    assert run(again)[0] == 0
    with (checkout / "posts" / "review.md").open("a", encoding="utf-8") as post:
        post.write(f"\n{SPOILER}\n")
    assert run(again)[0] == 1


@pytest.mark.parametrize("line", commands("spoilerguard blur"))
def test_what_is_blurred_gives_nothing_away(checkout: Path, line: str) -> None:
    report = run("spoilerguard check draft.md --format json --exit-zero")[1]
    (checkout / "report.json").write_text(report, encoding="utf-8")
    status, out = run(line)
    assert status == 0
    blurred = out if "-o" not in line else (checkout / "post.md").read_text(encoding="utf-8")
    assert blurred != (checkout / "draft.md").read_text(encoding="utf-8")
    (checkout / "blurred.md").write_text(blurred, encoding="utf-8")
    hidden = [flag["text"] for flag in json.loads(report)["files"][0]["flags"]]
    left = run("spoilerguard check blurred.md --format json --threshold 0")[1]
    assert hidden
    assert not any(flag["text"] in hidden for flag in json.loads(left)["files"][0]["flags"])


def test_the_table_of_styles_names_all_of_them() -> None:
    rows = re.findall(r"^\| ((?:`[a-z0-9-]+`[,;]? ?)+)\|.*\|.*\|$", README, re.M)
    assert set(re.findall(r"`([a-z0-9-]+)`", " ".join(rows))) >= STYLES.keys()


def test_a_check_of_the_examples(checkout: Path) -> None:
    assert run(f"spoilerguard check {EXAMPLE}")[0] == 1
    assert run(f"spoilerguard check {EXAMPLE.parent}")[0] == 1
    (checkout / "clean.md").write_text("The prose is lovely.\n", encoding="utf-8")
    assert run("spoilerguard check clean.md")[0] == 0
    assert run("spoilerguard check absent.md")[0] == 2


def test_what_is_shown_of_a_check_is_the_head_of_a_sentence_of_the_draft(checkout: Path) -> None:
    (shown,) = blocks("text")
    places = re.findall(r"^(\S+:\d+:\d+)  \d+%  \S", shown, re.M)
    assert places
    every = re.findall(r"^\S+:\d+:\d+", run(f"spoilerguard check {EXAMPLE} --format line --threshold 0")[1], re.M)
    assert set(places) <= set(every)


def test_each_option_of_the_table_is_one_of_check() -> None:
    options = set(re.findall(r"--[a-z-]+", "".join(re.findall(r"^\| (`--.*?) \|", README, re.M))))
    assert len(options) >= 8
    taken = run("spoilerguard check --help")[1]
    assert sorted(option for option in options if option not in taken) == []


@pytest.mark.parametrize("line", commands("spoilerguard scan"))
def test_a_scan_writes_what_is_shown_of_it(checkout: Path, line: str) -> None:
    words = shlex.split(line)
    output = checkout / words[words.index("-o") + 1]
    assert run(line) == (0, "")
    assert (checkout / "report.html").exists() == ("--report" in words)
    (shown,) = map(json.loads, blocks("jsonl"))
    if output.suffix == ".jsonl":
        flagged, harmless = map(json.loads, output.read_text(encoding="utf-8").splitlines())
        assert list(flagged) == list(harmless) == list(shown)
        assert list(flagged["flags"][0]) == list(shown["flags"][0])
        assert (flagged["spoiler"], harmless["spoiler"]) == (True, False)
    else:
        header, row = output.read_text(encoding="utf-8").splitlines()
        assert header.split(",") == list(shown)
        assert row.split(",")[0] == ("comment-7" if "export.xml" in words else "7")


def test_json_has_the_keys_that_are_shown(checkout: Path) -> None:
    shown, found = json.loads(blocks("json")[0]), json.loads(run("spoilerguard check draft.md --format json")[1])
    assert found["version"] == shown["version"]
    assert list(found) == list(shown)
    assert list(found["model"]) == list(shown["model"])
    assert list(found["files"][0]) == list(shown["files"][0])
    for flag in found["files"][0]["flags"]:
        assert list(flag) == list(shown["files"][0]["flags"][0])
        assert list(flag["reasons"][0]) == list(shown["files"][0]["flags"][0]["reasons"][0])


@pytest.mark.parametrize("line", re.findall(r"`(spoilerguard (?:explain|models)[^`]*)`", README))
def test_a_command_in_the_text_runs(line: str) -> None:
    status, out = run(line)
    assert status == 0
    assert out.strip()


def test_the_figures_are_there_and_are_those_of_the_model_cards() -> None:
    (figures,) = re.findall(r"^<!-- figures -->\n(.*?)^<!-- /figures -->$", README, re.M | re.S)
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in figures.splitlines())
    assert rows[0][0] == "real text, test", "run `make figures`"
    measured = [row for row in rows if " / " in row[1]]  # not the comments, of which only flags are counted
    assert len(measured) < len(rows)
    for column, model in enumerate(sorted(bundled_models(), reverse=True)):
        assert model in head[2 + 2 * column]
        card = (ROOT / "models" / model / "CARD.md").read_text(encoding="utf-8")
        for row in measured:
            sentences, spoilers = row[1].split(" / ")
            precision = re.escape(row[2 + 2 * column])
            assert re.search(rf"^\| {row[0]} \| {sentences} \| {spoilers} \| [^|]* \| {precision} \|", card, re.M)


def test_every_file_that_is_linked_or_named_is_there() -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    named = re.findall(r"`((?:data|models|tests)/[\w/.-]*)`", README)
    assert linked
    assert [name for name in (*linked, *named) if not (ROOT / name).exists()] == []


# --- what is promised -----------------------------------------------------------------------------


def promised() -> Iterator[tuple[str, str]]:
    """The tests that the table of promises names, each with its file: one that the row names, or any."""
    table = README.split("| what is promised |")[1].split("\n\n")[0]
    for row in table.splitlines()[2:]:
        file = ""
        for name in re.findall(r"`(tests/\w+\.py|test_\w+)`", row.split("|")[2]):
            if name.endswith(".py"):
                file = name
            else:
                yield name, file
        assert re.search(r"`(?:tests/|test_)", row.split("|")[2]), f"no test: {row}"


def test_every_test_that_holds_a_promise_exists() -> None:
    sources = {f"tests/{path.name}": path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py")}
    missing = [
        f"{file} {name}"
        for name, file in promised()
        if not any(f"def {name}(" in text for place, text in sources.items() if place == file or not file)
    ]
    assert list(promised())
    assert missing == []
    assert set(re.findall(r"tests/test_\w+\.py", README)) <= set(sources)
