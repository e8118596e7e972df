"""The component for spaCy: its spans are the flags, however Docs come, and a saved pipeline flags the same."""

from __future__ import annotations

from pathlib import Path
import pickle
import re
import shutil
import textwrap
from typing import Any

import pytest
import spacy
from spacy.language import Language
from texts import CLEAN, HARMLESS, REVIEW, SPOILERS

import spoilerguard as sg
from spoilerguard.errors import InputError, ModelError
import spoilerguard.spacy  # what spaCy does by the entry point, where the package is installed

TEXTS = [" ".join((*HARMLESS, *SPOILERS)[start : start + 4]) for start in range(9)] + ["", " ", REVIEW]


def pipeline(model: str | Path = "fast", **config: Any) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("spoilerguard", config={"model": str(model), **config})
    return nlp


def assert_spans_are_flags(doc: Any, report: sg.Report, key: str = "spoilers") -> None:
    spans = list(doc.spans[key])
    assert [span.label_ for span in spans] == [flag.reasons[0].kind for flag in report]
    for span, flag in zip(spans, report, strict=True):
        assert span.start_char <= flag.start < flag.end <= span.end_char
        assert span[0].idx + len(span[0]) > flag.start  # no token more than the flag touches
        assert span[-1].idx < flag.end
        assert type(span._.spoiler_score) is float
        assert span._.spoiler_score >= flag.score


def test_spans_are_flags_one_by_one_in_batches_and_in_processes(fast: sg.Guard) -> None:
    nlp = pipeline()
    reports = list(fast.flag_many(TEXTS))
    for docs in (map(nlp, TEXTS), nlp.pipe(TEXTS, batch_size=5), nlp.pipe(TEXTS, n_process=2, batch_size=3)):
        for doc, report in zip(docs, reports, strict=True):
            assert_spans_are_flags(doc, report)
            assert [span.text for span in doc.spans["spoilers"]] == [flag.text for flag in report]
            assert [span._.spoiler_score for span in doc.spans["spoilers"]] == [flag.score for flag in report]


def test_the_example_of_the_documentation_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"\n\n((?: {4}.*\n)+)", str(spoilerguard.spacy.__doc__))
    exec(textwrap.dedent(example), {"spacy": spacy, "text": REVIEW})
    assert capsys.readouterr().out.count("\n") >= 1


def test_the_configuration_is_what_flag_takes(small: sg.Guard, small_folder: Path) -> None:
    options = {"threshold": 0.1, "format": "markdown", "quotations": False, "work": {"title": "Saltmarsh"}}
    text = f"{REVIEW}\n\n> {SPOILERS[0]}\n"
    doc = pipeline(small_folder, spans_key="hide", **options)(text)
    report = small.flag(text, **options)  # type: ignore[arg-type]
    assert report.has_spoilers
    assert_spans_are_flags(doc, report, "hide")


@pytest.mark.parametrize(
    "config", [{"sensitivity": "extreme"}, {"quotations": "perhaps"}, {"work": [7]}, {"titel": "x"}]
)
def test_spacy_refuses_a_wrong_configuration(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(config))):
        pipeline(**config)


def test_what_spacy_cannot_know_is_refused_when_the_component_is_made() -> None:
    with pytest.raises(InputError, match="threshold must be a probability from 0 to 1, not 2"):
        pipeline(threshold=2.0)
    with pytest.raises(ModelError, match=r"no model named 'fst': there are .*fast"):
        pipeline("fst")


def test_flags_that_end_within_a_token_have_the_whole_token(small: sg.Guard) -> None:
    """spaCy knows no tags: `dies.</p><p` is one token to it."""
    text = "<p>The doctor dies.</p><p>Then he comes back.</p><p>x</p>"
    doc = pipeline(small.reference().model, threshold=0.0, any_language=True)(text)
    report = small.flag(text, threshold=0.0, any_language=True)
    assert_spans_are_flags(doc, report)
    assert doc.spans["spoilers"][0].text.startswith(report.flags[0].text)
    assert len(doc.spans["spoilers"][0].text) > len(report.flags[0].text)


def test_two_flags_within_one_token_share_the_higher_score(small: sg.Guard) -> None:
    doc = pipeline(small.reference().model, threshold=0.0, format="html", any_language=True)("<p>a</p><p>b</p>")
    flags = small.flag("<p>a</p><p>b</p>", threshold=0.0, format="html", any_language=True).flags
    spans = doc.spans["spoilers"]
    assert len(spans) == len(flags) == 2
    if (spans[0].start, spans[0].end) == (spans[1].start, spans[1].end):
        assert {span._.spoiler_score for span in spans} == {max(flag.score for flag in flags)}


# --- saving ------------------------------------------------------------------------------------


def flagged(nlp: Language) -> list[list[tuple[str, float]]]:
    return [[(span.text, span._.spoiler_score) for span in doc.spans["spoilers"]] for doc in nlp.pipe(TEXTS)]


def test_a_saved_pipeline_names_a_bundled_model(tmp_path: Path) -> None:
    nlp = pipeline(sensitivity="high")
    nlp.to_disk(tmp_path / "nlp")
    files = [path for path in (tmp_path / "nlp" / "spoilerguard").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 10_000
    assert flagged(spacy.load(tmp_path / "nlp")) == flagged(nlp)
    assert flagged(spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())) == flagged(nlp)
    assert flagged(pickle.loads(pickle.dumps(nlp))) == flagged(nlp)


def test_a_saved_pipeline_brings_a_model_of_your_own(small_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(small_folder, tmp_path / "mine")
    nlp = pipeline(tmp_path / "mine", threshold=0.1)
    before = flagged(nlp)
    nlp.to_disk(tmp_path / "nlp")
    shutil.rmtree(tmp_path / "mine")
    assert flagged(spacy.load(tmp_path / "nlp")) == before


def test_a_folder_that_never_comes_is_named(tmp_path: Path) -> None:
    nlp = pipeline(tmp_path / "mine")
    with pytest.raises(ModelError, match="mine: no such model folder"):
        nlp(CLEAN)


def test_a_pipeline_saved_with_another_model_is_refused(fast: sg.Guard, tmp_path: Path) -> None:
    pipeline().to_disk(tmp_path / "nlp")
    reference = tmp_path / "nlp" / "spoilerguard" / "model.json"
    saved = reference.read_text(encoding="utf-8")
    digest = fast.manifest.digests["weights.npz"]
    reference.write_text(saved.replace(digest, digest[::-1]), encoding="utf-8")
    with pytest.raises(ModelError, match="is another one on this machine"):
        spacy.load(tmp_path / "nlp")
    reference.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="save it again"):
        spacy.load(tmp_path / "nlp")
    reference.unlink()
    with pytest.raises(ModelError, match=r"model.json: cannot be read .*; save it again"):
        spacy.load(tmp_path / "nlp")
