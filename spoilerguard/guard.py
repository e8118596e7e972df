"""The main path, top to bottom: read, split, score, decide, report. Read this file first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import compress, islice
import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from spoilerguard.errors import InputError, ModelError
from spoilerguard.model.manifest import Manifest, manifest_bytes, plain_card
from spoilerguard.model.scoring import Scorer
from spoilerguard.model.store import load as load_model
from spoilerguard.model.store import resolve
from spoilerguard.model.store import save as save_model
from spoilerguard.report import Report
from spoilerguard.spans import Document, Flag, Sentence, Span, Work
from spoilerguard.text.language import guess
from spoilerguard.text.ranges import common
from spoilerguard.text.reading import read, words_of
from spoilerguard.text.sentences import split

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

__all__ = ["Guard", "blur", "blur_html", "flag", "load"]

SENSITIVITIES = ("low", "medium", "high")
WorkLike = Work | dict[str, Any] | str | None


class Guard:
    """A loaded model and the decisions made with it.

    Guards are cheap to call and safe to share between threads; `load` makes one.
    """

    def __init__(self, scorer: Scorer, manifest: Manifest, *, source: str | None = None, cascade: bool = False) -> None:
        self.scorer, self.manifest = scorer, manifest
        self._source = source  # the folder of the model: worker processes load it from there,
        self._cascade = cascade  # so

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
        any_language: bool = False,
    ) -> Report:
        """Find the sentences of one document that give the plot away.

        `format` is text, markdown, html or auto; `threshold`, a probability, overrides
        `sensitivity` (low, medium, high); `work` is what is reviewed: a Work, a dictionary with
        title, blurb and synopsis, or a title. A text in another language than English has no flags, unless
        `any_language`. Raises InputError for an argument out of range.
        """
        options = {"format": format, "quotations": quotations, "any_language": any_language}
        return self._report_all([text], [Work.of(work)], self.threshold(sensitivity, threshold), options)[0]

    def blur(self, text: str, *, format: str = "html", style: str | None = None, **options: Any) -> str:
        """The text with its flagged sentences hidden, all else as it was; options as in `flag`.

        `style` is a name in `styles.STYLES`; without one, `html` in HTML and Markdown (`veil`), and in
        plain text, which can hide nothing, `redact`. Raises LeakError rather than give out what leaks.
        """
        return self.flag(text, format=format, **options).blur(style)

    def _report_all(
        self, texts: Sequence[str], works: Sequence[Work | None], threshold: float, options: dict[str, Any]
    ) -> list[Report]:
        reading = {name: options[name] for name in ("format", "quotations")}
        return self.judge([read(text, **reading) for text in texts], works, threshold, options["any_language"])

    def judge(
        self,
        documents: Sequence[Document],
        works: Sequence[Work | None],
        threshold: float,
        any_language: bool = False,
    ) -> list[Report]:
        """Reports of documents already read, of any formats, in one batch; one work (or None) each."""
        languages = [guess(d.prose) for d in documents]
        checked = [any_language or language in (None, "en") for language in languages]
        ranges = [split(d.prose, d.blocks) for d in documents]
        prose = [[d.prose[start:end] for start, end in r] for d, r in zip(documents, ranges, strict=True)]
        scored = iter(
            self._scores(
                list(compress(documents, checked)),
                list(compress(ranges, checked)),
                list(compress(prose, checked)),
                list(compress(works, checked)),
            )
        )
        scores = [next(scored) if yes else np.zeros(len(r)) for yes, r in zip(checked, ranges, strict=True)]
        found = [
            [Sentence(*at, d.source[slice(*at)], float(p)) for at, p in zip(r, ps, strict=True)]
            for d, r, ps in zip(documents, ranges, scores, strict=True)
        ]
        reports = self._decide(documents, found, prose, threshold)
        return [
            replace(report, language=language, checked=yes, flags=report.flags if yes else ())
            for report, language, yes in zip(reports, languages, checked, strict=True)
        ]

    def _scores(
        self,
        documents: Sequence[Document],
        ranges: Sequence[Sequence[tuple[int, int]]],
        prose: Sequence[Sequence[str]],
        works: Sequence[Work | None],
    ) -> list[npt.NDArray[np.float64]]:
        """Each sentence among those around it, also those that its author has hidden: hiding changes no score."""
        read, told = list(prose), {}
        for k, document in enumerate(documents):
            if document.concealed:
                secret = words_of(document.source, document.concealed)
                hidden = split(secret, common(document.blocks, (Span(h.start, h.end) for h in document.hidden)))
                order = sorted([*((at, True) for at in ranges[k]), *((at, False) for at in hidden)])
                read[k] = [(document.prose if seen else secret)[slice(*at)] for at, seen in order]
                told[k] = np.array([seen for _, seen in order], bool)
        scores = self.scorer.score_documents(read, works)
        return [score[told[k]] if k in told else score for k, score in enumerate(scores)]

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
        if sensitivity not in SENSITIVITIES:
            raise InputError(f"unknown sensitivity {sensitivity!r}: choose from {', '.join(SENSITIVITIES)}")
        if threshold is not None:
            if not 0 <= threshold <= 1:
                raise InputError(f"threshold must be a probability from 0 to 1, not {threshold}")
            return float(threshold)
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
        any_language: bool = False,
    ) -> Iterator[Report]:
        """Reports of many texts, in order, streaming: at most a few batches are held at a time.

        With `jobs` above 1, that many processes; a Guard not made by `load` works in one.
        """
        if isinstance(texts, str):
            raise InputError("flag_many takes many texts; for one text use flag")
        if jobs < 1 or batch_size < 1:
            raise InputError("jobs and batch_size must be at least 1")
        limit, topic = self.threshold(sensitivity, threshold), Work.of(work)
        options = {"format": format, "quotations": quotations, "any_language": any_language}
        return self._stream(_batches(texts, batch_size), jobs, topic, limit, options)

    def _stream(
        self, batches: Iterable[list[str]], jobs: int, work: Work | None, threshold: float, options: dict[str, Any]
    ) -> Iterator[Report]:
        if jobs == 1 or self._source is None:
            for batch in batches:
                yield from self._report_all(batch, [work] * len(batch), threshold, options)
            return
        from joblib.externals.loky import get_reusable_executor

        executor = get_reusable_executor(max_workers=jobs)
        waiting: deque[Any] = deque()
        for batch in batches:
            task = (self._source, self._cascade, self.manifest.digests, batch, work, threshold, options)
            waiting.append(executor.submit(_report_in_worker, *task))
            if len(waiting) > 2 * jobs:
                yield from pickle.loads(waiting.popleft().result())
        while waiting:
            yield from pickle.loads(waiting.popleft().result())

    def flag_frame(
        self, frame: pd.DataFrame, text: str = "body", work: str | None = None, **options: Any
    ) -> pd.DataFrame:
        """The frame, same index, with `spoiler_score` (highest of a text), `spoiler` and `flags`.

        `text` and `work` name columns; a missing text counts as empty. Options as in `flag`.
        """
        import pandas as pd

        for column in filter(None, (text, work)):
            if column not in frame.columns:
                raise InputError(f"no column {column!r}: there are {', '.join(map(str, frame.columns))}")
        limit = self.threshold(options.pop("sensitivity", "medium"), options.pop("threshold", None))
        reading = {"format": "text", "quotations": True, "any_language": False}
        reading |= {name: options.pop(name) for name in reading.keys() & options.keys()}
        if options:
            raise InputError(f"unknown option {next(iter(options))!r}")
        texts = ["" if missing else str(value) for value, missing in zip(frame[text], frame[text].isna(), strict=True)]
        titles = (
            [None] * len(texts) if work is None else [Work.of(w if isinstance(w, str) else None) for w in frame[work]]
        )
        reports: list[Report] = []
        for start in range(0, len(texts), 256):
            part = slice(start, start + 256)
            reports += self._report_all(texts[part], titles[part], limit, reading)
        flags = pd.Series([[f.to_dict() for f in r] for r in reports], index=frame.index, dtype=object)
        return frame.assign(
            spoiler_score=np.array([max((s.score for s in r.sentences), default=0.0) for r in reports], float),
            spoiler=np.array([r.has_spoilers for r in reports], bool),
            flags=flags,
        )

    def score(self, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
        """Calibrated probability that each already split sentence, alone, is a spoiler: shape (n,)."""
        if isinstance(sentences, str):
            raise InputError("score takes a list of sentences; for one text use flag")
        return self.scorer.score(list(sentences))

    def save(self, path: str | os.PathLike[str], *, name: str | None = None, card: str | None = None) -> None:
        """Write the model as a folder that `load` takes. Raises ModelError where it cannot."""
        manifest = replace(self.manifest, name=name or self.manifest.name)
        written = save_model(path, self.scorer.arrays, manifest, card or plain_card(manifest), self.scorer.files)
        if self._source is None:  # a loaded model stays what load() gave, to everyone who has it
            self.manifest, self._source = written, os.path.abspath(path)


# --- the function API -----------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _load(folder: str, manifest: bytes, cascade: bool, threads: int) -> Guard:
    loaded = load_model(folder, cascade=cascade, threads=threads, manifest=manifest)
    return Guard(*loaded, source=folder, cascade=cascade)


def load(model: str | os.PathLike[str] = "fast", *, cascade: bool = False, threads: int = 1) -> Guard:
    """A Guard with a bundled model (by name) or with the model in a folder.

    "fast" is linear; "accurate" (extra `accurate`) is a transformer. With `cascade`, the transformer
    reads only what its linear part is unsure of: for archives. `threads` are the transformer's.
    Nothing is downloaded and nothing unpickled. A model is loaded once a process, and again where
    its manifest has changed. Raises ModelError, and MissingExtra naming the extra to install.
    """
    if threads < 1:
        raise InputError("threads must be at least 1")
    folder = resolve(model).resolve()
    return _load(str(folder), manifest_bytes(folder), cascade, threads)


def flag(text: str, *, model: str | os.PathLike[str] = "fast", **options: Any) -> Report:
    """Find spoilers with the bundled model; options as in `Guard.flag`."""
    return load(model).flag(text, **options)


def blur(
    text: str,
    *,
    format: str = "html",
    style: str | None = None,
    model: str | os.PathLike[str] = "fast",
    **options: Any,
) -> str:
    """Hide spoilers with the bundled model; options as in `Guard.blur`."""
    return load(model).blur(text, format=format, style=style, **options)


def blur_html(html: str, **options: Any) -> str:
    """A page or fragment of HTML with its spoilers hidden, for a render hook; options as in `blur`."""
    return blur(html, format="html", **options)


def _report_in_worker(
    source: str,
    cascade: bool,
    digests: dict[str, str],
    batch: list[str],
    work: Work | None,
    threshold: float,
    options: dict[str, Any],
) -> bytes:
    """The reports, pickled here: the executor's own pickler asks Python about every object, at half the speed."""
    guard = load(source, cascade=cascade)
    if guard.manifest.digests != digests:
        raise ModelError(f"{source}: the model changed while it was in use; load it again")
    return pickle.dumps(guard._report_all(batch, [work] * len(batch), threshold, options), pickle.HIGHEST_PROTOCOL)


def _batches(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, size)):
        yield batch
