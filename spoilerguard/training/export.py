"""The trained network as an ONNX file, in 32-bit floats or in 8-bit integers.

The graph is built node by node, with ONNX Runtime's fused operators where they are faster, so that the same
weights give the same bytes with any version of an exporter. The network reads one window at a time (batch size 1,
no padding), so that a score cannot depend on what else is in a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import logging
from pathlib import Path
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
import torch

from spoilerguard.model.manifest import NETWORK, VOCABULARY
from spoilerguard.training.network import HEADS, LAYERS, WIDTH, minilm_folder

__all__ = ["Graphs", "graph_of", "graphs_of", "quantised", "state_of"]

_CONTRIB = "com.microsoft"
_EPSILON = 1e-12


def graph_of(state: Mapping[str, Any]) -> onnx.ModelProto:
    """Build the graph of a network.

    Args:
        state: The state of a `Network`.

    Returns:
        The graph: ids and segments (1, length) and pool (sentences, length) to logits (sentences,).
    """
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def held(name: str, value: npt.NDArray[Any]) -> str:
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def of(name: str, *, turned: bool = False) -> str:
        value = np.asarray(state[name].detach().float().numpy())
        return held(name, value.T if turned else value)

    def node(kind: str, inputs: list[str], out: str, domain: str = "", **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [out], name=f"{kind}_{out}", domain=domain, **attributes))
        return out

    def dense(x: str, name: str, out: str) -> str:
        product = node("MatMul", [x, of(f"{name}.weight", turned=True)], f"{out}_product")
        return node("Add", [product, of(f"{name}.bias")], out)

    def normalised(x: str, skip: str, name: str, out: str) -> str:
        # SkipLayerNormalization, step by step: the fused operator sums number by number, which takes twice as long.
        total = node("Add", [x, skip], f"{out}_total")
        apart = node("Sub", [total, node("ReduceMean", [total, "last"], f"{out}_mean")], f"{out}_apart")
        square = node("Div", [node("ReduceSumSquare", [apart, "last"], f"{out}_sum"), "width"], f"{out}_variance")
        spread = node("Sqrt", [node("Add", [square, "epsilon"], f"{out}_above")], f"{out}_spread")
        unit = node("Div", [apart, spread], f"{out}_unit")
        return node("Add", [node("Mul", [unit, of(f"{name}.weight")], f"{out}_scaled"), of(f"{name}.bias")], out)

    held("last", np.array([-1]))
    held("width", np.array([WIDTH], np.float32))
    held("epsilon", np.array([_EPSILON], np.float32))
    node("Shape", ["ids"], "shape")
    node("Slice", ["shape", held("one", np.array([1])), held("two", np.array([2]))], "length")
    node("Slice", [of("encoder.places.weight"), held("zero", np.array([0])), "length", "zero"], "places_here")
    word = node("Gather", [of("encoder.words.weight"), "ids"], "words_here")
    segment = node("Gather", [of("encoder.segments.weight"), "segments"], "segments_here")
    placed = node("Add", [segment, "places_here"], "placed")
    x = normalised(word, placed, "encoder.norm", "x0")
    for k in range(LAYERS):
        layer = f"encoder.layers.{k}"
        attended = node(
            "Attention",
            [x, of(f"{layer}.qkv.weight", turned=True), of(f"{layer}.qkv.bias")],
            f"attended{k}",
            _CONTRIB,
            num_heads=HEADS,
        )
        y = normalised(dense(attended, f"{layer}.out", f"out{k}"), x, f"{layer}.after_attention", f"y{k}")
        product = node("MatMul", [y, of(f"{layer}.up.weight", turned=True)], f"up{k}")
        wide = node("BiasGelu", [product, of(f"{layer}.up.bias")], f"wide{k}", _CONTRIB)
        x = normalised(dense(wide, f"{layer}.down", f"down{k}"), y, f"{layer}.after", f"x{k + 1}")
    flat = node("Reshape", [x, held("flat_shape", np.array([-1, WIDTH]))], "flat")
    heads = np.concatenate([state[f"{head}.weight"].detach().float().numpy() for head in ("head", "tag")])
    bias = np.concatenate([state[f"{head}.bias"].detach().float().numpy() for head in ("head", "tag")])
    own, whole = np.split(heads, 2, axis=1)
    # The head is linear: score each piece first, then average. The first piece counts for every sentence.
    piece = node("MatMul", [flat, held("head_own", own.T)], "pieces")
    mean = node("MatMul", ["pool", piece], "mean")
    first = node("Slice", [flat, "zero", "one"], "first")
    about = node("MatMul", [first, held("head_whole", whole.T)], "about")
    total = node("Add", [mean, about], "total")
    biased = node("Add", [total, held("heads_bias", bias)], "biased")
    node("Squeeze", [node("Slice", [biased, "zero", "one", "one"], "logit"), "one"], "logits")
    node("Slice", [biased, "one", held("all", np.array([len(bias)])), "one"], "kinds")
    graph = helper.make_graph(
        nodes,
        "spoilers",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "length"]),
            helper.make_tensor_value_info("segments", TensorProto.INT64, [1, "length"]),
            helper.make_tensor_value_info("pool", TensorProto.FLOAT, ["sentences", "length"]),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["sentences"]),
            helper.make_tensor_value_info("kinds", TensorProto.FLOAT, ["sentences", len(bias) - 1]),
        ],
        weights,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(_CONTRIB, 1)],
        producer_name="spoilerguard",
    )
    model.ir_version = 8
    return model


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """Quantise the weights to 8 bits with a scale per column; activations are quantised at run time.

    Args:
        model: A graph in 32-bit floats.

    Returns:
        A graph of a quarter of the size.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        onnx.save(model, before)
        logging.disable(logging.WARNING)  # it recommends steps that are taken here already
        try:
            quantize_dynamic(
                before,
                after,
                op_types_to_quantize=["MatMul", "Attention", "Gather"],
                per_channel=True,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=["MatMul_pieces", "MatMul_mean", "MatMul_about", "Gather_segments_here"],
                extra_options={"DefaultTensorType": TensorProto.FLOAT},
            )
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(after)


_WHOLE, _SCALE, _ZERO = "_quantized", "_scale", "_zero_point"  # what quantisation adds to the name of a weight
_ONE_BY_ONE = ("encoder.words.weight", "encoder.places.weight", "encoder.segments.weight")  # not turned by graph_of


def state_of(network: bytes) -> dict[str, Any]:
    """The state of a network from its graph, so that training can go on from a model that was shipped.

    Args:
        network: A graph of `graph_of` or `quantised`; integers are turned back into floats.

    Returns:
        The state of a `Network`, without the intercepts of its sources.
    """
    held = {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(network).graph.initializer}
    state: dict[str, npt.NDArray[Any]] = {}
    for name, value in held.items():
        if name.endswith(_WHOLE):
            name = name.removesuffix(_WHOLE)
            value = (value.astype(np.float32) - held[name + _ZERO].astype(np.float32)) * held[name + _SCALE]
        if name.startswith("encoder.") and not name.endswith((_SCALE, _ZERO)):
            state[name] = value.T if value.ndim == 2 and name not in _ONE_BY_ONE else value
    heads = np.concatenate([held["head_own"], held["head_whole"]]).T
    for name, rows in (("head", slice(1)), ("tag", slice(1, None))):
        state[f"{name}.weight"], state[f"{name}.bias"] = heads[rows], held["heads_bias"][rows]
    return {name: torch.tensor(np.ascontiguousarray(value)) for name, value in state.items()}


@dataclass(frozen=True)
class Graphs:
    """An exported network.

    Attributes:
        files: The files of the model.
        floats: The same graph in 32-bit floats, for comparison.
    """

    files: Mapping[str, bytes]
    floats: bytes


def graphs_of(state: Mapping[str, Any]) -> Graphs:
    """Export a network, with the vocabulary it was trained with.

    Args:
        state: The state of a `Network`.

    Returns:
        The files to ship, and the graph in 32-bit floats.
    """
    exact = graph_of(state)
    return Graphs(
        {
            NETWORK: quantised(exact).SerializeToString(deterministic=True),
            VOCABULARY: (minilm_folder() / "tokenizer.json").read_bytes(),
        },
        exact.SerializeToString(deterministic=True),
    )
