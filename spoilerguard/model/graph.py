"""Checks a network before ONNX Runtime reads it: only operators that `training.export` writes, with bounded shapes.

A graph from a stranger may loop for years or allocate any amount of memory while it is only being loaded. So the file
is read here first, as the protocol buffer that it is (https://onnx.ai/onnx/repo-docs/IR.html), and whatever is not in
these tables is refused: fields, operators, attributes. The largest shape of every value follows from the longest
window, and so does the work of every operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import math
from typing import Any, TypeAlias

import numpy as np

__all__ = ["check_graph"]

Shape: TypeAlias = tuple[int, ...]

MOST_NUMBERS = 1 << 25  # in one value: a vocabulary of 65,536 words in 512 dimensions
MOST_WORK = 1 << 38  # multiplications in the longest window: five times those of the bundled network
MOST_NODES = 4_096
MOST_DIMENSIONS = 4
MOST_HEADS = 64
MOST_CONSTANTS = 64  # numbers in a constant that a shape depends on

# --- the file: fields by number, as in onnx.proto ---------------------------------------------------

_ONCE, _MANY = False, True  # protobuf merges a field that may occur once with its earlier occurrences: refused here
_MODEL = {1: ("ir_version", _ONCE), 2: ("producer_name", _ONCE), 3: ("producer_version", _ONCE), 7: ("graph", _ONCE),
          8: ("opset_import", _MANY), 14: ("metadata_props", _MANY)}  # fmt: skip
_GRAPH = {1: ("node", _MANY), 2: ("name", _ONCE), 5: ("initializer", _MANY), 11: ("input", _MANY),
          12: ("output", _MANY), 13: ("value_info", _MANY)}  # fmt: skip
_NODE = {1: ("input", _MANY), 2: ("output", _MANY), 3: ("name", _ONCE), 4: ("op_type", _ONCE),
         5: ("attribute", _MANY), 7: ("domain", _ONCE)}  # fmt: skip
_ATTRIBUTE = {1: ("name", _ONCE), 2: ("f", _ONCE), 3: ("i", _ONCE), 20: ("type", _ONCE)}
_TENSOR = {1: ("dims", _MANY), 2: ("data_type", _ONCE), 4: ("float_data", _MANY), 5: ("int32_data", _MANY),
           8: ("name", _ONCE), 9: ("raw_data", _ONCE), 13: ("external_data", _MANY),
           14: ("data_location", _ONCE)}  # fmt: skip
_VALUE_INFO = {1: ("name", _ONCE), 2: ("type", _ONCE), 3: ("doc_string", _ONCE)}

_INT64 = 7  # the data type
_BYTES = {1: 4, 2: 1, 3: 1, 6: 4, _INT64: 8}  # of a number, by data type


def _message(data: bytes, fields: Mapping[int, tuple[str, bool]]) -> dict[str, list[Any]]:
    """The values of each field: integers, or bytes for everything else. Raises ValueError."""
    if not isinstance(data, bytes):
        raise ValueError("a number stands where a message is expected")
    found: dict[str, list[Any]] = {name: [] for name, _ in fields.values()}
    for number, value in _fields(data):
        if number not in fields:
            raise ValueError(f"field {number} of a message is none that our networks have")
        name, repeated = fields[number]
        if found[name] and not repeated:
            raise ValueError(f"field {name!r} occurs twice")
        found[name].append(value)
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise ValueError("not a protocol buffer, or cut off")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise ValueError("not a protocol buffer, or cut off")


def _one(values: Sequence[Any], default: Any) -> Any:
    return values[0] if values else default


def _text(values: Sequence[Any]) -> str:
    value = _one(values, b"")
    if not isinstance(value, bytes):
        raise ValueError("a name is not text")
    return value.decode()


def _numbers(values: Sequence[int | bytes]) -> Iterator[int]:
    """A repeated integer, packed or not."""
    for value in values:
        if isinstance(value, int):
            yield value
        else:
            at = 0
            while at < len(value):
                number, at = _varint(value, at)
                yield number


# --- the operators ----------------------------------------------------------------------------------


@dataclass
class _Node:
    """A node of the graph, and what is known of its inputs: their largest shapes, and the constants among them."""

    kind: str
    shapes: Sequence[Shape]
    constants: Sequence[Sequence[int] | None]
    attributes: Mapping[str, float]
    work: int = field(default=0)

    def constant(self, number: int) -> Sequence[int]:
        values = self.constants[number] if number < len(self.constants) else None
        if values is None:
            raise ValueError(f"{self.kind} depends on a shape that is not a constant")
        return values


def _broadcast(*shapes: Shape) -> Shape:
    width = max(map(len, shapes), default=0)
    padded = [(1,) * (width - len(shape)) + shape for shape in shapes]
    return tuple(max(sizes) for sizes in zip(*padded, strict=True))


def _elementwise(node: _Node) -> list[Shape]:
    return [_broadcast(*node.shapes)]


def _first(node: _Node) -> list[Shape]:
    return [node.shapes[0]]


def _reduced(node: _Node) -> list[Shape]:
    shape = node.shapes[0]
    axes = {axis % len(shape) for axis in node.constant(1)} if shape else set()
    return [tuple(1 if axis in axes else size for axis, size in enumerate(shape))]


def _normalised(node: _Node) -> list[Shape]:
    return [_broadcast(*node.shapes[:2])]


def _quantised(node: _Node) -> list[Shape]:
    return [node.shapes[0], (), ()]


def _shape(node: _Node) -> list[Shape]:
    return [(len(node.shapes[0]),)]


def _gather(node: _Node) -> list[Shape]:
    return [(*node.shapes[1], *node.shapes[0][1:])]


def _product(node: _Node) -> list[Shape]:
    left, right = node.shapes[:2]
    if min(len(left), len(right)) < 2:
        raise ValueError("MatMul of a value that is not a matrix")
    outer = _broadcast(left[:-2], right[:-2])
    node.work = math.prod(outer) * left[-2] * max(left[-1], right[-2]) * right[-1]
    return [(*outer, left[-2], right[-1])]


def _attention(node: _Node) -> list[Shape]:
    words, weights = node.shapes[:2]
    heads = int(node.attributes.get("num_heads", 0))
    if len(words) != 3 or len(weights) != 2 or not 0 < heads <= MOST_HEADS:
        raise ValueError(f"{node.kind} of other shapes than ours")
    scores = (words[0], heads, words[1], words[1])
    _check_size(scores)
    _check_size((*words[:2], weights[1]))
    node.work = math.prod(words[:2]) * weights[0] * weights[1] + 2 * math.prod(scores) * weights[1]
    return [(words[0], words[1], max(1, weights[1] // 3))]


def _reshape(node: _Node) -> list[Shape]:
    numbers, wanted = math.prod(node.shapes[0]), list(node.constant(1))
    fixed = math.prod(size for size in wanted if size != -1)
    if wanted.count(-1) > 1 or any(size < 1 and size != -1 for size in wanted):
        raise ValueError("Reshape to a shape that is not ours")
    return [tuple(max(1, -(-numbers // fixed)) if size == -1 else size for size in wanted)]


def _squeeze(node: _Node) -> list[Shape]:
    shape = node.shapes[0]
    axes = {axis % len(shape) for axis in node.constant(1)} if shape else set()
    return [tuple(size for axis, size in enumerate(shape) if axis not in axes)]


_CONTRIB = "com.microsoft"
# The operators of the graph as it is exported, as 0.1.0 exported it, and as both are quantised, with their attributes.
_OPERATORS: Mapping[tuple[str, str], tuple[Callable[[_Node], list[Shape]], frozenset[str]]] = {
    ("", "Add"): (_elementwise, frozenset()),
    ("", "Cast"): (_first, frozenset({"to"})),
    ("", "DequantizeLinear"): (_first, frozenset()),
    ("", "Div"): (_elementwise, frozenset()),
    ("", "DynamicQuantizeLinear"): (_quantised, frozenset()),
    ("", "Gather"): (_gather, frozenset()),
    ("", "MatMul"): (_product, frozenset()),
    ("", "MatMulInteger"): (_product, frozenset()),
    ("", "Mul"): (_elementwise, frozenset()),
    ("", "ReduceMean"): (_reduced, frozenset()),
    ("", "ReduceSumSquare"): (_reduced, frozenset()),
    ("", "Reshape"): (_reshape, frozenset()),
    ("", "Shape"): (_shape, frozenset()),
    ("", "Slice"): (_first, frozenset()),
    ("", "Sqrt"): (_first, frozenset()),
    ("", "Squeeze"): (_squeeze, frozenset()),
    ("", "Sub"): (_elementwise, frozenset()),
    (_CONTRIB, "Attention"): (_attention, frozenset({"num_heads"})),
    (_CONTRIB, "BiasGelu"): (_elementwise, frozenset()),
    (_CONTRIB, "QAttention"): (_attention, frozenset({"num_heads"})),
    (_CONTRIB, "SkipLayerNormalization"): (_normalised, frozenset({"epsilon"})),
}
_FLOAT = 1  # what Cast may cast to


# --- the check --------------------------------------------------------------------------------------


def check_graph(data: bytes, inputs: Mapping[str, Shape]) -> None:
    """Check that a network is safe to load and to run.

    Args:
        data: The ONNX file.
        inputs: The largest shape of each input.

    Raises:
        ValueError: It is not a network that our export could have written; the message says why.
    """
    graph = _message(_one(_message(data, _MODEL)["graph"], b""), _GRAPH)
    declared = {_text(_message(value, _VALUE_INFO)["name"]) for value in graph["input"]}
    if declared != set(inputs):
        raise ValueError("it is a network, but not that of a spoilerguard model")
    if len(graph["node"]) > MOST_NODES:
        raise ValueError(f"more than {MOST_NODES:,} operators")
    shapes = dict(inputs)
    constants: dict[str, Sequence[int]] = {}
    for tensor in graph["initializer"]:
        name, shape, values = _tensor(tensor)
        _define(shapes, name, shape)
        if values is not None:
            constants[name] = values
    work = 0
    for data_of_node in graph["node"]:
        work += _check_node(data_of_node, shapes, constants)
        if work > MOST_WORK:
            raise ValueError("it takes more work than any network of ours")


def _tensor(data: bytes) -> tuple[str, Shape, Sequence[int] | None]:
    """The name and shape of a constant, and its values if it is a short list of integers."""
    found = _message(data, _TENSOR)
    name, kind = _text(found["name"]), _one(found["data_type"], 0)
    shape = tuple(_numbers(found["dims"]))
    _check_size(shape)
    if found["external_data"] or _one(found["data_location"], 0) != 0:
        raise ValueError(f"{name!r} refers to data in other files")
    if kind not in _BYTES:
        raise ValueError(f"{name!r} holds other data than numbers of a network")
    raw = _one(found["raw_data"], b"")
    if raw and len(raw) != math.prod(shape) * _BYTES[kind]:
        raise ValueError(f"{name!r} holds another number of values than its shape says")
    values = np.frombuffer(raw, "<i8").tolist() if kind == _INT64 and len(raw) <= MOST_CONSTANTS * 8 else None
    return name, shape, values


def _check_node(data: bytes, shapes: dict[str, Shape], constants: Mapping[str, Sequence[int]]) -> int:
    """Check an operator, and add its outputs to the shapes. Returns the work it takes."""
    found = _message(data, _NODE)
    kind, domain = _text(found["op_type"]), _text(found["domain"])
    if (domain, kind) not in _OPERATORS:
        raise ValueError(f"operator {kind!r} is none that our networks have")
    shape_of, allowed = _OPERATORS[domain, kind]
    attributes = dict(_attribute(attribute) for attribute in found["attribute"])
    if not set(attributes) <= allowed or attributes.get("to", _FLOAT) != _FLOAT:
        raise ValueError(f"operator {kind!r} has attributes that those of our networks do not have")
    names = [_text([name]) for name in found["input"]]
    if unknown := [name for name in names if name and name not in shapes]:
        raise ValueError(f"operator {kind!r} reads {unknown[0]!r} before it exists")
    node = _Node(kind, [shapes[n] if n else () for n in names], [constants.get(n) for n in names], attributes)
    try:
        made = shape_of(node)
    except (IndexError, ZeroDivisionError):
        raise ValueError(f"operator {kind!r} lacks an input") from None
    outputs = [_text([name]) for name in found["output"]]
    if len(outputs) > len(made):
        raise ValueError(f"operator {kind!r} has more outputs than those of our networks")
    for name, shape in zip(outputs, made, strict=False):
        _define(shapes, name, shape)
    return node.work


def _attribute(data: bytes) -> tuple[str, float]:
    found = _message(data, _ATTRIBUTE)
    value = _one(found["i"], 0)
    return _text(found["name"]), value if isinstance(value, int) else 0


def _define(shapes: dict[str, Shape], name: str, shape: Shape) -> None:
    if name in shapes:
        raise ValueError(f"{name!r} is defined twice")
    _check_size(shape)
    shapes[name] = shape


def _check_size(shape: Shape) -> None:
    if len(shape) > MOST_DIMENSIONS or 0 in shape or math.prod(shape) > MOST_NUMBERS:
        raise ValueError(f"a value has the shape {list(shape)}, and none of ours is empty or that large")
