"""The plots of a report as inline SVG in the colours of the page, so that they follow its dark mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import importlib.util
import io
from itertools import pairwise
import re
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plots", "require_matplotlib"]

# matplotlib draws with these colours; the page replaces them by variables of its style sheet.
INK, FAINT, SPOILER, HARMLESS, PAPER = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {INK: "--ink", FAINT: "--faint", SPOILER: "--spoiler", HARMLESS: "--harmless", PAPER: "--paper"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "legend.facecolor": PAPER,  # no line runs through its words
    "legend.edgecolor": "none",
    "legend.framealpha": 1,
    "lines.linewidth": 2,
}


def plots(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Draw the plots.

    Args:
        evaluation: The result of `Evaluation.to_dict`.

    Returns:
        The SVG of each plot, by title.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    drawings = {
        "Precision and recall": _precision_recall,
        "ROC": _roc,
        "Reliability": _reliability,
        "Scores": _scores,
    }
    if evaluation["learning_curve"]:
        drawings["Learning curve"] = _learning_curve
    out = {}
    for title, draw in drawings.items():
        with mpl.rc_context({**_STYLE, "svg.hashsalt": title}):
            figure = Figure(figsize=(3.6, 3.1), layout="constrained")
            FigureCanvasSVG(figure)
            draw(figure.add_subplot(), evaluation)
            out[title] = _svg(figure, title)
    return out


def require_matplotlib() -> None:
    """Check that plots can be drawn.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("matplotlib", "report")


def _svg(figure: Figure, title: str) -> str:
    """The figure for inclusion in a page: without header, and without ids that another figure would repeat."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    size = re.search(r'viewBox="[^"]*"', svg)
    assert size is not None
    svg = re.sub(r"<svg[^>]*>", f'<svg {size[0]} role="img" aria-label="{title}">', svg, count=1)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return re.sub(r"\s*\n\s*", "\n", svg).strip()


def _unit(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])


# Where the name of a point may stand, in points from it; and the sizes of an axes and of a letter, about.
_SIDES = ((8, 5), (-8, -13), (8, -13), (-8, 5), (8, 18), (-8, -26), (8, -26), (-8, 18))
_WIDTH, _HEIGHT, _LETTER, _LINE = 205.0, 165.0, 6.0, 12.0

Box = tuple[float, float, float, float]


def _named(axes: Axes, points: Sequence[tuple[float, float, str]], curve: Sequence[tuple[float, float]] = ()) -> None:
    """Mark points of a unit square, each with its name where it hides no other name, no point and no curve."""
    dots = [(x * _WIDTH - 5, y * _HEIGHT - 5, x * _WIDTH + 5, y * _HEIGHT + 5) for x, y, _ in points]
    dots += [(x * _WIDTH - 2, y * _HEIGHT - 2, x * _WIDTH + 2, y * _HEIGHT + 2) for x, y in _along(curve)]
    taken: list[Box] = []
    for x, y, name in points:
        axes.plot(
            [x], [y], "o", markersize=6, markerfacecolor=PAPER, markeredgecolor=INK, markeredgewidth=1.6, clip_on=False
        )
        boxes = [_box(x, y, side, name) for side in _SIDES]
        costs = [
            10 * sum(_overlap(box, other) for other in taken)
            + sum(_overlap(box, other) for other in dots)
            + _outside(box)
            for box in boxes
        ]
        best = costs.index(min(costs))
        taken.append(boxes[best])
        axes.annotate(
            name, (x, y), _SIDES[best], textcoords="offset points", ha="left" if _SIDES[best][0] > 0 else "right"
        )


def _along(curve: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points on a curve, close to one another."""
    for (x, y), (to_x, to_y) in pairwise(curve):
        steps = 1 + int(60 * max(abs(to_x - x), abs(to_y - y)))
        yield from ((x + (to_x - x) * k / steps, y + (to_y - y) * k / steps) for k in range(steps))


def _box(x: float, y: float, side: tuple[int, int], name: str) -> Box:
    width = _LETTER * len(name)
    left = x * _WIDTH + side[0] - (width if side[0] < 0 else 0)
    bottom = y * _HEIGHT + side[1] - 2
    return left, bottom, left + width, bottom + _LINE


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0


def _outside(box: Box) -> float:
    """How much of a name is outside of the axes."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return area - _overlap(box, (0, 0, _WIDTH, _HEIGHT))


def _precision_recall(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    overall = evaluation["overall"]
    curve = evaluation["curves"]["precision_recall"]
    recall, precision = zip(*curve, strict=True)
    axes.plot(recall, precision, color=SPOILER)
    axes.axhline(overall["spoilers"] / overall["sentences"], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    points = [
        (point["recall"]["value"], point["precision"]["value"], name) for name, point in overall["points"].items()
    ]
    _named(axes, [point for point in points if point[1] is not None], curve)
    _unit(axes, "recall: share of spoilers found", "precision: share of right flags")


def _roc(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    curve = evaluation["curves"]["roc"]
    alarms, found = zip(*curve, strict=True)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(alarms, found, color=SPOILER)
    points = evaluation["overall"]["points"].items()
    _named(axes, [(p["false_alarm_rate"]["value"], p["recall"]["value"], name) for name, p in points], curve)
    _unit(axes, "share of harmless sentences flagged", "share of spoilers found")


def _reliability(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    bins = [row for row in evaluation["overall"]["reliability"] if row["sentences"]]
    x = [row["predicted"] for row in bins]
    y = [row["observed"]["value"] for row in bins]
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    for at, row in zip(x, bins, strict=True):
        if row["observed"]["interval"]:
            axes.plot([at, at], row["observed"]["interval"], color=SPOILER, linewidth=1.4, alpha=0.6)
    axes.plot(x, y, "o-", color=SPOILER, markersize=5, linewidth=1.2)
    _unit(axes, "predicted probability", "share that are spoilers")


def _scores(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    histogram = evaluation["curves"]["histogram"]
    left, width = histogram["edges"][:-1], histogram["edges"][1] - histogram["edges"][0]
    for name, colour, shift in (("harmless", HARMLESS, 0.0), ("spoilers", SPOILER, 0.5)):
        counts = histogram[name]
        total = max(sum(counts), 1)
        heights = [count / total for count in counts]
        axes.bar([x + shift * width for x in left], heights, width * 0.46, align="edge", color=colour, label=name)
    top = axes.get_ylim()[1]
    points = sorted((point["threshold"], name) for name, point in evaluation["overall"]["points"].items())
    ends: list[float] = []  # of the last name in each row above the axes
    for at, name in points:
        half = _LETTER * len(name) / _WIDTH / 2
        row = next((k for k, end in enumerate(ends) if end < at - half), len(ends))
        ends[row : row + 1] = [at + half]
        axes.axvline(at, color=INK, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(name, (at, top), (0, 1 + 11 * row), textcoords="offset points", ha="center", fontsize=9)
    axes.set(xlim=(0, 1), xlabel="predicted probability", ylabel="share of sentences of the class")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    axes.legend(loc="upper center", bbox_to_anchor=(0.36, 0.95))


def _learning_curve(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    rows = evaluation["learning_curve"]
    x = [row["training_sentences"] for row in rows]
    for name, label, colour in (("auc", "AUC", HARMLESS), ("average_precision", "average precision", SPOILER)):
        known = [(at, row[name]) for at, row in zip(x, rows, strict=True) if row[name]["value"] is not None]
        for at, figure in known:
            if figure["interval"]:
                axes.plot([at, at], figure["interval"], color=colour, linewidth=1.4, alpha=0.6)
        axes.plot(
            [at for at, _ in known], [f["value"] for _, f in known], "o-", color=colour, markersize=5, label=label
        )
    axes.set(xlabel="training sentences", ylabel="AUC or average precision", xlim=(0, None))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.locator_params(axis="x", nbins=5)
    axes.legend(loc="lower right")
