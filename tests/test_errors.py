"""One tree of errors, and each of them comes back whole from a worker process."""

from __future__ import annotations

import copy
import pickle

import pytest

from spoilerguard import errors
from spoilerguard.errors import MissingExtra, SpoilerguardError

KINDS = [kind for kind in map(vars(errors).get, errors.__all__) if isinstance(kind, type)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_ours_and_survives_pickling(kind: type[SpoilerguardError]) -> None:
    error = kind("matplotlib", "report") if kind is MissingExtra else kind("draft.md:3: no text")
    assert isinstance(error, SpoilerguardError)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_a_missing_library_is_named_with_the_extra_that_brings_it() -> None:
    error = MissingExtra("matplotlib", "report")
    assert str(error) == "matplotlib is not installed; install it with: pip install 'spoilerguard[report]'"
    assert (error.library, error.extra) == ("matplotlib", "report")
    assert str(MissingExtra("weights", "train", "pip install them")).endswith("install it with: pip install them")
