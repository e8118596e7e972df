"""The main path, top to bottom: read, split, score, decide, report. Read this file first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
import os
from typing import TYPE_CHECKING, Any

from spoilerguard.errors import InputError, ModelError
from spoilerguard.reading import read
from spoilerguard.scoring import LinearScorer, Scorer
from spoilerguard.sentences import split
from spoilerguard.spans import Document, Flag, Report, Sentence, Work
from spoilerguard.store import Manifest, load as load_model, plain_card, save as save_model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

__all__ = ["Guard", "flag", "load"]

SENSITIVITIES = ("low", "medium", "high")
WorkLike = Work | dict[str, Any] | str | None


class Guard:
    """A loaded model and the decisions made with it.

    Guards are cheap to call and safe to share between threads; `load` makes one.
    """

    def __init__(self, scorer: Scorer, manifest: Manifest, *, source: str | None = None) -> None:
        self.scorer, self.manifest = scorer, manifest
        self._source = source  # what load() was given: worker processes load it by that

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def version(self) -> str:
        return self.manifest.version

    def __repr__(self) -> str:
        return f"<Guard {self.name} {self.version}>"

    # --- the main path ---------------------------------------------------------------------------

    def flag(
        self,
        text: str,
        *,
        format: str = "text",
        sensitivity: str = "medium",
        threshold: float | None = None,
        work: WorkLike = None,
        quotations: bool = True,
    ) -> Report:
        """Find the sentences of one document that give the plot away.

        `format` is text, markdown, html or auto; `threshold`, a probability, overrides
        `sensitivity` (low, medium, high); `work` is what is reviewed: a Work, a dictionary with
        title, blurb and synopsis, or a title. Raises InputError for an argument out of range.
        """
        options = {"format": format, "quotations": quotations}
        return self._report_all([text], [Work.of(work)], self.threshold(sensitivity, threshold), options)[0]

    def _report_all(
        self, texts: Sequence[str], works: Sequence[Work | None], threshold: float, options: dict[str, Any]
    ) -> list[Report]:
        documents = [read(text, **options) for text in texts]
        ranges = [split(d.prose, d.blocks) for d in documents]
        prose = [[d.prose[start:end] for start, end in r] for d, r in zip(documents, ranges, strict=True)]
        scores = self.scorer.score_documents(prose, works)
        found = [
            [Sentence(*at, d.source[slice(*at)], float(p)) for at, p in zip(r, ps, strict=True)]
            for d, r, ps in zip(documents, ranges, scores, strict=True)
        ]
        return self._decide(documents, found, prose, threshold)

    def _decide(
        self,
        documents: Sequence[Document],
        found: Sequence[Sequence[Sentence]],
        prose: Sequence[Sequence[str]],
        threshold: float,
    ) -> list[Report]:
        over = [[k for k, s in enumerate(sentences) if s.score >= threshold] for sentences in found]
        reasons = iter(self.scorer.reasons([texts[k] for texts, ks in zip(prose, over, strict=True) for k in ks]))
        model = {"name": self.name, "version": self.version}
        return [
            Report(
                document,
                tuple(sentences),
                tuple(
                    Flag(s.start, s.end, *document.position(s.start), s.text, s.score, next(reasons))
                    for s in (sentences[k] for k in ks)
                ),
                threshold,
                model,
            )
            for document, sentences, ks in zip(documents, found, over, strict=True)
        ]

    def threshold(self, sensitivity: str = "medium", threshold: float | None = None) -> float:
        """The probability from which a sentence is flagged."""
        if threshold is not None:
            if not 0 <= threshold <= 1:
                raise InputError(f"threshold must be a probability from 0 to 1, not {threshold}")
            return float(threshold)
        if sensitivity not in SENSITIVITIES:
            raise InputError(f"unknown sensitivity {sensitivity!r}: choose from {', '.join(SENSITIVITIES)}")
        return float(self.manifest.thresholds[sensitivity])

    # --- many at once ----------------------------------------------------------------------------

    def flag_many(
        self,
        texts: Iterable[str],
        *,
        jobs: int = 1,
        batch_size: int = 256,
        format: str = "text",
        sensitivity: str = "medium",
        threshold: float | None = None,
        work: WorkLike = None,
        quotations: bool = True,
    ) -> Iterator[Report]:
        """Reports of many texts, in order, streaming: at most a few batches are held at a time.

        With `jobs` above 1, that many processes; a Guard not made by `load` works in one.
        """
        if jobs < 1 or batch_size < 1:
            raise InputError("jobs and batch_size must be at least 1")
        limit, topic = self.threshold(sensitivity, threshold), Work.of(work)
        options = {"format": format, "quotations": quotations}
        batches = _batches(texts, batch_size)
        if jobs == 1 or self._source is None:
            for batch in batches:
                yield from self._report_all(batch, [topic] * len(batch), limit, options)
            return
        from joblib.externals.loky import get_reusable_executor

        executor = get_reusable_executor(max_workers=jobs)
        waiting: deque[Any] = deque()
        for batch in batches:
            waiting.append(executor.submit(_report_in_worker, self._source, batch, topic, limit, options))
            if len(waiting) > 2 * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def flag_frame(
        self, frame: pd.DataFrame, text: str = "text", work: str | None = None, **options: Any
    ) -> pd.DataFrame:
        """The frame, same index, with `spoiler_score` (highest of a text), `spoiler` and `flags`.

        `text` and `work` name columns; a missing text counts as empty. Options as in `flag`.
        """
        for column in filter(None, (text, work)):
            if column not in frame.columns:
                raise InputError(f"no column {column!r}: there are {', '.join(map(str, frame.columns))}")
        limit = self.threshold(options.pop("sensitivity", "medium"), options.pop("threshold", None))
        reading = {"format": options.pop("format", "text"), "quotations": options.pop("quotations", True)}
        if options:
            raise InputError(f"unknown option {next(iter(options))!r}")
        texts = ["" if value is None or value != value else str(value) for value in frame[text]]
        titles = [None] * len(texts) if work is None else [Work.of(w if isinstance(w, str) else None) for w in frame[work]]
        reports: list[Report] = []
        for start in range(0, len(texts), 256):
            part = slice(start, start + 256)
            reports += self._report_all(texts[part], titles[part], limit, reading)
        return frame.assign(
            spoiler_score=[max((s.score for s in r.sentences), default=0.0) for r in reports],
            spoiler=[r.has_spoilers for r in reports],
            flags=[[f.to_dict() for f in r] for r in reports],
        )

    def score(self, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
        """Calibrated probability that each already split sentence, alone, is a spoiler: shape (n,)."""
        if isinstance(sentences, str):
            raise InputError("score takes a list of sentences; for one text use flag")
        return self.scorer.score(list(sentences))

    def save(self, path: str | os.PathLike[str], *, name: str | None = None, card: str | None = None) -> None:
        """Write the model as a folder that `load` takes. Raises ModelError where it cannot."""
        if not isinstance(self.scorer, LinearScorer):
            raise ModelError("only a linear model can be saved")
        manifest = replace(self.manifest, name=name or self.manifest.name)
        self.manifest = save_model(path, self.scorer.arrays, manifest, card or plain_card(manifest))
        self._source = os.fspath(path)


# --- the function API -----------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _load(source: str) -> Guard:
    return Guard(*load_model(source), source=source)


def load(model: str | os.PathLike[str] = "fast") -> Guard:
    """A Guard with a bundled model (by name) or with the model in a folder. Raises ModelError.

    Nothing is downloaded and nothing unpickled. A model is loaded once a process.
    """
    return _load(os.fspath(model))


def flag(text: str, *, model: str | os.PathLike[str] = "fast", **options: Any) -> Report:
    """Find spoilers with the bundled model; options as in `Guard.flag`."""
    return load(model).flag(text, **options)


def _report_in_worker(
    source: str, batch: list[str], work: Work | None, threshold: float, options: dict[str, Any]
) -> list[Report]:
    return _load(source)._report_all(batch, [work] * len(batch), threshold, options)


def _batches(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, size)):
        yield batch
