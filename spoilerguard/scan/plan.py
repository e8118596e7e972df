"""What decides the bytes of a scan's output: a scan goes on only under the plan it began with."""

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
    """The options of a scan, small enough to travel with every piece of work.

    `model` is a bundled model's name or a folder, and `digests` those of its manifest: wherever a
    worker loads it, it is the same model. `source` is what the archive says of itself (its
    fingerprint, and the options with which it was opened), `works` the digest of the file of works.
    """

    output: str  # a row of OUTPUTS, the suffix of the output
    model: str
    model_version: str
    digests: dict[str, str]
    threshold: float
    cascade: bool = True  # of a transformer
    quotations: bool = True
    any_language: bool = False
    blur: str | None = None
    only_flagged: bool = False
    partition: int | None = None  # then the output is a folder of files of about so many records each
    works: str | None = None
    source: dict[str, Any] = field(default_factory=dict)
    spoilerguard: str = spoilerguard.__version__

    def guard(self) -> Guard:
        """The model, loaded once a process. Raises ModelError where it is another one."""
        if self.spoilerguard != spoilerguard.__version__:
            raise ModelError(
                f"this worker has spoilerguard {spoilerguard.__version__}, the scan was begun with "
                f"{self.spoilerguard}; install the same everywhere"
            )
        with _LOADING:
            guard = load(self.model, cascade=self.cascade)
        if guard.manifest.digests != self.digests:
            raise ModelError(f"{self.model}: here this is another model than where the scan was begun")
        return guard

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, and equal to itself after a way through JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two plans, in words: "threshold: 0.54 then, 0.7 now"."""
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
