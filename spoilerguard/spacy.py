"""A component for spaCy pipelines, which spaCy finds without an import, by the entry point in `pyproject.toml`:

    nlp = spacy.blank("en")
    nlp.add_pipe("spoilerguard", config={"model": "fast", "sensitivity": "medium"})
    doc = nlp(text)  # spans belong to a Doc that is kept
    for span in doc.spans["spoilers"]:
        print(span.label_, span._.spoiler_score, span.text)

spaCy imports this module with every pipeline that is made, of whoever: it loads no model and little else.
"""

# Without `from __future__ import annotations`: spaCy validates the configuration by the annotations of `make`.

from collections.abc import Iterable, Iterator
from itertools import islice
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from spoilerguard.errors import InputError, ModelError
from spoilerguard.spans import Flag, FormatName, Sensitivity

if TYPE_CHECKING:
    from spoilerguard.guard import Guard

__all__ = ["SpoilerguardComponent", "make"]

_REFERENCE, _MODEL = "model.json", "model"  # of a bundled model, its name and digests; of your own, a copy


class SpoilerguardComponent:
    """Flags the spoilers of each Doc: a span of `doc.spans` for each flag that `Guard.flag` has for its text.

    A span has the kind of spoiler as its label, and its probability as `span._.spoiler_score`. It consists of whole
    tokens: where a flag begins or ends within a token, the whole token is in the span.

    Args:
        name: The name of the component in its pipeline.
        model: The name of a bundled model, or the path of a folder with a model. A folder that does not exist may
            come with `from_disk`.
        spans_key: The key in `doc.spans`.
        options: What `Guard.flag` takes beside the text.

    Raises:
        InputError: An option is invalid.
        ModelError: There is no such bundled model, or the model is damaged.
        MissingExtra: The model needs a library that is not installed.
    """

    def __init__(self, name: str, model: str, spans_key: str, **options: Any) -> None:
        from spoilerguard.model.store import bundled

        self.name, self.model, self.spans_key, self.options = name, model, spans_key, options
        self._guard: Guard | None = None
        if not Span.has_extension("spoiler_score"):
            Span.set_extension("spoiler_score", default=None)
        if os.sep not in model:
            bundled(model)
            self.guard.flag("", **options)
        elif Path(model).is_dir():
            self.guard.flag("", **options)

    @property
    def guard(self) -> "Guard":
        """What flags; loaded when it is first needed."""
        from spoilerguard.guard import load

        if self._guard is None:
            self._guard = load(self.model)
        return self._guard

    def __call__(self, doc: Doc) -> Doc:
        """Set the spans of a Doc."""
        self._mark(doc, self.guard.flag(doc.text, **self.options).flags)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 256) -> Iterator[Doc]:
        """Set the spans of many Docs, in order.

        Args:
            stream: The Docs.
            batch_size: The number of Docs that are scored at once.
        """
        docs = iter(stream)
        while batch := list(islice(docs, batch_size)):
            reports = self.guard.flag_many([doc.text for doc in batch], batch_size=batch_size, **self.options)
            for doc, report in zip(batch, reports, strict=True):
                self._mark(doc, report.flags)
                yield doc

    def _mark(self, doc: Doc, flags: tuple[Flag, ...]) -> None:
        spans: list[Span] = []
        for flag in flags:
            kind = flag.reasons[0].kind if flag.reasons else "spoiler"
            span = doc.char_span(flag.start, flag.end, label=kind, alignment_mode="expand")
            assert span is not None  # there is text at every offset of a flag
            known = [other for other in spans[-1:] if (other.start, other.end) == (span.start, span.end)]
            # Spans of the same tokens share what is in `_`: of two flags within one token, the higher score counts.
            span._.spoiler_score = max(flag.score, *(other._.spoiler_score for other in known), 0.0)
            spans.append(span)
        doc.spans[self.spans_key] = spans

    # --- saving ---------------------------------------------------------------------------------

    def to_disk(self, path: str | os.PathLike[str], *, exclude: Iterable[str] = ()) -> None:
        """Write a folder: the name and the digests of a bundled model, or a copy of your own.

        Args:
            path: The folder.
            exclude: What spaCy leaves out; nothing of this component.

        Raises:
            ModelError: The folder cannot be written.
        """
        folder = Path(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.guard.bundled:
                (folder / _REFERENCE).write_bytes(self.to_bytes())
        except OSError as error:
            raise ModelError(f"{folder}: cannot be written ({error.strerror})") from None
        if not self.guard.bundled:
            self.guard.save(folder / _MODEL)

    def from_disk(self, path: str | os.PathLike[str], *, exclude: Iterable[str] = ()) -> "SpoilerguardComponent":
        """Read what `to_disk` wrote.

        Args:
            path: The folder.
            exclude: What spaCy leaves out; nothing of this component.

        Raises:
            ModelError: The model that was saved is not the one that is installed, or it is damaged.
        """
        from spoilerguard.guard import load

        folder = Path(path)
        if (folder / _MODEL).is_dir():
            self._guard = load(folder / _MODEL)
            return self
        try:
            return self.from_bytes((folder / _REFERENCE).read_bytes())
        except OSError as error:
            raise ModelError(f"{folder / _REFERENCE}: cannot be read ({error.strerror}); save it again") from None

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The name (or the folder) and the digests of the model, as JSON."""
        return json.dumps(self.guard.reference()._asdict()).encode()

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "SpoilerguardComponent":
        """Load the model that `to_bytes` named.

        Args:
            data: What `to_bytes` returned.
            exclude: What spaCy leaves out; nothing of this component.

        Raises:
            InputError: These are other bytes.
            ModelError: The model is not the one that was saved.
        """
        from spoilerguard.guard import Reference

        try:
            reference = Reference(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise InputError(f"not what spoilerguard's to_bytes or to_disk wrote ({error}); save it again") from None
        self._guard = reference.load()
        return self


@Language.factory(
    "spoilerguard",
    default_config={
        "model": "fast",
        "sensitivity": "medium",
        "threshold": None,
        "format": "auto",
        "work": None,
        "quotations": True,
        "any_language": False,
        "suppressions": True,
        "spans_key": "spoilers",
    },
    assigns=["doc.spans", "span._.spoiler_score"],
)
def make(
    nlp: Language,
    name: str,
    model: str,
    sensitivity: Sensitivity,
    threshold: float | None,
    format: FormatName,
    work: str | dict[str, str] | None,
    quotations: bool,
    any_language: bool,
    suppressions: bool,
    spans_key: str,
) -> SpoilerguardComponent:
    """The factory of the component.

    Args:
        nlp: The pipeline.
        name: The name of the component in it.
        model: The name of a bundled model, or the path of a folder with a model (`./my-model`).
        sensitivity: `"low"` for few false alarms, `"high"` for few misses.
        threshold: The probability, from 0 to 1, from which a sentence is flagged. It overrides `sensitivity`.
        format: What the texts are written in; by default, guessed from each text.
        work: The work that all the texts are about: its title, or a dictionary of the fields of `Work`.
        quotations: Whether block quotations are checked too.
        any_language: Whether a text that is not in English is checked too.
        suppressions: Whether comments such as `<!-- spoilerguard off -->` are obeyed; not for text of strangers.
        spans_key: The key in `doc.spans`.
    """
    return SpoilerguardComponent(
        name,
        model,
        spans_key,
        sensitivity=sensitivity,
        threshold=threshold,
        format=format,
        work=work,
        quotations=quotations,
        any_language=any_language,
        suppressions=suppressions,
    )
