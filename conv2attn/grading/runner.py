"""The learner's process: it runs the learner's cells and calls the learner's functions.

Everything that it says is a stranger's word. It answers requests on a socket, one at a time:

    {"do": "run", "before": […], "source": …, "names": […]}    run cells, then the answer's own cell
    {"do": "call", "name": …}, the arguments pickled           call one of the answer's functions

with {"kind": "value", …} or {"kind": "raised", "types": …, "text": …, "line": …}.
"""

import builtins
import os
import pickle
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor
from traitlets.config import Config

from conv2attn.grading import frames, wire


class Shell(InteractiveShell):
    """IPython without history and without tracebacks: nobody looks at them here."""

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Show nothing."""

    def enable_gui(self, gui: Any = None) -> None:
        """There is no window, and `%matplotlib` may be called all the same."""

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        """Show nothing."""


def shell() -> Shell:
    """A new shell, its names in `__main__`, as a notebook's are."""
    config = Config()
    config.HistoryManager.enabled = False
    return Shell.instance(config=config)


def serve(connection: socket.socket, learner: Shell) -> NoReturn:
    """Answer the requests on `connection` until it is closed; then end the process."""
    os.environ["MPLBACKEND"] = "agg"
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    sys.stdin = open(os.devnull, encoding="utf-8")
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")
    builtins.input = _input
    try:
        while True:
            request, numbers = frames.receive(connection)
            answer = _run if request.pop("do") == "run" else _call
            message, numbers = answer(learner, numbers, **request)
            frames.send(connection, message, numbers)
    finally:
        os._exit(0)


def _input(prompt: object = "") -> NoReturn:
    raise RuntimeError("input() has nobody to ask here")


def _run(
    learner: Shell, numbers: bytes, before: Sequence[str], source: str, names: Sequence[str]
) -> tuple[Mapping[str, Any], bytes]:
    """Run the cells `before`, whatever they raise, then `source`; say which of `names` it made."""
    for cell in before:
        learner.run_cell(cell)
    result = learner.run_cell(source)
    if error := result.error_before_exec or result.error_in_exec:
        return _raised(error, None), b""
    writer, made = wire.Writer(), {}
    for name in names:
        if name in learner.user_ns:
            value = learner.user_ns[name]
            made[name] = ["function"] if callable(value) else writer.write(value)
    return {"kind": "value", "made": made}, bytes(writer.numbers)


def _call(learner: Shell, numbers: bytes, name: str) -> tuple[Mapping[str, Any], bytes]:
    """Call the function `name`; beside the result, tell what became of the arguments."""
    arguments, keywords = pickle.loads(numbers)  # from the judge
    known = wire.tensors([arguments, keywords])
    before = [tensor.detach().clone() for tensor in known]
    function = learner.user_ns[name]
    try:
        value = function(*arguments, **keywords)
    except BaseException as error:  # whatever it is, it is the answer's
        return _raised(error, function), b""
    writer = wire.Writer(known)
    result = writer.write(value)
    after = [_after(writer, tensor, was) for tensor, was in zip(known, before)]
    return {"kind": "value", "value": result, "after": after}, bytes(writer.numbers)


def _after(writer: wire.Writer, tensor: Tensor, before: Tensor) -> list[Any]:
    """What a call left in an argument: new values or None, whether it asks for a gradient, and that gradient."""
    same = tensor.shape == before.shape and tensor.detach().equal(before)
    return [
        None if same else writer.write(tensor.detach().clone()),
        tensor.requires_grad,
        writer.write(tensor.grad) if tensor.is_leaf else None,
    ]


def _raised(error: BaseException, function: Any) -> Mapping[str, Any]:
    """An error as plain data, with the line of the answer's cell where it happened."""
    text = str(error)
    if isinstance(error, SyntaxError) and error.lineno:
        text = f"{error.msg} (line {error.lineno})"
    code = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if code and frame.filename == code.co_filename]
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"kind": "raised", "types": kinds, "text": text[:2000], "line": lines[-1] if lines else None}
