"""How long `check --site` takes: a site of generated pages, a feed and a search index, with and without leaks.

python tests/bench/site.py --pages 10000
"""

from __future__ import annotations

import argparse
from itertools import product
import json
from pathlib import Path
import random
import resource
import tempfile
import time

from spoilerguard.site import check_site

COMMON = "the a of and in with to is was it that he she his her for on as at by from this but not".split()
OTHERS = ["".join(parts) for parts in product(("ba", "do", "ki", "lu", "mer", "na", "sto", "vi"), repeat=4)]


def sentence(draw: random.Random, length: int) -> str:
    """As in prose, every other word is one of a few."""
    return " ".join(draw.choice(draw.choice((COMMON, OTHERS))) for _ in range(length)).capitalize() + "."


def build(folder: Path, pages: int, hidden: int, leaks: int) -> int:
    """Write the site: every `hidden`-th page hides a sentence, and `leaks` of these stand in the search index too."""
    draw = random.Random(pages)
    index, size = [], 0
    for number in range(pages):
        paragraphs = [" ".join(sentence(draw, draw.randint(6, 20)) for _ in range(4)) for _ in range(9)]
        if number % hidden == 0:
            secret = f"In the end {sentence(draw, 8).lower()[:-1]} number{number}."
            paragraphs.append(f'Read on: <span class="sg1" hidden>{secret}</span>')
            if number // hidden < leaks:
                index.append({"url": f"/p{number}/", "text": secret})
        index.append({"url": f"/p{number}/", "text": paragraphs[0]})
        menu = "".join(f'<li><a href="/p{other}/" title="Page {other}">Page {other}</a></li>' for other in range(20))
        body = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
        head = f'<title>Page {number}</title><meta name="description" content="{paragraphs[0]}">'
        head += "<script>window.a = 1 || 2;</script>"
        page = f"<!doctype html><html><head>{head}</head><body><nav><ul>{menu}</ul></nav>{body}</body></html>"
        (folder / f"p{number}").mkdir()
        (folder / f"p{number}" / "index.html").write_text(page, encoding="utf-8")
        size += len(page)
    (folder / "search.json").write_text(json.dumps(index), encoding="utf-8")
    items = "".join(f"<item><description>{entry['text']}</description></item>\n" for entry in index[-50:])
    (folder / "feed.xml").write_text(f"<rss><channel>{items}</channel></rss>", encoding="utf-8")
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--hidden", type=int, default=10, help="every so many pages, one hides a sentence")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        size = build(Path(name), given.pages, given.hidden, leaks=25)
        began, processor = time.perf_counter(), time.process_time()
        report = check_site(name)
        wall, processor = time.perf_counter() - began, time.process_time() - processor
    assert len(report.leaks) == min(25, -(-given.pages // given.hidden)), report.leaks
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{given.pages:,} pages, {size / 1e6:.0f} MB, {report.hidden:,} hidden sentences, {len(report.leaks)} leaks: "
        f"{processor:.1f} s of one core ({wall:.1f} s by the clock), {memory:.0f} MB"
    )


if __name__ == "__main__":
    main()
