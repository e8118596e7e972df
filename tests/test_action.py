"""The action for GitHub: its steps run here as the runner calls them, on repositories as the runner checks them out."""

from __future__ import annotations

from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import Any

from offline import ROOT, checkout, environment
import pytest
from texts import HARMLESS, SPOILERS
from waiting import WAIT
import yaml

FOLDER = ROOT / ".github" / "actions" / "check"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
DEFAULTS = {name: about["default"] for name, about in ACTION["inputs"].items()}
SPOILING = f"{HARMLESS[1]}\n\n{SPOILERS[0]}\n"
EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


@dataclass
class Ran:
    status: int
    log: str
    outputs: dict[str, str]
    summary: str

    @property
    def all(self) -> str:
        return f"{self.log}{self.outputs}{self.summary}"


class Runner:
    """A job on GitHub, as far as the action sees of it: its checkout, its variables, its files."""

    def __init__(self, folder: Path) -> None:
        self.workspace, self.temp = folder / "workspace", folder / "temp"
        self.event: dict[str, Any] = {}
        self.variables = {"GITHUB_EVENT_NAME": "push"}
        self.action = FOLDER
        self.workspace.mkdir()
        self.temp.mkdir()
        (self.temp / "spoilerguard").symlink_to(ROOT)  # what the step before installs

    def write(self, name: str, text: str) -> None:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def step(self, number: int, inputs: dict[str, str], variables: dict[str, str]) -> Ran:
        context = {f"inputs.{name}": value for name, value in (DEFAULTS | inputs).items()}
        context |= {"runner.temp": str(self.temp), "steps.python.outputs.python-path": sys.executable}
        files = {name: self.temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH")}
        for path in files.values():
            path.write_text("", encoding="utf-8")
        files["GITHUB_EVENT_PATH"].write_text(json.dumps(self.event), encoding="utf-8")
        script = self.temp / "step.sh"
        script.write_text(STEPS[number]["run"], encoding="utf-8")
        given = {name: EXPRESSION.sub(lambda m: context[m[1]], text) for name, text in STEPS[number]["env"].items()}
        fixed = {"GITHUB_ACTION_PATH": str(self.action), "GITHUB_WORKSPACE": str(self.workspace), "CI": "true"}
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],  # what `shell: bash` stands for
            cwd=self.workspace,
            env=variables | self.variables | fixed | {name: str(path) for name, path in files.items()} | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WAIT,
        )
        lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        outputs = {name: value for name, _, value in (line.partition("=") for line in lines)}
        return Ran(ran.returncode, ran.stdout, outputs, files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"))

    def check(self, **inputs: str) -> Ran:
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_"))}
        return self.step(2, {name.replace("_", "-"): value for name, value in inputs.items()}, outside)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


# --- as it is written ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "path"),
    [("github-actions", FOLDER / "action.yml"), ("github-workflows", ROOT / ".github" / "workflows" / "test.yml")],
)
def test_it_is_valid_by_githubs_schema(schema: str, path: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    ran = subprocess.run(check, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_input_gets_into_the_text_of_a_command() -> None:
    commands = [step["run"] for step in STEPS if "run" in step]
    assert len(commands) == 2
    assert not any("${{" in command for command in commands)


def test_every_input_reaches_the_script() -> None:
    passed = {name: value for name, value in STEPS[2]["env"].items() if name.startswith("INPUT_")}
    expected = {f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in DEFAULTS}
    assert passed == {name: value for name, value in expected.items() if name != "INPUT_PYTHON_VERSION"}
    assert STEPS[0]["with"]["python-version"] == "${{ inputs.python-version }}"


# --- what it finds ------------------------------------------------------------------------------


def test_findings_are_annotations_and_fail_the_step_without_the_sentence(runner: Runner) -> None:
    runner.write("posts/a.md", SPOILING)
    runner.write("posts/b.md", HARMLESS[2])
    ran = runner.check()
    assert ran.status == 1
    assert re.search(r"^::warning file=posts/a\.md,line=3,", ran.log, re.M)
    assert ran.outputs == {"findings": "1", "sarif": ""}
    assert "1 sentence may give the plot away." in ran.summary
    assert "| <code>posts/a.md</code> | 1 | 3 |" in ran.summary
    assert not any(word in ran.all for word in ("Mira", "brother", "killed"))


def test_a_clean_checkout_passes(runner: Runner) -> None:
    runner.write("a.md", HARMLESS[1])
    ran = runner.check()
    assert ran.status == 0, ran.log
    assert ran.outputs == {"findings": "0", "sarif": ""}
    assert "No spoilers." in ran.summary


def test_sarif_is_written_to_the_file(runner: Runner) -> None:
    runner.write("a b.md", SPOILING)
    ran = runner.check(format="sarif", sarif_file="out/found.sarif")
    assert ran.status == 1
    assert ran.outputs == {"findings": "1", "sarif": "out/found.sarif"}
    assert "| <code>a b.md</code> | 1 | 3 |" in ran.summary
    text = (runner.workspace / "out" / "found.sarif").read_text(encoding="utf-8")
    assert json.loads(text)["version"] == "2.1.0"
    assert "Mira" not in text + ran.all


def test_paths_are_one_a_line_and_may_hold_blanks_and_marks(runner: Runner) -> None:
    for name in ("my posts/a, 50%: b.md", "c|d.md", "other.md"):
        runner.write(name, SPOILING)
    ran = runner.check(paths="my posts\n\n  c|d.md\n")
    assert ran.outputs["findings"] == "2"
    assert "<code>my posts/a, 50%: b.md</code>" in ran.summary
    assert "<code>c&#124;d.md</code>" in ran.summary
    assert "other.md" not in ran.summary


def test_what_fails_the_step_is_not_what_is_found(runner: Runner) -> None:
    runner.write("a.md", SPOILING)
    for fail_on, status in (("never", 0), ("1", 0), ("0.5", 1)):
        ran = runner.check(fail_on=fail_on)
        assert (ran.status, ran.outputs["findings"]) == (status, "1"), ran.log


def test_sensitivity_and_threshold_decide_what_is_found(runner: Runner) -> None:
    runner.write("a.md", SPOILING)
    assert runner.check(threshold="1").outputs["findings"] == "0"
    assert runner.check(threshold="0").outputs["findings"] == "2"
    assert runner.check(sensitivity="high").outputs["findings"] != "0"


def test_what_cannot_be_read_fails_the_step_and_the_summary_says_so(runner: Runner) -> None:
    runner.write("a.md", SPOILING)
    (runner.workspace / "b.md").write_bytes(b"Caf\xe9 noir\n")
    ran = runner.check(fail_on="never")
    assert (ran.status, ran.outputs["findings"]) == (2, "1")
    assert "::error file=b.md" in ran.log
    assert "Not everything could be checked" in ran.summary


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"format": "text"}, "format is 'text': choose from github, sarif"),
        ({"only_changed": "yes"}, "only-changed is 'yes': choose from true, false"),
        ({"sensitivity": "low --exit-zero"}, "low --exit-zero"),
        ({"fail_on": "--exit-zero"}, "--exit-zero"),
        ({"sarif_file": "a\nfindings=0"}, "sarif-file has several lines"),
        ({"paths": "--exit-zero"}, "--exit-zero: no such file"),
        ({"paths": "$(touch pwned); `touch pwned`; touch pwned\n; touch pwned"}, "no such file"),
    ],
)
def test_an_input_that_cannot_be_is_an_error_and_never_a_command(
    runner: Runner, inputs: dict[str, str], message: str
) -> None:
    runner.write("a.md", SPOILING)
    ran = runner.check(**inputs)
    assert ran.status == 2, ran.log
    assert message in ran.log
    assert "Traceback" not in ran.log
    assert sorted(os.listdir(runner.workspace)) == ["a.md"]


def test_code_in_the_checkout_is_not_run(runner: Runner) -> None:
    for name in ("spoilerguard", "json", "sitecustomize", "numpy"):
        runner.write(f"{name}.py", "raise SystemExit('code of a stranger')")
    runner.write("a.md", SPOILING)
    ran = runner.check()
    assert (ran.status, ran.outputs["findings"]) == (1, "1"), ran.log


# --- only what has changed ----------------------------------------------------------------------


class Host:
    """A repository with a pull request, from which the runner's checkout is cloned."""

    def __init__(self, folder: Path, runner: Runner) -> None:
        self.folder, self.runner = folder, runner
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.old = self.commit("old.md", SPOILING)

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        who = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        command = ["git", "-C", str(folder or self.folder), *arguments]
        return subprocess.run(
            command, env=os.environ | who | settings, check=True, capture_output=True, text=True
        ).stdout

    def commit(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", name)
        return self.git("rev-parse", "HEAD").strip()

    def check_out(self, reference: str, *, whole: bool = False) -> None:
        """As actions/checkout does: one commit, unless fetch-depth is 0."""
        workspace = self.runner.workspace
        self.git("init", "--quiet", folder=workspace)
        self.git("remote", "add", "origin", f"file://{self.folder}", folder=workspace)
        depth = () if whole else ("--depth=1",)
        self.git("fetch", "--quiet", "--no-tags", *depth, "origin", reference, folder=workspace)
        self.git("checkout", "--quiet", "FETCH_HEAD", folder=workspace)


@pytest.fixture
def host(tmp_path: Path, runner: Runner) -> Host:
    return Host(tmp_path / "host", runner)


@pytest.mark.parametrize(
    ("whole", "head", "moved"), [(False, "merge", 0), (False, "merge", 3), (False, "feature", 3), (True, "feature", 3)]
)
def test_of_a_pull_request_only_its_lines_are_checked(
    host: Host, runner: Runner, whole: bool, head: str, moved: int
) -> None:
    """Whichever commit is checked out, and though its base has gone on since."""
    host.git("checkout", "--quiet", "-b", "feature")
    host.commit("clean.md", HARMLESS[1])
    host.commit("old.md", f"{SPOILING}\n{HARMLESS[2]}\n\n{SPOILERS[1]}\n")
    host.git("checkout", "--quiet", "main")
    host.commit("meanwhile.md", SPOILING)
    host.git("checkout", "--quiet", "-b", "merge")
    host.git("merge", "--quiet", "--no-edit", "feature")
    host.git("checkout", "--quiet", "main")
    for number in range(moved):
        host.commit(f"later-{number}.md", SPOILING)
    host.check_out(head, whole=whole)
    runner.variables |= {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_BASE_REF": "main"}
    ran = runner.check(only_changed="true")
    assert (ran.status, ran.outputs["findings"]) == (1, "1"), ran.log
    assert "| <code>old.md</code> | 1 | 7 |" in ran.summary


def test_of_a_push_only_its_lines_are_checked(host: Host, runner: Runner) -> None:
    runner.event = {"before": host.old}
    host.commit("new.md", SPOILING)
    host.check_out("main")
    ran = runner.check(only_changed="true")
    assert (ran.status, ran.outputs["findings"]) == (1, "1"), ran.log
    assert "new.md" in ran.summary


@pytest.mark.parametrize(
    ("event", "base"),
    [({}, ""), ({"before": "0" * 40}, ""), ({"before": "1" * 40}, ""), ({"before": None}, ""), ({}, "absent")],
)
def test_without_a_commit_to_compare_with_everything_is_checked(
    host: Host, runner: Runner, event: dict[str, Any], base: str
) -> None:
    runner.event = event
    runner.variables["GITHUB_BASE_REF"] = base
    host.check_out("main")
    ran = runner.check(only_changed="true")
    assert ran.outputs["findings"] == "1", ran.log
    assert "everything is checked" in ran.log


# --- installed ----------------------------------------------------------------------------------


def test_it_installs_the_spoilerguard_that_it_came_with(runner: Runner, tmp_path: Path) -> None:
    (runner.temp / "spoilerguard").unlink()
    runner.action = checkout(tmp_path / "action", ".github") / FOLDER.relative_to(ROOT)
    variables = environment(tmp_path / "libraries")
    runner.write("pip.py", "raise SystemExit('code of a stranger')")
    ran = runner.step(1, {}, variables)
    assert ran.status == 0, ran.log
    installed = runner.temp / "spoilerguard" / "spoilerguard"
    assert (installed / "models" / "fast").is_dir()
    assert (installed / "assets" / "blogs.md").is_file()
    shutil.rmtree(tmp_path / "action" / "spoilerguard")
    runner.write("a.md", SPOILING)
    assert runner.check().outputs["findings"] == "1"
