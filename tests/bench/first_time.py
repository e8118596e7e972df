"""The path of someone who has never seen spoilerguard: README commands, in a fresh environment, timed.

    python tests/bench/first_time.py

A copy of the checkout, an environment with nothing but pip, no cache of pip's: install, check a draft of
one's own, hide, scan a WordPress export, train on labels of one's own. Each in three commands at most, and
each command stands in the README as it is typed here, or this fails. Needs the package index, a few minutes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
import shlex
import subprocess
import sys
import tempfile
import time
import venv
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from offline import ROOT, checkout

MOST = 3  # commands to a step
STEPS: dict[str, tuple[tuple[str, int], ...]] = {  # command, exit status
    "install": (("pip install .", 0),),
    "check my draft": (("spoilerguard check draft.md", 1),),
    "hide its spoilers": (("spoilerguard blur draft.md -o post.md", 0), ("spoilerguard assets -o static", 0)),
    "scan a WordPress export": (("spoilerguard scan export.xml -o found.csv --only-flagged --report report.html", 0),),
    "train on my labels": (
        ("spoilerguard train data/reviews.jsonl -o my-model", 0),
        ("spoilerguard check draft.md --model ./my-model", 1),
    ),
}
COMMENTS = 2_000  # in the export


def commands() -> set[str]:
    """What the README has to be typed."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    return {line[2:].partition("  #")[0].strip() for line in lines if line.startswith("$ ")}


def export(path: Path) -> None:
    """A WordPress export of one post, with sentences of our corpus as its comments."""
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        texts = [sentence["text"].strip() for line in lines for sentence in json.loads(line)["sentences"]][:COMMENTS]
    names = ("wp", "http://wordpress.org/export/1.2/"), ("content", "http://purl.org/rss/1.0/modules/content/")
    spaces = " ".join(f'xmlns:{name}="{address}"' for name, address in names)
    comments = "\n".join(
        f"<wp:comment><wp:comment_id>{number}</wp:comment_id><wp:comment_approved>1</wp:comment_approved>"
        f"<wp:comment_content>{escape(text)}</wp:comment_content></wp:comment>"
        for number, text in enumerate(texts, 1)
    )
    post = "<title>A review</title><content:encoded>Lovely prose.</content:encoded><wp:post_id>1</wp:post_id>"
    kind = "<wp:post_type>post</wp:post_type><wp:status>publish</wp:status>"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    channel = f"<channel><wp:wxr_version>1.2</wp:wxr_version><item>{post}{kind}{comments}</item></channel>"
    path.write_text(f'{head}\n<rss version="2.0" {spaces}>{channel}</rss>\n', encoding="utf-8")


def walk(folder: Path) -> list[str]:
    """Every step, timed; what was not as it should be."""
    desk = checkout(folder / "spoilerguard", "data")
    (desk / "draft.md").write_bytes((ROOT / "data" / "examples" / "the-glass-orchard.md").read_bytes())
    export(desk / "export.xml")
    venv.create(folder / "venv", with_pip=True)
    unset = ("PYTHONPATH", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in unset} | {
        "PATH": os.pathsep.join((str(folder / "venv" / "bin"), os.environ["PATH"])),
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    wrong, written = [], commands()
    for step, typed in STEPS.items():
        wrong += [f"{step}: more than {MOST} commands"] if len(typed) > MOST else []
        for command, status in typed:
            wrong += [] if command in written else [f"not in the README: {command}"]
            start = time.perf_counter()
            ran = subprocess.run(shlex.split(command), cwd=desk, env=environment, capture_output=True, text=True)
            print(f"{time.perf_counter() - start:7.1f} s  {step:24} {command}", flush=True)
            if ran.returncode != status:
                wrong.append(f"{command}: exit status {ran.returncode}, not {status}\n{ran.stdout[-2000:]}{ran.stderr}")
        if wrong and step == "install":
            break
    python = folder / "venv" / "bin" / "python"
    if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
        wrong.append("PyTorch came with the package")
    return wrong


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        wrong = walk(Path(folder))
    print("\n".join(wrong) or "every command is in the README and did what it says", flush=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
