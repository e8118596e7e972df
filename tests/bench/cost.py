"""What 90 kB of each hostile unit cost, as a multiple of 90 kB of prose in the same format: one table, in one run.

    python tests/bench/cost.py [--models fast] [--routes flag blur check http] [--formats html] [--units '|a|b|']

Every sentence is flagged (threshold 0, in any language), which an attacker may ask for and which costs most. Processor
time counts, over HTTP that of the server and its workers; what comes near the limit is measured three times more. The
first model reads each unit in every format and by every route; the next ones read it in the format in which it cost the
first most, and over HTTP, which does all that `flag` and `blur` do. A line for each unit, the dearest first; exit
status 1 where one costs more than 8 times prose.
"""

from __future__ import annotations

import absent  # isort: skip  # noqa: F401  # first: without PyTorch

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
import gc
from http.client import HTTPConnection
from itertools import cycle, groupby
import json
from operator import itemgetter
import os
from pathlib import Path
import sys
import tempfile
import time

from soak_serve import JSON, ROOT, served

import spoilerguard as sg
from spoilerguard.drafts.checking import check_each
from spoilerguard.errors import LeakError
from spoilerguard.printing import PRINTERS, Look
from spoilerguard.text.reading import READERS

sys.path.insert(0, str(ROOT / "tests"))
from hostile import UNITS, repeated

MOST, NEAR = 8.0, 6.0  # times prose: what is allowed, and what is measured again
LATER = ("http",)  # the routes of the models after the first: a service flags, blurs and looks for leaks
SUFFIXES = {"text": ".txt", "markdown": ".md", "mdx": ".mdx", "html": ".html"}
ASKED = {"threshold": 0.0, "any_language": True}
Route = Callable[[str, str], object]  # from a text and its format
Costs = dict[tuple[str, str], list[float]]  # of a format and a unit: a multiple for each route


def prose(format: str, size: int) -> str:
    """So many characters of our own reviews, a paragraph each."""
    with open(ROOT / "data" / "reviews.jsonl", encoding="utf-8") as lines:
        texts = [" ".join(s["text"] for s in json.loads(line)["sentences"]) for line in lines]
    around = ("<p>", "</p>\n") if format == "html" else ("", "\n\n")
    parts: list[str] = []
    for text in cycle(texts):
        parts.append(text.join(around))
        if sum(map(len, parts)) >= size:
            return "".join(parts)[:size]
    raise AssertionError("no texts")


# --- the routes -----------------------------------------------------------------------------------


def flagged(guard: sg.Guard, text: str, format: str) -> object:
    return guard.flag(text, format=format, suppressions=False, **ASKED)


def blurred(guard: sg.Guard, text: str, format: str) -> object:
    try:
        return guard.flag(text, format=format, suppressions=False, **ASKED).blur()
    except LeakError:
        return None  # refused, after the same work


def checked(guard: sg.Guard, folder: Path, text: str, format: str) -> object:
    path = folder / f"draft{SUFFIXES[format]}"
    path.write_text(text, encoding="utf-8", newline="")
    outcomes = check_each(guard, [(str(path), None)], lambda *_: {"format": format, **ASKED})
    look = Look(False, False, 0.0, {"name": guard.name, "version": guard.version})
    return list(PRINTERS["json"](outcomes, look))


def asked(connection: HTTPConnection, text: str, format: str) -> object:
    body = json.dumps({"text": text, "format": format, **ASKED}, ensure_ascii=False)
    connection.request("POST", "/v1/blur", body.encode(), JSON)
    response = connection.getresponse()
    response.read()
    connection.close()  # which the server does too, after a while
    if response.status not in (200, 422):
        raise SystemExit(f"{response.status} for {text[:40]!r}")
    return None


def spent(process: int) -> float:
    """The processor time of a process and of those that it started, also of those that have ended, in seconds."""
    listed = (path.read_text(encoding="ascii") for path in Path(f"/proc/{process}/task").glob("*/children"))
    return (sum(map(_ticks, map(int, " ".join(listed).split()))) + _ticks(process, ended=True)) / os.sysconf(
        "SC_CLK_TCK"
    )


def _ticks(process: int, *, ended: bool = False) -> int:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if ended else 13]))  # user and system; then those of children that have ended


@contextmanager
def routes(model: str, names: list[str]) -> Iterator[dict[str, tuple[Route, Callable[[], float]]]]:
    """Each route with the clock that measures it."""
    with ExitStack() as stack:
        guard = sg.load(model)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        every: dict[str, tuple[Route, Callable[[], float]]] = {
            "flag": (partial(flagged, guard), time.process_time),
            "blur": (partial(blurred, guard), time.process_time),
            "check": (partial(checked, guard, folder), time.process_time),
        }
        if "http" in names:
            server, address = stack.enter_context(served("--model", model, "--timeout", "600"))
            connection = HTTPConnection(*address)
            stack.callback(connection.close)
            every["http"] = (partial(asked, connection), partial(spent, server))
        yield {name: every[name] for name in names}


# --- the table ------------------------------------------------------------------------------------


def seconds(route: Route, clock: Callable[[], float], text: str, format: str) -> float:
    gc.collect()
    began = clock()
    route(text, format)
    return clock() - began


def multiple(route: Route, clock: Callable[[], float], text: str, ordinary: str, format: str, usual: float) -> float:
    """How often the cost of ordinary text, which is usually that of these seconds, goes into that of a text."""
    once = seconds(route, clock, text, format) / usual
    if once <= NEAR:
        return once
    pairs = [[seconds(route, clock, each, format) for each in (ordinary, text)] for _ in range(3)]
    usual, dear = map(min, zip(*pairs, strict=True))  # in turns, so that what else the machine does falls on both
    return dear / usual


def measured(model: str, names: list[str], cases: list[tuple[str, str]], size: int) -> Costs:
    """Print the table of a model: the cases are formats and units, those of a format beside each other."""
    table: Costs = {}
    with routes(model, names) as ways:
        for format, group in groupby(cases, key=itemgetter(0)):
            ordinary, usual = prose(format, size), {}
            for name, (route, clock) in ways.items():
                route("so here we go " * 20, format)  # loads what splits text without punctuation
                usual[name] = min(seconds(route, clock, ordinary, format) for _ in range(3))
            print(f"{model}, prose as {format}:", *(f"{usual[name]:.2f} s {name}" for name in names), flush=True)
            for _, unit in group:
                text = repeated(unit, size).encode()[:size].decode(errors="ignore")
                table[format, unit] = [
                    multiple(route, clock, text, ordinary, format, usual[name]) for name, (route, clock) in ways.items()
                ]
                print(f"{format:9} {unit!r:44.44}", *(f"{one:6.1f}" for one in table[format, unit]), file=sys.stderr)
    print(f"{'model':9} {'format':9} {'unit':44}", *(f"{name:>6}" for name in names))
    for (format, unit), costs in sorted(table.items(), key=lambda row: -max(row[1])):
        print(f"{model:9} {format:9} {unit!r:44.44}", *(f"{one:6.1f}" for one in costs), flush=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["fast", "accurate"])
    parser.add_argument("--routes", nargs="+", default=["flag", "blur", "check", "http"])
    parser.add_argument("--formats", nargs="+", default=list(READERS))
    parser.add_argument("--units", nargs="+", default=UNITS)
    parser.add_argument("--size", type=int, default=90_000, help="of each text, in bytes")
    options = parser.parse_args()
    names, cases = options.routes, [(format, unit) for format in options.formats for unit in options.units]
    tables: list[Costs] = []
    for model in options.models:
        tables.append(measured(model, names, cases, options.size))
        if len(tables) == 1:
            first = tables[0]
            dearest = [max(options.formats, key=lambda f, u=unit: max(first[f, u])) for unit in options.units]
            names = [name for name in names if name in LATER] or names
            cases = sorted(zip(dearest, options.units, strict=True), key=lambda case: options.formats.index(case[0]))
    worst = max(max(costs) for table in tables for costs in table.values())
    if worst > MOST:
        raise SystemExit(f"a unit costs {worst:.1f} times prose; it must be {MOST:g} at most")


if __name__ == "__main__":
    main()
