"""Make the bundled models, and measure them: networks, soft labels, `fast`, `accurate`, figures, cards.

    python models/make.py ../shared/datasets            # all of it; a step whose result is in cache/ is not repeated
    python models/make.py ../shared/datasets --from-shipped  # train the shipped network further
    python models/make.py ../shared/datasets --figures  # only measure the models again

The steps, on two cores that are otherwise idle (an interrupted step resumes from its checkpoint; PyTorch allocates
and frees large blocks all the time, and is half as fast again with jemalloc preloaded and told to keep them):

    first network   cache/first.pt     all-MiniLM-L6-v2, fine-tuned on our own and on authors' labels    100 min
    real network    cache/real.pt      the first one, fine-tuned on real text                             90 min
    graphs          cache/real/        ONNX, in 8-bit integers                                             1 min
    (teacher)       cache/teacher.pt   with --teacher: all-mpnet-base-v2, fine-tuned on real text         80 min
    soft labels     cache/soft-*/      what it says of 750,000 sentences of training works                25 min
    fast            models/fast        linear model, and the word network that the soft labels teach      25 min
    accurate        models/accurate    real network and fast model combined                                3 min
    figures         cards, README      both models on validation and test works                           10 min

A teacher, eight times as large, takes part in the soft labels where it is asked for, which then take two hours. After
half a pass it had average precision 0.67 on real validation works, and 0.69 together with `accurate` (0.67 alone). The
shipped models were made without it.

Research text goes in, weights and figures come out: no sentence of it is written anywhere but to cache/, which git
ignores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
import hashlib
from pathlib import Path
import sys
from typing import Any

from figures import write_figures
import numpy as np
import pandas as pd

from spoilerguard import load
from spoilerguard.datasets import load_labelled, read_works, split_of, splits_of, to_frame
from spoilerguard.datasets.real import by_work, read_labels
from spoilerguard.files.atomic import atomic_write
from spoilerguard.guard import Guard
from spoilerguard.model.convolution import ConvolutionalScorer
from spoilerguard.model.manifest import NETWORK, VOCABULARY
from spoilerguard.model.scoring import KINDS, LinearScorer, sigmoid
from spoilerguard.model.transformer import TransformerScorer
from spoilerguard.spans import Work
from spoilerguard.text.reading import read
from spoilerguard.text.sentences import split
from spoilerguard.training.config import REAL_GOALS
from spoilerguard.training.ensemble import with_transformer
from spoilerguard.training.finetune_config import FINETUNE, FINETUNE_REAL, FinetuneConfig
from spoilerguard.training.pipeline import train

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "cache"
OURS = ("reviews.jsonl", "natural.jsonl")
WEAK = ("tagged_reviews.jsonl", "tvtropes_train.csv", "goodreads_dev.csv", "reddit_spans_dev.csv")
UNLABELLED = ("imdb_reviews.parquet", "tagged_reviews.jsonl", "untagged_reviews.jsonl", "ewt_train.jsonl")
PARTS = 64  # of the soft labels
LONGEST = 120  # sentences of a document that the teacher reads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--figures", action="store_true", help="only measure the models again and write their cards")
    parser.add_argument("--from-shipped", action="store_true", help="train the network of models/accurate further")
    parser.add_argument("--jobs", type=int, default=2, help="cores (2)")
    parser.add_argument(
        "--teacher",
        action="store_true",
        help="let a larger network teach too; what it needs is named if missing",
    )
    given = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    if not given.figures:
        make(given.datasets, given.jobs, given.teacher, given.from_shipped)
    write_figures([load("fast"), load("accurate")], given.datasets)


def make(datasets: Path, jobs: int, with_teacher: bool, from_shipped: bool) -> None:
    """Every step, from labels to both models."""
    frame, works = labelled(datasets), read_works(ROOT / "data" / "works.jsonl")
    files = network(frame, weak(datasets), works, from_shipped)
    teacher = taught(frame, works) if with_teacher else None
    soft = soft_labels(datasets, files, jobs, teacher)
    fast = train(frame, soft=soft, works=works, recipe="fast", name="fast", jobs=jobs, progress=say)
    fast.save(ROOT / "models" / "fast")
    assert isinstance(fast.scorer, ConvolutionalScorer)
    held = frame[splits_of(frame) == "validation"]
    real = held[held["source"].isin(["real", "real-labels", "off_topic"])].reset_index(drop=True)
    manifest = replace(fast.manifest, name="accurate")
    combined = with_transformer(fast.scorer, manifest, files, FINETUNE_REAL, REAL_GOALS, real, works, archive(held))
    Guard(*combined).save(ROOT / "models" / "accurate")


def say(step: str, share: float) -> None:
    print(f"{share:4.0%} {step}", file=sys.stderr, flush=True)


# --- what is learned from -------------------------------------------------------------------------


def labelled(datasets: Path) -> pd.DataFrame:
    """Everything that a reader labelled: real text, off-topic text, and our own."""
    frames = [
        to_frame(by_work(load_labelled([datasets / "real" / "real.jsonl"]))),
        to_frame(read_labels(ROOT / "data" / "real-labels.jsonl", datasets)),
        to_frame(load_labelled([datasets / "real" / "off_topic.jsonl"])),
        *(to_frame(load_labelled([ROOT / "data" / name])) for name in OURS),
    ]
    return pd.concat(frames, ignore_index=True)


def weak(datasets: Path) -> pd.DataFrame:
    """Our own corpus, and what authors hid themselves: for the first network only."""
    frames = [to_frame(load_labelled([ROOT / "data" / "reviews.jsonl"]))]
    frames += [to_frame(load_labelled([datasets / name])) for name in WEAK]
    frames.append(to_frame(load_labelled([datasets / "untagged_reviews.jsonl"], format="spans")))
    return pd.concat(frames, ignore_index=True)


def archive(held: pd.DataFrame) -> pd.DataFrame:
    """Held-out text at the rates of an archive: reviews drawn at random, and off-topic comments."""
    plain = held["kind"].isin(["film-plain", "book-plain", "blog-plain", "review", "off-topic"])
    return held[plain & held["source"].isin(["real", "off_topic"])].reset_index(drop=True)


# --- the network ----------------------------------------------------------------------------------


def network(
    frame: pd.DataFrame, noisy: pd.DataFrame, works: Mapping[str, Work], from_shipped: bool
) -> dict[str, bytes]:
    """The files of the network that is fine-tuned twice, or of the shipped one trained further."""
    stage = "further" if from_shipped else "real"
    kept = [CACHE / stage / name for name in (NETWORK, VOCABULARY)]
    if not all(path.exists() for path in kept):
        from spoilerguard.training.export import graphs_of, state_of

        if from_shipped:
            first = state_of((ROOT / "models" / "accurate" / NETWORK).read_bytes())
        else:
            first = fine_tuned("first", noisy, works, FINETUNE)
        trained = fine_tuned(stage, frame, works, FINETUNE_REAL, first)
        kept[0].parent.mkdir(exist_ok=True)
        for name, data in graphs_of(trained).files.items():
            (kept[0].parent / name).write_bytes(data)
    return {path.name: path.read_bytes() for path in kept}


def taught(frame: pd.DataFrame, works: Mapping[str, Work]) -> Path:
    """The file of the larger teacher's state."""
    from teacher import FINETUNE_TEACHER, Teacher, mpnet

    fine_tuned("teacher", frame, works, FINETUNE_TEACHER, mpnet(), Teacher)
    return CACHE / "teacher.pt"


def fine_tuned(
    name: str,
    frame: pd.DataFrame,
    works: Mapping[str, Work],
    config: FinetuneConfig,
    start: Mapping[str, Any] | None = None,
    architecture: Callable[[int, int], Any] | None = None,
) -> dict[str, Any]:
    """The state of a network, from cache/ or trained."""
    import torch

    from spoilerguard.training.finetune import Corpus, fit
    from spoilerguard.training.network import Network

    kept = CACHE / f"{name}.pt"
    if not kept.exists():
        read_once = frame[(splits_of(frame) == "train") & [config.source(s).passes > 0 for s in frame["source"]]]
        corpus = Corpus.of(read_once.reset_index(drop=True), works)
        checkpoint = CACHE / f"{name}.checkpoint"
        trained = fit(corpus, config, architecture=architecture or Network, start=start, checkpoint=checkpoint, say=say)
        with atomic_write(kept) as file:
            torch.save(trained.state_dict(), file)
    state: dict[str, Any] = torch.load(kept, weights_only=True)
    return state


# --- soft labels ----------------------------------------------------------------------------------


def soft_labels(datasets: Path, files: Mapping[str, bytes], jobs: int, teacher: Path | None) -> pd.DataFrame:
    """What the networks say of unlabelled sentences of training works; each part is made where it is missing."""
    taught_by = hashlib.sha256(files[NETWORK]).hexdigest()[:8] + ("-and-teacher" if teacher else "")
    folder = CACHE / f"soft-{taught_by}"  # another network says something else
    folder.mkdir(exist_ok=True)
    missing = [k for k in range(PARTS) if not (folder / f"{k:02}.parquet").exists()]
    if missing:
        documents = list(unlabelled(datasets))
        with ProcessPoolExecutor(jobs) as pool:
            tasks = [
                pool.submit(score_part, documents[k::PARTS], files, teacher, folder / f"{k:02}.parquet")
                for k in missing
            ]
            for done, task in enumerate(tasks, 1):
                task.result()
                say("soft labels", done / len(tasks))
    parts = [pd.read_parquet(folder / f"{k:02}.parquet") for k in range(PARTS)]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(tags=[()] * len(frame), doubt=False, weight=1.0, label=-1, source="soft")


def unlabelled(datasets: Path) -> Iterator[tuple[str, list[str]]]:
    """Documents of training works, as sentences."""
    for name in UNLABELLED:
        path = datasets / name
        rows = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_json(path, lines=True)
        works = rows[next(c for c in ("movie_id", "work", "id") if c in rows)]
        for identity, work, text in zip(rows["id"], works, rows["text"], strict=True):
            if split_of(str(work)) == "train":
                document = read(text, format="text")
                sentences = [document.prose[slice(*at)] for at in split(document.prose, document.blocks)]
                if 0 < len(sentences) <= LONGEST:
                    yield f"{name}:{identity}", sentences


def score_part(
    documents: list[tuple[str, list[str]]], files: Mapping[str, bytes], teacher: Path | None, path: Path
) -> None:
    """Score some documents and write what the network says of each sentence; with a teacher, the mean of both."""
    scorer = TransformerScorer.of(LinearScorer({}), files)
    texts = [sentences for _, sentences in documents]
    found = np.concatenate(scorer.outputs(texts, [None] * len(texts), [np.ones(len(t), bool) for t in texts]))
    if teacher is not None:
        found = (found + taught_outputs(teacher, texts)) / 2
    probabilities = sigmoid(found).astype(np.float32)
    frame = pd.DataFrame(
        {
            "document": [name for name, sentences in documents for _ in sentences],
            "index": [k for _, sentences in documents for k in range(len(sentences))],
            "text": [s for sentences in texts for s in sentences],
            "target": probabilities[:, 0],
            **{kind: probabilities[:, 1 + k] for k, kind in enumerate(KINDS)},
        }
    )
    with atomic_write(path) as file:
        frame.to_parquet(file)


def taught_outputs(path: Path, texts: list[list[str]]) -> Any:
    """The teacher's logits of all sentences."""
    from teacher import Teacher, outputs
    import torch

    state = torch.load(path, weights_only=True)
    network = Teacher(len(KINDS), len(state["source.weight"]))
    network.load_state_dict(state)
    torch.set_num_threads(1)  # one process a core
    return outputs(network, texts)


if __name__ == "__main__":
    main()
