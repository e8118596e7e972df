"""All the figures of speed and size, in one run, as ratios: minutes on two cores; `--quick`, one and a half.

    python tests/bench/suite.py                    # every measure; results and plots in cache/bench/
    python tests/bench/suite.py start latency      # some, by name
    python tests/bench/suite.py scoring --old REV  # beside the package and models of another commit
    python tests/bench/suite.py --table README.md  # the goals between <!-- bench --> and <!-- /bench --> there, too

What is compared takes turns, so that a busy machine slows all of it; one thread a process, on one core
and then two. The text is that of ../shared/datasets/imdb_reviews.parquet where there is such a file,
else of our own corpus; `--reviews` names another. Linux only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
import json
import os
from pathlib import Path
import platform
import re
import sys
import tempfile
import time

import contenders
from measures import MEASURES
from rows import Bench, Row
from workers import ONE_THREAD, ROOT, apart

REVIEWS = ROOT.parent / "shared" / "datasets" / "imdb_reviews.parquet"
HEAD = "| | | cores | | ratio | to | goal |\n|---|---|---|---|---|---|---|"


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    lines = [HEAD]
    for row in rows:
        ratio = figure(row.ratio) if row.ratio is not None else ""
        goal = f"{row.goal}{'' if row.met else ' (missed)'}" if row.goal else ""
        value = f"{figure(row.value)} {row.unit}"
        lines.append(f"| {row.what} | {row.who} | {row.cores} | {value} | {ratio} | {row.to} | {goal} |")
    return "\n".join(lines)


def goals(rows: Sequence[Row]) -> str:
    """What the goals are about, a line each; on two cores only what is not there on one."""
    lines, listed = [], set()
    for row in rows:
        if row.goal and (row.what, row.who) not in listed:
            listed.add((row.what, row.who))
            ratio = f", {figure(row.ratio)} × {row.to}" if row.ratio is not None else ""
            missed = "" if row.met else ", missed"
            lines.append(f"- {row.what}, {row.who}: {figure(row.value)} {row.unit}{ratio} (goal: {row.goal}{missed})")
    return "\n".join(lines)


def into(path: Path, text: str) -> None:
    """Between the marks in a Markdown file."""
    old = path.read_text(encoding="utf-8")
    new, count = re.subn(
        r"<!-- bench -->.*?<!-- /bench -->", lambda _: f"<!-- bench -->\n{text}\n<!-- /bench -->", old, flags=re.S
    )
    if not count:
        raise SystemExit(f"{path}: no <!-- bench --> and <!-- /bench -->")
    path.write_text(new, encoding="utf-8")


def plot(rows: Sequence[Row], path: Path) -> None:
    """A panel of bars for each thing measured."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 8}
    from matplotlib import pyplot

    panels = list(dict.fromkeys((row.what, row.cores) for row in rows))
    heights = [sum((row.what, row.cores) == panel for row in rows) for panel in panels]
    figure_, axes = pyplot.subplots(
        len(panels), 1, figsize=(7, 0.7 * len(panels) + 0.25 * sum(heights)), squeeze=False, height_ratios=heights,
        layout="constrained",
    )  # fmt: skip
    for axis, (what, cores) in zip(axes[:, 0], panels, strict=True):
        here = [row for row in rows if (row.what, row.cores) == (what, cores)]
        values = [row.value for row in here]
        bars = axis.barh([row.who for row in here], values, color=["#888" if not r.to else "#36c" for r in here])
        axis.bar_label(bars, [figure(value) for value in values], padding=2)
        axis.set_title(f"{what}, {here[0].unit}, {cores} core{'s' * (cores > 1)}", loc="left")
        axis.set_xscale("log" if max(values) > 20 * max(min(values), 1e-9) else "linear")
        axis.invert_yaxis()
        axis.margins(x=0.15)
        axis.spines[["top", "right"]].set_visible(False)
    figure_.savefig(path, metadata={"Date": None})
    pyplot.close(figure_)


def machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURES)}; by default all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds of less: rough figures")
    parser.add_argument("--reviews", type=Path, help="a Parquet file with a column text")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write what has a goal between its marks there")
    parser.add_argument("--old", default="", metavar="COMMIT", help="compare with this commit too")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MEASURES):
        parser.error(f"no measure {sorted(unknown)[0]!r}: there are {', '.join(MEASURES)}")
    sys.path.insert(0, str(ROOT))
    os.environ |= ONE_THREAD
    reviews = options.reviews or (REVIEWS if REVIEWS.exists() else None)
    before = machine()
    apart(contenders.make_rivals)
    contenders.fetch_old(options.old)
    rows: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), tuple(sorted(os.sched_getaffinity(0))[:2]), options.quick)
        apart(contenders.prepare, reviews, 2_000, bench.folder)
        for measure in options.names or MEASURES:
            began = time.monotonic()
            rows[measure] = list(MEASURES[measure](bench))
            print(f"{measure}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    every = [row for part in rows.values() for row in part]
    print(table(every))
    results = {"before": before, "after": machine(), "quick": options.quick, "rows": [asdict(row) for row in every]}
    text = str(reviews and reviews.name) if reviews else "data/reviews.jsonl"
    (contenders.CACHE / "results.json").write_text(json.dumps({"text": text} | results, indent=1), encoding="utf-8")
    for measure, part in rows.items():
        if part:
            plot(part, contenders.CACHE / f"{measure}.svg")
    if options.table:
        into(options.table, goals(every))


if __name__ == "__main__":
    main()
