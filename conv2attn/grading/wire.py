"""What passes between the judge's kernel and a learner's process: values as JSON and raw numbers.

The judge never unpickles what a learner's process sends. An answer is plain data (numbers,
texts, tensors, tuples, …), and every field of it is checked when it is read. What is none of
these arrives as an object that has the right type's name and nothing else.
"""

import builtins
import io
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import cloudpickle
import numpy as np
import torch
from torch import Tensor, nn

from conv2attn.grading.frames import MAX_NUMBERS, ProtocolError

MAX_DIGITS = 1000
DTYPES = {str(dtype): dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}
SCALARS = (bool, int, float, str, type(None))


def tensors(value: Any) -> list[Tensor]:
    """The tensors in an argument, in an order that both sides agree on: those of tuples, lists, dictionaries, modules."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, nn.Module):
        return [*value.parameters(), *value.buffers()]
    if isinstance(value, dict):
        value = list(value.values())
    return [tensor for item in value for tensor in tensors(item)] if isinstance(value, (tuple, list)) else []


# --- in the judge's kernel: arguments → bytes, which the learner's process unpickles -----------


def arguments(values: tuple[Any, ...], keywords: Mapping[str, Any]) -> bytes:
    """The arguments of a call, pickled."""
    file = io.BytesIO()
    _Pickler(file).dump((values, keywords))
    return file.getvalue()


class _Pickler(cloudpickle.Pickler):
    """Functions by value, as `cloudpickle` has them; the memory of a tensor as its bytes.

    PyTorch would write a file for each tensor; to read that takes longer than most answers take.
    """

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, torch.storage.TypedStorage):
            raw = torch.tensor([], dtype=torch.uint8).set_(value._untyped_storage)
            return _storage, (raw.numpy().tobytes(), value.dtype)
        return super().reducer_override(value)


def _storage(raw: bytes, dtype: torch.dtype) -> torch.storage.TypedStorage:
    memory = torch.frombuffer(bytearray(raw), dtype=torch.uint8).untyped_storage() if raw else torch.UntypedStorage()
    return torch.storage.TypedStorage(wrap_storage=memory, dtype=dtype, _internal=True)


# --- in the learner's process: data → JSON and numbers ----------------------------------------


class Writer:
    """Turns values into JSON; their numbers gather in `numbers`.

    A tensor that shares its memory with one of `known`, the arguments, is written as a view of it.
    """

    def __init__(self, known: Sequence[Tensor] = ()) -> None:
        self.numbers = bytearray()
        self.owners = {(_memory(tensor), tensor.dtype): number for number, tensor in enumerate(known) if tensor.numel()}

    def write(self, value: Any) -> Any:
        """The JSON of `value`."""
        if type(value) in SCALARS:
            return value
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
            return ["array", self._tensor(torch.from_numpy(np.ascontiguousarray(value)))]
        if isinstance(value, np.generic) and value.dtype.kind in "biufc":
            return ["scalar", self._tensor(torch.from_numpy(np.array([value])))]
        if isinstance(value, torch.Size):
            return ["size", list(value)]
        if type(value) in (list, tuple, set, frozenset) or isinstance(value, tuple):
            kind = type(value).__name__ if type(value) in (list, set, frozenset) else "tuple"
            return [kind, [self.write(item) for item in value]]
        if type(value) is dict:
            return ["dict", [[self.write(key), self.write(item)] for key, item in value.items()]]
        if isinstance(value, complex):
            return ["complex", value.real, value.imag]
        if isinstance(value, (Fraction, Decimal)) and len(str(value)) < MAX_DIGITS:
            return ["fraction" if isinstance(value, Fraction) else "decimal", str(value)]
        if isinstance(value, torch.dtype):
            return ["dtype", str(value)]
        for kind in (int, float, str):  # what is derived from them
            if isinstance(value, kind):
                return kind(value)
        return ["other", type(value).__name__]

    def _tensor(self, tensor: Tensor) -> Any:
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            return ["other", type(tensor).__name__]
        start, shape = len(self.numbers), list(tensor.shape)
        learns = tensor.requires_grad
        if (owner := self.owners.get((_memory(tensor), tensor.dtype))) is not None and tensor.numel():
            return ["view", owner, str(tensor.dtype), shape, list(tensor.stride()), tensor.storage_offset(), learns]
        if tensor.numel():
            plain = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
            self.numbers += plain.view(torch.uint8).numpy().tobytes()
            if len(self.numbers) > MAX_NUMBERS:
                raise ProtocolError(f"at most {MAX_NUMBERS >> 20} MB of numbers are expected")
        return ["tensor", str(tensor.dtype), shape, start, learns]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else 0


# --- in the judge's kernel: JSON and numbers → data --------------------------------------------


class Reader:
    """Turns what a `Writer` wrote into data. Believes nothing.

    Args:
        numbers: the frame's bytes.
        known: the arguments of the call, of which results may be views.
    """

    def __init__(self, numbers: bytes, known: Sequence[Tensor] = ()) -> None:
        self.numbers, self.known = numbers, known

    def read(self, value: Any) -> Any:
        """The value.

        Raises:
            ProtocolError: no writer writes this.
        """
        try:
            return self._read(value)
        except Exception as error:  # a stranger's data fails in any way it likes
            raise ProtocolError(f"an answer that is not what it says: {type(error).__name__}") from None

    def _read(self, value: Any) -> Any:
        if type(value) in SCALARS:
            return value
        kind, *fields = value
        if kind in ("list", "tuple", "set", "frozenset"):
            (items,) = fields
            return getattr(builtins, kind)(self._read(item) for item in items)
        if kind == "dict":
            (items,) = fields
            return {self._read(key): self._read(item) for key, item in items}
        if kind == "size":
            return torch.Size(fields[0])
        if kind == "complex":
            return complex(float(fields[0]), float(fields[1]))
        if kind in ("fraction", "decimal") and len(fields[0]) < MAX_DIGITS:
            return (Fraction if kind == "fraction" else Decimal)(fields[0])
        if kind == "dtype":
            return DTYPES[fields[0]]
        if kind == "other":
            return named(fields[0])
        if kind in ("tensor", "view"):
            return self._tensor(kind, *fields)
        if kind in ("array", "scalar"):
            array = self._read(fields[0]).detach().numpy()
            return array if kind == "array" else array[0]
        raise ProtocolError(f"no kind of data is called {kind!r}")

    def _tensor(self, kind: str, *fields: Any) -> Tensor:
        if kind == "view":
            owner, dtype, shape, stride, offset, learns = fields
            size = _sizes(shape)
            if owner < 0 or math.prod(size) * 16 > MAX_NUMBERS or self.known[owner].dtype != DTYPES[dtype]:
                raise ProtocolError("a view of an argument is expected")
            return torch.as_strided(self.known[owner].detach(), size, _sizes(stride), int(offset)).requires_grad_(
                bool(learns)
            )
        dtype, shape, start, learns = DTYPES[fields[0]], _sizes(fields[1]), int(fields[2]), bool(fields[3])
        length = math.prod(shape) * dtype.itemsize
        if start < 0 or start + length > len(self.numbers):
            raise ProtocolError("a tensor's numbers are expected in its frame")
        if not length:
            return torch.empty(shape, dtype=dtype).requires_grad_(learns)
        raw = torch.frombuffer(bytearray(self.numbers[start : start + length]), dtype=dtype)
        return raw.reshape(shape).requires_grad_(learns)


def _sizes(values: Any) -> list[int]:
    if not isinstance(values, list) or not all(type(value) is int and value >= 0 for value in values):
        raise ProtocolError("a list of sizes is expected")
    return values


def named(name: Any) -> Any:
    """An object of which only the name of its type is known."""
    name = name if isinstance(name, str) and re.fullmatch(r"\w{1,60}", name) else "object"
    return type(name, (), {})()
