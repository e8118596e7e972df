"""Fine-tuning: what is learned is exported, an interruption changes nothing, and labels weigh as planned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spoilerguard.datasets import load_labelled, read_works, to_frame
from spoilerguard.errors import InputError, MissingExtra
from spoilerguard.training.config import RECIPES
from spoilerguard.training.finetune_config import FinetuneConfig, Source
from spoilerguard.training.pipeline import train

torch = pytest.importorskip("torch", reason="fine-tuning needs the extra train")

from spoilerguard.training import finetune  # noqa: E402 - what follows needs the extra
from spoilerguard.training.export import graph_of, quantised  # noqa: E402
from spoilerguard.training.finetune import Corpus, Lesson, fit, readings_of  # noqa: E402

PLAN = FinetuneConfig({"few": Source(0.35)}, pieces=512)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(few: Path, root: Path) -> Corpus:
    return Corpus.of(to_frame(load_labelled([few])), read_works(root / "data" / "works.jsonl"))


@pytest.fixture(scope="module")
def network(corpus: Corpus) -> Any:
    return fit(corpus, PLAN)[0]


def weights(network: Any) -> dict[str, Any]:
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


def test_an_interrupted_training_goes_on_to_the_same_weights(
    corpus: Corpus, network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "EVERY", 5)
    kept = tmp_path / "model.checkpoint"

    def interrupt(step: str, share: float) -> None:
        if "step 10 " in step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(corpus, PLAN, checkpoint=kept, say=interrupt)
    assert kept.is_file()
    said: list[str] = []
    resumed, _ = fit(corpus, PLAN, checkpoint=kept, say=lambda step, share: said.append(step))
    assert not any("step 0 " in step for step in said), "it does not begin anew"
    for name, array in weights(network).items():
        np.testing.assert_array_equal(array, resumed.state_dict()[name].numpy(), err_msg=name)
    assert not kept.exists(), "a training that is done leaves no checkpoint"


def test_a_checkpoint_of_another_training_is_refused(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "model.checkpoint"
    finetune._keep(kept, "another", {}, 5)
    with pytest.raises(InputError, match="of other data or another plan; remove it"):
        fit(corpus, PLAN, checkpoint=kept)
    kept.write_bytes(b"cut sho")
    with pytest.raises(InputError, match="not a checkpoint"):
        fit(corpus, PLAN, checkpoint=kept)


def test_the_exported_graph_gives_the_networks_logits_and_integers_come_close(corpus: Corpus, network: Any) -> None:
    import onnxruntime

    readings = readings_of(corpus, replace(PLAN, sources={"few": Source(1.0)}), np.random.default_rng(0))[:12]
    exact, coarse = (
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        for model in (graph_of(network.state_dict()), quantised(graph_of(network.state_dict())))
    )
    for window, _ in readings:
        ids, segments = np.array([window.ids]), np.array([window.segments])
        with torch.inference_mode():
            pool = torch.from_numpy(window.pool())[None]
            wanted = network(torch.from_numpy(ids), torch.from_numpy(segments), None, pool)[0][0].numpy()
        inputs = {"ids": ids, "segments": segments, "pool": window.pool()}
        np.testing.assert_allclose(exact.run(None, inputs)[0], wanted, atol=1e-4)
        np.testing.assert_allclose(coarse.run(None, inputs)[0], wanted, atol=0.25)


def test_padding_changes_no_logit(corpus: Corpus, network: Any) -> None:
    readings = readings_of(corpus, replace(PLAN, sources={"few": Source(1.0)}), np.random.default_rng(0))
    pair = [min(readings, key=lambda r: len(r[0].ids)), max(readings, key=lambda r: len(r[0].ids))]
    with torch.inference_mode():
        inputs, there, _ = finetune.tensors(pair)
        together = network(*inputs)[0][there].numpy()
        apart = np.concatenate(
            [network(*i)[0][t].numpy() for i, t, _ in (finetune.tensors([reading]) for reading in pair)]
        )
    np.testing.assert_allclose(together, apart, atol=1e-4)


def test_a_source_is_read_as_often_and_weighs_as_much_as_planned() -> None:
    rows = [
        {"source": source, "document": str(k), "work": "w", "text": f"He dies {k}.", "label": k % 2, "tag": None,
         "weight": 1.0}
        for source in ("clean", "noisy", "left out") for k in range(10)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    plan = FinetuneConfig({"clean": Source(3.0), "noisy": Source(1.0, weight=0.5, smoothing=0.1, spoilers=4.0)})
    corpus = Corpus.of(frame)
    readings = readings_of(corpus, plan, np.random.default_rng(0))
    read = frame["source"].to_numpy()[[sentences.start for _, sentences in readings]]
    assert {name: int((read == name).sum()) for name in set(read)} == {"clean": 30, "noisy": 10}
    lesson = Lesson.of(corpus, plan, [], sorted(frame["source"].unique()))
    of = frame["source"] == "noisy"
    np.testing.assert_allclose(lesson.target.numpy()[of][:2], [0.1, 0.9])
    np.testing.assert_allclose(lesson.weight.numpy()[of][:2], [0.5, 2.0])
    np.testing.assert_allclose(lesson.target.numpy()[~of][:2], [0.0, 1.0])


def test_the_recipe_trains_joins_and_loads(few: Path, tmp_path: Path) -> None:
    quick = replace(
        RECIPES["accurate"], folds=2, C=1e-4, networks=1, network=FinetuneConfig({"": Source(0.3)}, pieces=1024)
    )  # fmt: skip
    guard = train(few, recipe=quick, name="deep", checkpoint=tmp_path / "deep.checkpoint")
    assert guard.manifest.architecture == "transformer"
    guard.save(tmp_path / "deep")
    import spoilerguard as sg

    loaded = sg.load(tmp_path / "deep")
    assert loaded.score(["He dies at the end."]).tolist() == guard.score(["He dies at the end."]).tolist()
    assert loaded.version == guard.version


def test_without_the_extra_it_says_which_to_install(few: Path, quick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spoilerguard.training.pipeline.find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(MissingExtra, match=r"torch is not installed.*spoilerguard\[train\]"):
        train(few, recipe=replace(quick, network=PLAN))
