"""The step of the action: spoilerguard on the checkout, its findings as annotations or SARIF, count and summary.

Inputs come as INPUT_* from action.yml, the rest from the variables that every step on GitHub has. Exit
status: that of `spoilerguard check` (0 passed, 1 findings, 2 an error). Nothing written holds a sentence.
"""

from __future__ import annotations

from collections import Counter
from html import escape
import json
import os
from pathlib import Path
import re
import subprocess
import sys
from urllib.parse import unquote

Place = tuple[str, int]  # file and line


def main() -> int:
    format, sarif = given("FORMAT"), given("SARIF_FILE")
    if format not in FOUND:
        raise InputError(f"format is {format!r}: choose from {', '.join(FOUND)}")
    if format == "sarif":
        check_place(Path(sarif))
    ran = subprocess.run(command(format), stdout=subprocess.PIPE)
    output = ran.stdout.decode("utf-8")
    if format == "github":
        sys.stdout.buffer.write(ran.stdout)
        sarif = ""
    elif output:
        Path(sarif).parent.mkdir(parents=True, exist_ok=True)
        Path(sarif).write_bytes(ran.stdout)
    found = FOUND[format](output) if output else []
    write_to("GITHUB_OUTPUT", f"findings={len(found)}\nsarif={sarif if output else ''}\n")
    write_to("GITHUB_STEP_SUMMARY", summary(found, failed=ran.returncode not in (0, 1)))
    return ran.returncode


def check_place(sarif: Path) -> None:
    """Fail where a link in the checkout, whose author may be a stranger, leads the file out of it."""
    inside = sarif.is_absolute() or sarif.resolve().is_relative_to(Path.cwd().resolve())
    if sarif.is_symlink() or not inside:
        raise InputError(f"sarif-file is {str(sarif)!r}, which is a link or leads out of the checkout")


# --- what is asked ------------------------------------------------------------------------------


def given(name: str) -> str:
    value = os.environ.get(f"INPUT_{name}", "").strip()
    if "\n" in value and name != "PATHS":
        raise InputError(f"{dashed(name)} has several lines")
    return value


def dashed(name: str) -> str:
    return name.lower().replace("_", "-")


OPTIONS = ("SENSITIVITY", "THRESHOLD", "FAIL_ON")  # those of `check`, as they are


def command(format: str) -> list[str]:
    """The command line of the check. Values stand behind `=`: none is taken for an option."""
    options = [f"--format={format}"]
    options += [f"--{dashed(name)}={given(name)}" for name in OPTIONS if given(name)]
    changed, paths = given("ONLY_CHANGED"), given("PATHS").splitlines()
    if changed not in ("true", "false"):
        raise InputError(f"only-changed is {changed!r}: choose from true, false")
    if changed == "true" and (start := start_of_change()):
        options.append(f"--diff={start}")
    return [sys.executable, "-P", "-m", "spoilerguard", "check", *options, "--", *filter(None, map(str.strip, paths))]


# --- what has changed ---------------------------------------------------------------------------


def start_of_change() -> str | None:
    """The commit that the pull request or push is compared with; None, after a notice, if there is none."""
    if branch := os.environ.get("GITHUB_BASE_REF"):
        start, fetched = f"refs/remotes/origin/{branch}", f"+refs/heads/{branch}:refs/remotes/origin/{branch}"
    else:
        start = fetched = before()
    if start.strip("0") and reached(start, fetched):
        return start
    why = "nothing to compare with (a new branch, or actions/checkout without fetch-depth: 0)"
    print(f"::notice title=spoilerguard::only-changed: {why}: everything is checked", flush=True)
    return None


def before() -> str:
    """The commit that was there before the push; empty where the event knows none."""
    event = Path(os.environ.get("GITHUB_EVENT_PATH", ""))
    return (json.loads(event.read_text("utf-8")).get("before") or "") if event.is_file() else ""


def reached(start: str, fetched: str) -> bool:
    """Whether the history is here to where HEAD left `start`: a shallow checkout is deepened as far as that takes."""
    shallow = git("rev-parse", "--is-shallow-repository")
    waiting = [["--deepen=1"], ["--deepen=100"], ["--unshallow"]] if shallow == "true" else [[]]
    while not git("merge-base", start, "HEAD"):
        if not waiting:
            return False
        git("fetch", "--quiet", "--no-tags", *waiting.pop(0), "origin", fetched)
    return True


def git(*arguments: str) -> str | None:
    """The output of git; None if it fails."""
    ran = subprocess.run(["git", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return ran.stdout.strip() if ran.returncode == 0 else None


# --- what is found ------------------------------------------------------------------------------

_WARNING = re.compile(r"::warning file=([^,]*),line=(\d+)")
_ESCAPES = {"%2C": ",", "%3A": ":", "%25": "%"}  # a line break in a name stays %0A


def in_annotations(output: str) -> list[Place]:
    found = filter(None, map(_WARNING.match, output.splitlines()))
    return [(re.sub("%(?:2C|3A|25)", lambda m: _ESCAPES[m[0]], line[1]), int(line[2])) for line in found]


def in_sarif(output: str) -> list[Place]:
    results = json.loads(output)["runs"][0]["results"]
    found = [
        r["locations"][0]["physicalLocation"] for r in results if r["level"] == "warning" and not r["suppressions"]
    ]
    return [(unquote(place["artifactLocation"]["uri"]), place["region"]["startLine"]) for place in found]


FOUND = {"github": in_annotations, "sarif": in_sarif}


def summary(found: list[Place], *, failed: bool) -> str:
    """Markdown: how many sentences, and in which files."""
    many = f"{len(found):,} sentence{'s' * (len(found) != 1)} may give the plot away."
    lines = ["### spoilerguard", ""]
    if failed:
        lines += ["Not everything could be checked: see the log.", ""]
    if found or not failed:
        lines += [many if found else "No spoilers.", ""]
    if found:
        lines += ["| file | sentences | first line |", "| --- | --- | --- |"]
    counts, firsts = Counter(file for file, _ in found), dict(reversed(found))
    for file, count in counts.items():
        lines.append(f"| <code>{escape(file).replace('|', '&#124;')}</code> | {count:,} | {firsts[file]:,} |")
    return "\n".join(lines) + "\n"


# --- outputs ------------------------------------------------------------------------------------


def write_to(variable: str, text: str) -> None:
    """Append to the file that GitHub names for the outputs or for the summary."""
    if name := os.environ.get(variable):
        with open(name, "a", encoding="utf-8") as file:
            file.write(text)


class InputError(Exception):
    """Why nothing was checked."""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        print(f"::error title=spoilerguard::{error}")
        sys.exit(2)
