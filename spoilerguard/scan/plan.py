"""The plan of a scan: everything that decides the bytes of its output. A scan resumes only with the same plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
import json
import threading
from typing import Any

import spoilerguard
from spoilerguard.errors import ModelError
from spoilerguard.guard import Guard, load

__all__ = ["Plan", "differences"]

_LOADING = threading.Lock()  # the threads of a worker share one model


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of a scan, small enough to be sent with every shard.

    Attributes:
        output: The format of the output: its suffix.
        model: The name of a bundled model, or a folder.
        model_version: The version of the model.
        digests: The digests in its manifest, which show that every worker loads the same model.
        threshold: The probability from which a sentence is flagged.
        cascade: Whether a transformer reads only the sentences that its linear part is unsure of.
        quotations: Whether quotations are scored.
        any_language: Whether texts that are not in English are scored.
        suppressions: Whether suppression comments in the texts are obeyed.
        blur: The blur style of the column `blurred`, if any.
        only_flagged: Whether records without a spoiler are left out.
        csv_formulas: Whether text in a CSV that a spreadsheet would run as a formula stays as it is.
        partition: The approximate number of records per file; None for a single file.
        works: The digest of the works file, if any.
        keep: The columns of the archive that are kept.
        source: The fingerprint of the archive, and the options it was opened with.
        spoilerguard: The version of spoilerguard.
    """

    output: str
    model: str
    model_version: str
    digests: dict[str, str]
    threshold: float
    cascade: bool = True
    quotations: bool = True
    any_language: bool = False
    suppressions: bool = False
    blur: str | None = None
    only_flagged: bool = False
    csv_formulas: bool = False
    partition: int | None = None
    works: str | None = None
    keep: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    spoilerguard: str = spoilerguard.__version__

    def guard(self) -> Guard:
        """Load the model, once per process.

        Returns:
            The model.

        Raises:
            ModelError: This is another model, or another version of spoilerguard.
        """
        if self.spoilerguard != spoilerguard.__version__:
            raise ModelError(
                f"this worker has spoilerguard {spoilerguard.__version__}, but the scan was started with "
                f"{self.spoilerguard}; install the same version everywhere"
            )
        with _LOADING:
            guard = load(self.model, cascade=self.cascade)
        if guard.manifest.digests != self.digests:
            raise ModelError(
                f"{self.model}: not the model that the scan was started with; install the same one everywhere"
            )
        return guard

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable, and unchanged by a round trip through JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The differences between two plans, in words: "threshold: 0.54 then, 0.7 now"."""
    return [f"{name}: {_shown(before)} then, {_shown(after)} now" for name, before, after in _leaves(then, now)]


def _leaves(then: Mapping[str, Any], now: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any, Any]]:
    for name in {**then, **now}:
        before, after = then.get(name), now.get(name)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _leaves(before, after, f"{place}{name} ")
        else:
            yield f"{place}{name}".replace("_", " "), before, after


def _shown(value: Any, most: int = 60) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[: most - 1]}…"
