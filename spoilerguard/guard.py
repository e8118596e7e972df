"""The main path, top to bottom: read, split, score, decide, report. Read this file first, then `flagging`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice, repeat
import os
from pathlib import Path
import pickle
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np

from spoilerguard.errors import (
    InputError,
    ModelError,
    SpoilerguardError,
    broken,
    check_choice,
    check_count,
    check_text,
)
from spoilerguard.flagging import flag_documents
from spoilerguard.frames import Frame
from spoilerguard.model.manifest import Manifest, manifest_bytes, plain_card
from spoilerguard.model.scoring import Scorer
from spoilerguard.model.store import bundled_models, resolve
from spoilerguard.model.store import load as load_model
from spoilerguard.model.store import save as save_model
from spoilerguard.report import Report
from spoilerguard.spans import Document, FormatName, Sensitivity, Work, WorkLike
from spoilerguard.text.reading import read

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrameT
    import numpy.typing as npt

__all__ = ["FORMATS", "SENSITIVITIES", "Guard", "Reference", "load"]

FORMATS: tuple[FormatName, ...] = get_args(FormatName)
SENSITIVITIES: tuple[Sensitivity, ...] = get_args(Sensitivity)

_Row = tuple[str, Work | None]  # a text and the work that it is about


class Guard:
    """A loaded model, and what it flags.

    `load` makes one. A guard can be shared between threads. It is pickled as the name (or the folder) and the
    digests of its model, and loaded again where it is unpickled; one that has not been saved is pickled whole.

    Args:
        scorer: What scores sentences.
        manifest: Name, version, thresholds and origin of the model.
        source: The folder of the model, from which worker processes load it; without one, there are none.
        cascade: Whether the model was loaded as a cascade, so that worker processes do the same.
        threads: The number of threads that it was loaded with.
    """

    def __init__(
        self,
        scorer: Scorer,
        manifest: Manifest,
        *,
        source: str | None = None,
        cascade: bool = False,
        threads: int = 1,
    ) -> None:
        self.scorer, self.manifest = scorer, manifest
        self._source, self._cascade, self._threads = source, cascade, threads

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """The version of the model."""
        return self.manifest.version

    def __repr__(self) -> str:
        return f"<Guard {self.name} {self.version}>"

    @property
    def bundled(self) -> bool:
        """Whether its model came with the package."""
        folder = bundled_models().get(self.name)
        return self._source is not None and folder is not None and folder.resolve() == Path(self._source)

    def reference(self) -> Reference:
        """What the same guard is loaded by in another process.

        Raises:
            ModelError: It has neither been loaded nor saved.
        """
        if self._source is None:
            raise ModelError(f"the model {self.name} has no folder yet; save it first")
        model = self.name if self.bundled else self._source
        return Reference(model, self.version, self.manifest.digests, self._cascade, self._threads)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._source is None:
            return Guard, (self.scorer, self.manifest)
        return Reference.load, (self.reference(),)

    def flag(
        self,
        text: str,
        *,
        format: FormatName = "auto",
        sensitivity: Sensitivity = "medium",
        threshold: float | None = None,
        work: WorkLike = None,
        quotations: bool = True,
        any_language: bool = False,
        suppressions: bool = True,
    ) -> Report:
        """Find the sentences of a text that give the plot away.

        Args:
            text: The text.
            format: What the text is written in; by default, guessed from the text.
            sensitivity: `"low"` for few false alarms, `"high"` for few misses.
            threshold: The probability, from 0 to 1, from which a sentence is flagged. It overrides `sensitivity`.
            work: The work that the text is about: a `Work`, a dictionary of its fields, or a title.
            quotations: Whether block quotations are checked too.
            any_language: Whether a text that is not in English is checked too.
            suppressions: Whether comments such as `<!-- spoilerguard off -->` are obeyed; not for text of strangers.

        Returns:
            The report: iterating it yields the flags.

        Raises:
            InputError: An argument is invalid.
        """
        limit, options = (
            self.threshold(sensitivity, threshold),
            _options(format, quotations, any_language, suppressions),
        )
        return self._flag_batch([(text, Work.of(work))], limit, **options)[0]

    def blur(
        self,
        text: str,
        *,
        format: FormatName = "auto",
        style: str | None = None,
        sensitivity: Sensitivity = "medium",
        threshold: float | None = None,
        work: WorkLike = None,
        quotations: bool = True,
        any_language: bool = False,
        suppressions: bool = True,
    ) -> str:
        """Hide the sentences of a text that give the plot away.

        Args:
            text: The text.
            format: What the text is written in; by default, guessed from the text.
            style: How to hide: a name in `spoilerguard.hiding.styles.STYLES`. By default `"html"` in HTML and
                Markdown, and `"redact"` in plain text, which can hide nothing.
            sensitivity: `"low"` for few false alarms, `"high"` for few misses.
            threshold: The probability, from 0 to 1, from which a sentence is hidden. It overrides `sensitivity`.
            work: The work that the text is about: a `Work`, a dictionary of its fields, or a title.
            quotations: Whether block quotations are checked too.
            any_language: Whether a text that is not in English is checked too.
            suppressions: Whether comments such as `<!-- spoilerguard off -->` are obeyed; not for text of strangers.

        Returns:
            The text with its flagged sentences hidden and everything else unchanged.

        Raises:
            InputError: An argument is invalid, or the style does not exist in this format.
            LeakError: The style cannot hide a sentence where it stands.
        """
        report = self.flag(
            text,
            format=format,
            sensitivity=sensitivity,
            threshold=threshold,
            work=work,
            quotations=quotations,
            any_language=any_language,
            suppressions=suppressions,
        )
        return report.blur(style)

    def threshold(self, sensitivity: str = "medium", threshold: float | None = None) -> float:
        """The probability from which a sentence is flagged.

        Args:
            sensitivity: The sensitivity of which the model's threshold is wanted.
            threshold: A probability from 0 to 1 that overrides it.

        Raises:
            InputError: The sensitivity is unknown, or the threshold is not a probability.
        """
        check_choice("sensitivity", sensitivity, SENSITIVITIES)
        if threshold is None:
            return float(self.manifest.thresholds[sensitivity])
        if not isinstance(threshold, int | float | np.floating) or not 0 <= threshold <= 1:
            raise InputError(f"threshold must be a probability from 0 to 1, not {threshold!r}")
        return float(threshold)

    def flag_read(
        self,
        documents: Sequence[Document],
        works: Sequence[Work | None],
        threshold: float,
        *,
        any_language: bool = False,
    ) -> list[Report]:
        """Reports on documents that have been read, in one batch.

        Args:
            documents: The documents, of any formats.
            works: The work that each document is about, or None.
            threshold: The probability from which a sentence is flagged.
            any_language: Whether documents that are not in English are checked too.
        """
        model = {"name": self.name, "version": self.version}
        return flag_documents(self.scorer, documents, works, threshold, model, any_language=any_language)

    def _flag_batch(
        self, rows: Sequence[_Row], threshold: float, *, any_language: bool, **reading: Any
    ) -> list[Report]:
        documents = [read(check_text(text), **reading) for text, _ in rows]
        return self.flag_read(documents, [work for _, work in rows], threshold, any_language=any_language)

    def flag_many(
        self,
        texts: Iterable[str],
        *,
        jobs: int = 1,
        batch_size: int = 256,
        format: FormatName = "auto",
        sensitivity: Sensitivity = "medium",
        threshold: float | None = None,
        work: WorkLike = None,
        quotations: bool = True,
        any_language: bool = False,
        suppressions: bool = True,
    ) -> Iterator[Report]:
        """Reports on many texts, in order. They are streamed: only a few batches are in memory at a time.

        Args:
            texts: The texts.
            jobs: The number of processes. A guard that `load` did not make uses one.
            batch_size: The number of texts that are scored at once.
            format: What the texts are written in; by default, guessed from each text.
            sensitivity: `"low"` for few false alarms, `"high"` for few misses.
            threshold: The probability, from 0 to 1, from which a sentence is flagged. It overrides `sensitivity`.
            work: The work that all the texts are about: a `Work`, a dictionary of its fields, or a title.
            quotations: Whether block quotations are checked too.
            any_language: Whether a text that is not in English is checked too.
            suppressions: Whether comments such as `<!-- spoilerguard off -->` are obeyed; not for text of strangers.

        Raises:
            InputError: An argument is invalid, or one of the texts is not a string.
            ModelError: The folder of the model changed while it was in use.
            SpoilerguardError: A process was killed, or cannot start.
        """
        if isinstance(texts, str):
            raise InputError("flag_many takes many texts; for one text use flag")
        check_count("jobs", jobs)
        check_count("batch_size", batch_size)
        limit, options = (
            self.threshold(sensitivity, threshold),
            _options(format, quotations, any_language, suppressions),
        )
        return self._stream(zip(texts, repeat(Work.of(work))), jobs, batch_size, limit, options)

    def _stream(
        self, rows: Iterable[_Row], jobs: int, batch_size: int, threshold: float, options: dict[str, Any]
    ) -> Iterator[Report]:
        batches = _batches(rows, batch_size)
        if jobs == 1 or self._source is None:
            for batch in batches:
                yield from self._flag_batch(batch, threshold, **options)
            return
        from joblib.externals.loky import get_reusable_executor
        from joblib.externals.loky.process_executor import BrokenProcessPool

        executor, reference = get_reusable_executor(max_workers=jobs), self.reference()._replace(threads=1)
        waiting: deque[Any] = deque()
        try:
            for batch in batches:
                waiting.append(executor.submit(_flag_in_worker, reference, batch, threshold, options))
                if len(waiting) > 2 * jobs:
                    yield from pickle.loads(waiting.popleft().result())
            while waiting:
                yield from pickle.loads(waiting.popleft().result())
        except BrokenProcessPool as error:
            raise SpoilerguardError(f"{broken(error)}; use fewer jobs, or one") from error

    def flag_frame(
        self,
        frame: IntoDataFrameT,
        text: str = "body",
        work: str | None = None,
        *,
        jobs: int = 1,
        format: FormatName = "auto",
        sensitivity: Sensitivity = "medium",
        threshold: float | None = None,
        quotations: bool = True,
        any_language: bool = False,
        suppressions: bool = True,
    ) -> IntoDataFrameT:
        """Flag the texts in a column of a data frame. `spoilerguard.frames` shows how Dask and Spark run it.

        Args:
            frame: A frame of pandas, polars or pyarrow; it is not changed.
            text: The column with the texts. A missing text counts as empty.
            work: The column with the title of the work that each text is about.
            jobs: The number of processes. A guard that `load` did not make uses one.
            format: What the texts are written in; by default, guessed from each text.
            sensitivity: `"low"` for few false alarms, `"high"` for few misses.
            threshold: The probability, from 0 to 1, from which a sentence is flagged. It overrides `sensitivity`.
            quotations: Whether block quotations are checked too.
            any_language: Whether a text that is not in English is checked too.
            suppressions: Whether comments such as `<!-- spoilerguard off -->` are obeyed; not for text of strangers.

        Returns:
            A frame of the same kind with three more columns: `spoiler_score` (the highest score of a sentence, 0 in
            an empty text), `spoiler` (whether a sentence is flagged) and `flags`, lists of what `Flag.to_dict`
            gives. Their type is the same whatever is in them: a list of structs. In pandas that type comes from
            pyarrow; where it is not installed, the lists are Python's.

        Raises:
            InputError: An argument is invalid, or there is no such column, or it does not hold texts.
            ModelError: The folder of the model changed while it was in use.
            SpoilerguardError: A process was killed, or cannot start.
        """
        check_count("jobs", jobs)
        limit, options = (
            self.threshold(sensitivity, threshold),
            _options(format, quotations, any_language, suppressions),
        )
        read_frame = Frame.of(frame, text, work)
        rows = zip(read_frame.texts, map(Work.of, read_frame.titles), strict=True)
        return read_frame.with_reports(self._stream(rows, jobs, 256, limit, options))

    def predict_proba(self, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
        """The calibrated probabilities that each sentence, read alone, is harmless and that it is a spoiler.

        Args:
            sentences: Sentences that have been split already.

        Returns:
            An array of shape (n, 2), whose rows sum to 1: the convention of scikit-learn.

        Raises:
            InputError: `sentences` is one string, or one of them is not a string.
        """
        spoiler = self.score(sentences)
        return np.column_stack([1 - spoiler, spoiler])

    def score(self, sentences: Sequence[str]) -> npt.NDArray[np.float64]:
        """The calibrated probability that each sentence, read alone, is a spoiler.

        Args:
            sentences: Sentences that have been split already.

        Returns:
            An array of shape (n,): the second column of `predict_proba`.

        Raises:
            InputError: `sentences` is one string, or one of them is not a string.
        """
        if isinstance(sentences, str):
            raise InputError("score and predict_proba take a list of sentences; for one text use flag")
        return self.scorer.score([check_text(sentence) for sentence in sentences])

    def save(self, path: str | os.PathLike[str], *, name: str | None = None, card: str | None = None) -> None:
        """Write the model as a folder that `load` reads.

        Args:
            path: The folder. It may exist only if it is empty or holds a model, which is replaced.
            name: The name of the model; by default, the one it has.
            card: The model card, in Markdown; by default, a short one.

        Raises:
            ModelError: The folder cannot be written.
        """
        manifest = replace(self.manifest, name=name or self.manifest.name)
        written = save_model(path, self.scorer.arrays, manifest, card or plain_card(manifest), self.scorer.files)
        if self._source is None:  # a loaded model stays what load() gave, to everyone who has it
            self.manifest, self._source = written, os.path.abspath(path)


class Reference(NamedTuple):
    """What a guard is loaded by in another process, or on another machine.

    Attributes:
        model: The name of a bundled model, or a folder.
        version: The version of the model.
        digests: The digests of its files: those that are loaded must be the same.
        cascade: As in `load`.
        threads: As in `load`.
    """

    model: str
    version: str
    digests: dict[str, str]
    cascade: bool = False
    threads: int = 1

    def load(self) -> Guard:
        """Load the guard.

        Raises:
            ModelError: There is no such model here, or it is another one.
            MissingExtra: The model needs a library that is not installed.
        """
        guard = load(self.model, cascade=self.cascade, threads=self.threads)
        if guard.manifest.digests != self.digests:
            raise ModelError(
                f"{self.model}: the model changed while it was in use, or is another one on this machine: version "
                f"{self.version} was loaded, and version {guard.version} is here; load it again, or install the same "
                "model on every machine"
            )
        return guard


@lru_cache(maxsize=4)
def _load(folder: str, manifest: bytes, cascade: bool, threads: int) -> Guard:
    loaded = load_model(folder, cascade=cascade, threads=threads, manifest=manifest)
    return Guard(*loaded, source=folder, cascade=cascade, threads=threads)


def load(model: str | os.PathLike[str] = "fast", *, cascade: bool = False, threads: int = 1) -> Guard:
    """Load a model. Nothing is downloaded and nothing is unpickled.

    A model is loaded once in a process, and again when its manifest has changed.

    Args:
        model: The name of a bundled model, or the folder of a model. `"fast"` is linear; `"accurate"` is a
            transformer and needs the extra `accurate`.
        cascade: Let the transformer read only what its linear part is unsure about: for large archives.
        threads: The number of threads of the transformer.

    Raises:
        InputError: `threads` is not a whole number from 1.
        ModelError: There is no such model, or it is damaged.
        MissingExtra: The model needs a library that is not installed.
    """
    check_count("threads", threads)
    folder = resolve(model).resolve()
    return _load(str(folder), manifest_bytes(folder), cascade, threads)


def _flag_in_worker(reference: Reference, batch: Sequence[_Row], threshold: float, options: dict[str, Any]) -> bytes:
    """The reports, pickled here: the executor's own pickler asks Python about every object, at half the speed."""
    reports = reference.load()._flag_batch(batch, threshold, **options)
    return pickle.dumps(reports, pickle.HIGHEST_PROTOCOL)


def _batches(rows: Iterable[_Row], size: int) -> Iterator[list[_Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def _options(format: str, quotations: bool, any_language: bool, suppressions: bool) -> dict[str, Any]:
    check_choice("format", format, FORMATS)
    return {"format": format, "quotations": quotations, "any_language": any_language, "suppress": suppressions}
