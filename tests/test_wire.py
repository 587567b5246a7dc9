"""What passes between processes: every value comes back as it was, and no bytes do harm."""

import json
import pickle
import random
import socket
import struct
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from conv2attn.grading import frames, wire
from conv2attn.grading.frames import ProtocolError


def carried(value: Any, known: tuple[torch.Tensor, ...] = ()) -> Any:
    """A value as it arrives."""
    writer = wire.Writer(known)
    text = json.dumps(writer.write(value))
    return wire.Reader(bytes(writer.numbers), known).read(json.loads(text))


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**80), 0.1, float("inf"), "é\0", 1j, (), [1, (2.5, "x")], {"a": [1], (1, 2): None}, {1, 2},
     frozenset({3}), torch.Size([2, 3]), torch.float64, Fraction(1, 3), Decimal("0.1"), np.float64(0.1), np.int32(7), np.bool_(True)],
    ids=repr,
)  # fmt: skip
def test_plain_values(value: Any) -> None:
    got = carried(value)
    assert got == value and type(got) is type(value)


def test_nan_is_nan() -> None:
    assert carried(float("nan")) != carried(float("nan"))


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.complex128],
    ids=str,
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)], ids=str)
def test_tensors(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = torch.randint(0, 2, shape).to(dtype)
    got = carried(tensor)
    assert got.dtype == dtype and got.shape == tensor.shape and torch.equal(got, tensor)


def test_tensors_that_are_laid_out_in_odd_ways() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    for tensor in (x.mT, x[:, ::2], x.expand(5, 2, 3, 4), x.flip(0), torch.view_as_complex(torch.rand(3, 2)).conj()):
        assert torch.equal(carried(tensor), tensor)
    assert carried(torch.ones(2, requires_grad=True)).requires_grad
    assert carried(torch.nn.Parameter(torch.ones(2))).requires_grad
    assert np.array_equal(carried(np.arange(6).reshape(2, 3).T), np.arange(6).reshape(2, 3).T)


def test_arguments_arrive_as_they_are() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    odd = [x.mT, x[:, 1:], x.expand(5, 2, 3, 4), torch.empty(0, 3), torch.tensor(True), torch.ones(2, requires_grad=True),
           x.bfloat16(), x.to(torch.complex64), torch.nn.Parameter(x)]  # fmt: skip
    for tensor in odd:
        (got, twice), keywords = pickle.loads(wire.arguments((tensor, lambda y: 2 * y), {"conv": torch.nn.Conv2d(1, 2, 3)}))
        assert type(got) is type(tensor) and torch.equal(got, tensor) and got.stride() == tensor.stride()
        assert (got.dtype, got.requires_grad) == (tensor.dtype, tensor.requires_grad)
        assert twice(3) == 6 and keywords["conv"](torch.ones(1, 3, 3)).shape == (2, 1, 1)
    (got,), _ = pickle.loads(wire.arguments((x,), {}))
    got.zero_()
    assert x.sum() == 276  # it is a copy


def test_a_view_of_an_argument_stays_one() -> None:
    argument = torch.arange(6.0)
    view = carried(argument[1:5].reshape(2, 2), (argument,))
    argument[1] = -1
    assert view[0, 0] == -1
    assert carried(argument.clone(), (argument,)).data_ptr() != argument.data_ptr()


def test_what_is_not_data_arrives_as_a_name() -> None:
    class Thing:
        """Neither number nor tensor."""

    for value, name in [
        (Thing(), "Thing"),
        (print, "builtin_function_or_method"),
        (range(3), "range"),
        (torch.ones(2).to_sparse(), "Tensor"),
    ]:
        assert type(carried(value)).__name__ == name


@pytest.mark.parametrize(
    "said",
    [
        [], ["unknown", 1], ["tensor"], ["tensor", "torch.float64", [2], 0, False], ["tensor", "torch.float64", [-1], 0, False],
        ["tensor", "torch.float64", [2**40, 2**40], 0, False], ["tensor", "torch.float64", [0.5], 0, False], ["tensor", "os.system", [1], 0, False],
        ["tensor", "torch.float64", [1], -8, False], ["tensor", "torch.int64", [1], 0, True], ["tensor", "torch.float64", "ab", 0, False],
        ["view", 0, "torch.float64", [2**30], [0], 0, False], ["view", 0, "torch.float64", [4], [1], 0, False], ["view", 7, "torch.float64", [1], [1], 0, False],
        ["view", -1, "torch.float64", [1], [1], 0, False], ["view", 0, "torch.int8", [1], [1], 0, False], ["view", 0, "torch.float64", [1], [-1], 0, False],
        ["list", 3], ["dict", [1]], ["dict", [[["list", []], 1]]], ["set", [["list", []]]], ["fraction", "1/0"], ["fraction", "9" * 5000], ["complex", "x", 0],
        ["array", 3], ["scalar", ["tensor", "torch.float64", [0], 0, False]], ["dtype", "int"], {"kind": "value"}, ["size", ["x"]], ["decimal", "x"],
    ],
    ids=repr,
)  # fmt: skip
def test_lies_are_found(said: Any) -> None:
    with pytest.raises(ProtocolError):
        wire.Reader(b"\0" * 8, (torch.zeros(3, dtype=torch.float64),)).read(said)


def test_no_nonsense_does_harm() -> None:
    """Ten thousand random values: each is read, or refused by its one error."""
    draw = random.Random(0)
    kinds = [
        "list",
        "tuple",
        "dict",
        "set",
        "size",
        "complex",
        "dtype",
        "other",
        "tensor",
        "view",
        "array",
        "scalar",
        "fraction",
        "decimal",
        "torch.float64",
    ]

    def nonsense(depth: int) -> Any:
        if depth == 0 or draw.random() < 0.3:
            return draw.choice([None, True, -1, 0, 1, 3, 2**70, 0.5, "torch.float64", "torch.bool", "x", *kinds])
        return [draw.choice(kinds), *(nonsense(depth - 1) for _ in range(draw.randrange(6)))]

    read = refused = 0
    for _ in range(10_000):
        try:
            wire.Reader(b"\1" * 64, (torch.zeros(3, dtype=torch.float64),)).read(nonsense(4))
            read += 1
        except ProtocolError:
            refused += 1
    assert read > 1000 and refused > 1000


def test_names_are_harmless() -> None:
    for name in ("<script>", "a b", "", "x" * 100, 3, None, "__import__('os')"):
        assert type(wire.named(name)).__name__ == "object"
    assert type(wire.named("Fraction")).__name__ == "Fraction"


def test_frames() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        frames.send(ours, {"a": 1}, b"xyz")
        assert frames.receive(theirs) == ({"a": 1}, b"xyz")
        ours.close()
        with pytest.raises(EOFError):
            frames.receive(theirs)


def test_a_frame_that_is_too_large_is_refused_by_its_first_bytes() -> None:
    assert frames.frame_size(b"\0\0\0") == 0
    assert frames.frame_size(struct.pack("!II", 2, 3)) == 13
    for lengths in [(frames.MAX_JSON + 1, 0), (0, frames.MAX_NUMBERS + 1)]:
        with pytest.raises(ProtocolError, match="at most 64 MB of numbers and 4 MB of the rest"):
            frames.frame_size(struct.pack("!II", *lengths))


def test_tensors_of_arguments_are_found_in_one_order() -> None:
    x, y, conv = torch.ones(1), torch.ones(2), torch.nn.Conv2d(1, 1, 1)
    assert [id(t) for t in wire.tensors([(x, [y, 3]), {"layer": conv}])] == [
        id(x),
        id(y),
        id(conv.weight),
        id(conv.bias),
    ]
