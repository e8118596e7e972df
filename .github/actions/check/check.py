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
    ran = subprocess.run(command(format), stdout=subprocess.PIPE)
    output = ran.stdout.decode("utf-8")
    if format == "github":
        sys.stdout.buffer.write(ran.stdout)
        sarif = ""
    elif output:
        Path(sarif).parent.mkdir(parents=True, exist_ok=True)
        Path(sarif).write_bytes(ran.stdout)
    found = FOUND[format](output) if output else []
    tell("GITHUB_OUTPUT", f"findings={len(found)}\nsarif={sarif if output else ''}\n")
    tell("GITHUB_STEP_SUMMARY", summary(found, failed=ran.returncode not in (0, 1)))
    return ran.returncode


# --- what is asked ------------------------------------------------------------------------------


def given(name: str) -> str:
    value = os.environ.get(f"INPUT_{name}", "").strip()
    if "\n" in value and name != "PATHS":
        raise InputError(f"{name.lower().replace('_', '-')} has several lines")
    return value


def command(format: str) -> list[str]:
    """The command line of the check. Values stand behind `=`: none is taken for an option."""
    options = [f"--format={format}"]
    options += [f"--{name}={given(name.upper())}" for name in ("sensitivity", "threshold") if given(name.upper())]
    fail_on, changed, paths = given("FAIL_ON"), given("ONLY_CHANGED"), given("PATHS").splitlines()
    if fail_on:
        options.append("--exit-zero" if fail_on == "never" else f"--fail-on={fail_on}")
    if changed not in ("true", "false"):
        raise InputError(f"only-changed is {changed!r}: choose from true, false")
    if changed == "true" and (start := start_of_change()):
        options.append(f"--diff={start}")
    return [sys.executable, "-P", "-m", "spoilerguard", "check", *options, "--", *filter(None, map(str.strip, paths))]


# --- what has changed ---------------------------------------------------------------------------


def start_of_change() -> str | None:
    """The commit that the pull request or push starts from; None, which is told, where there is none."""
    branch = os.environ.get("GITHUB_BASE_REF", "")
    if branch:
        return fork_of(branch)
    event = Path(os.environ.get("GITHUB_EVENT_PATH", ""))
    before = json.loads(event.read_text("utf-8")).get("before") if event.is_file() else None
    if isinstance(before, str) and before.strip("0"):
        for attempt in ((), ("fetch", "--quiet", "--no-tags", "--depth=1", "origin", before)):
            if (not attempt or git(*attempt) is not None) and git("cat-file", "-e", f"{before}^{{commit}}") is not None:
                return before
    print("::notice title=spoilerguard::no commit to compare with: everything is checked")
    return None


def fork_of(branch: str) -> str:
    """Where HEAD leaves the branch. A shallow checkout is deepened as far as that takes."""
    remote = f"refs/remotes/origin/{branch}"
    shallow = git("rev-parse", "--is-shallow-repository") == "true"
    waiting = [["--deepen=1"], ["--deepen=100"], ["--unshallow"]] if shallow else [[]]
    while not (fork := git("merge-base", remote, "HEAD")):
        if not waiting:
            raise InputError(
                f"only-changed: where this leaves {branch!r} is not known: give actions/checkout fetch-depth: 0"
            )
        git("fetch", "--quiet", "--no-tags", *waiting.pop(0), "origin", f"+refs/heads/{branch}:{remote}")
    return fork


def git(*arguments: str) -> str | None:
    """What git says; None if it fails, which goes to the log."""
    ran = subprocess.run(["git", *arguments], stdout=subprocess.PIPE, text=True)
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


# --- told ---------------------------------------------------------------------------------------


def tell(variable: str, text: str) -> None:
    """At the end of the file that GitHub names for outputs, or for the summary."""
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
