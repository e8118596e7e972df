"""The plots of a report as inline SVG in the colours of the page, so that they follow its dark mode."""

from __future__ import annotations

from collections.abc import Mapping
import importlib.util
import io
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
    "legend.frameon": False,
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
            figure = Figure(figsize=(4.6, 3.7), layout="constrained")
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


def _mark(axes: Axes, x: float, y: float, name: str, *, left: bool) -> None:
    axes.plot(
        [x], [y], "o", markersize=6, markerfacecolor=PAPER, markeredgecolor=INK, markeredgewidth=1.6, clip_on=False
    )
    offset, side = ((-8, -13), "right") if left else ((8, 5), "left")
    axes.annotate(name, (x, y), offset, textcoords="offset points", ha=side)


def _precision_recall(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    overall = evaluation["overall"]
    recall, precision = zip(*evaluation["curves"]["precision_recall"], strict=True)
    axes.plot(recall, precision, color=SPOILER)
    axes.axhline(overall["spoilers"] / overall["sentences"], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    for name, point in overall["points"].items():
        if point["precision"]["value"] is not None:
            right = point["recall"]["value"] > 0.75
            _mark(axes, point["recall"]["value"], point["precision"]["value"], name, left=right)
    _unit(axes, "recall: share of spoilers found", "precision: share of flags that are right")


def _roc(axes: Axes, evaluation: Mapping[str, Any]) -> None:
    alarms, found = zip(*evaluation["curves"]["roc"], strict=True)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(alarms, found, color=SPOILER)
    for name, point in evaluation["overall"]["points"].items():
        x, y = point["false_alarm_rate"]["value"], point["recall"]["value"]
        axes.plot(
            [x], [y], "o", markersize=6, markerfacecolor=PAPER, markeredgecolor=INK, markeredgewidth=1.6, clip_on=False
        )
        axes.annotate(name, (x, y), (8, -12), textcoords="offset points", ha="left")
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
    for name, point in evaluation["overall"]["points"].items():
        axes.axvline(point["threshold"], color=INK, linewidth=1, linestyle=(0, (1, 2)))
        axes.text(point["threshold"], top, name, ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(0, 1), xlabel="predicted probability", ylabel="share of the sentences of each class")
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
