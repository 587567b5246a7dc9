"""The judge's kernel's side: what learners wrote, as functions that run elsewhere.

The judge's kernel never runs a line of a learner's. The answers of a submission run in a process
that they share (`keeper`), in the notebook's order, as they did for the learner. Their functions
stand in the kernel as `Answer` objects: a call sends copies of the arguments there and gets plain
data back, and what happened to the arguments there happens to them here.

What passes so, passes. Where something fails, another answer may be why. So that answer gets a
process of its own, in which its cell runs after the cells that the notebook has before it, and
what it does there counts. These cells are tried in this order: set-up cells and the learner's
extra cells; where a name is missing, everything before it, other answers too; where the process
ended, set-up alone.
"""

import builtins
import contextlib
import os
import socket
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from conv2attn.grading import frames, keeper, wire

ADDRESS = "CONV2ATTN_KEEPER"  # the environment variable with the keeper's socket


class Ended(BaseException):
    """A learner's process ended, or was ended. No `except Exception` of a check may take it for an answer's error."""


class NoLearner(BaseException):
    """There is no learner's process, through no fault of the learner."""


@dataclass(frozen=True)
class Cell:
    """A cell that has gone before: what kind it is, and its source."""

    kind: str  # set-up, extra or answer
    source: str


NONSENSE = "✗ what comes back from the answer cannot be read: does it write to files that it did not open?"

# What runs before an answer's cell, in the order in which it is tried.
USUAL, EVERYTHING, ALONE = ("set-up", "extra"), ("set-up", "extra", "answer"), ("set-up",)


class Submission:
    """One submission, as the judge's kernel sees it. `learner` in the notebook that nbval runs."""

    def __init__(self, namespace: MutableMapping[str, Any], address: Path | None = None) -> None:
        """Begin; the answers' functions are put into `namespace`."""
        self.namespace = namespace
        self.address = address or Path(os.environ[ADDRESS])
        self.cells: list[Cell] = []
        self.shared = Process(self.address)
        self.waiting: list[str] = []  # cells that the shared process has not run yet
        self.own: dict[str, OwnProcess] = {}

    def has(self, kind: str, source: str) -> None:
        """A cell that is not an answer goes before what follows."""
        self.cells.append(Cell(kind, source))
        self.waiting.append(source)

    def answers(self, answer: str, names: Sequence[str], source: str) -> None:
        """Run an answer's cell; the functions in `names` are then the learner's.

        Raises:
            Exception: what the cell raises, or one that is called the same.
            Ended: its process ended.
        """
        for name in names:
            self.namespace.pop(name, None)
        self.own[answer] = OwnProcess(self.address, tuple(self.cells), names, source)
        self.cells.append(Cell("answer", source))
        waiting, self.waiting = self.waiting, []
        try:
            self.namespace.update(self.shared.run(waiting, source, names))
        except (Exception, Ended):
            self.alone(answer)

    def alone(self, answer: str) -> None:
        """Give an answer a process of its own, from here on.

        Raises:
            Exception: what its cell raises, or one that is called the same.
            Ended: its process ended.
        """
        if not self.own[answer].connection:
            self.namespace.update(self.own[answer].start())

    def close(self) -> None:
        """End all processes of this submission."""
        for process in (self.shared, *self.own.values()):
            process.close()


def begin(namespace: MutableMapping[str, Any]) -> Submission:
    """The next submission in a kernel that may have judged another one; that one's processes end."""
    if isinstance(last := namespace.get("learner"), Submission):
        last.close()
    return Submission(namespace)


class Process:
    """A learner's process; it starts when it is first needed."""

    def __init__(self, address: Path) -> None:
        self.address = address
        self.connection: socket.socket | None = None
        self.ended = ""

    def run(self, before: Sequence[str], source: str, names: Sequence[str]) -> dict[str, Any]:
        """Run the cells `before`, then an answer's cell; the value of each of its names that it made.

        Raises:
            Exception: what the answer's cell raises, or one that is called the same.
            Ended: the process ended, now or before.
            NoLearner: it could not be started.
        """
        if self.ended:
            raise Ended(self.ended)
        if self.connection is None:
            try:
                self.connection = keeper.connect(self.address)
            except ConnectionError as error:
                raise NoLearner(str(error)) from None
        message, numbers = self._ask({"do": "run", "before": list(before), "source": source, "names": list(names)})
        with _no_nonsense():
            made, read = message["made"], wire.Reader(numbers).read
            return {
                name: Answer(self, name) if made[name] == ["function"] else read(made[name])
                for name in names
                if name in made
            }

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function there, with copies of these arguments; they change as the copies do.

        Raises:
            Exception: what it raises, or one that is called the same.
            Ended: the process ended, now or before.
        """
        if self.ended:
            raise Ended(self.ended)
        known = wire.tensors([list(arguments), keywords])
        message, numbers = self._ask({"do": "call", "name": name}, wire.arguments(arguments, keywords))
        with _no_nonsense():
            reader = wire.Reader(numbers, known)
            for tensor, (values, learns, gradient) in zip(known, message["after"], strict=True):
                _becomes(tensor, reader.read(values), bool(learns), reader.read(gradient))
            return reader.read(message["value"])

    def close(self) -> None:
        """End the process."""
        if self.connection:
            self.connection.close()
            self.connection = None

    def _ask(self, request: dict[str, Any], numbers: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Send a request to the learner's process.

        Raises:
            Exception: one with the name and the text of what was raised there.
            Ended: the process ended, or was ended.
            NoLearner: it could not be started.
        """
        assert self.connection
        try:
            frames.send(self.connection, request, numbers)
            message, numbers = frames.receive(self.connection)
        except OSError as error:
            raise NoLearner(f"the learner's process has no guard: {error}") from None
        except EOFError:
            raise NoLearner("the learner's process has no guard") from None
        except ValueError:
            message = None
        kind = message.get("kind") if isinstance(message, dict) else None
        if kind == "value":
            return message, numbers
        if kind == "raised":
            raise raised(message.get("types"), message.get("text"), message.get("line"))
        self.close()
        if kind == "failed":
            raise NoLearner(str(message["reason"]))
        self.ended = f"✗ {message['reason']}" if kind == "ended" else NONSENSE
        raise Ended(self.ended)


class OwnProcess(Process):
    """The process of one answer, with what its cell needs before it."""

    def __init__(self, address: Path, before: Sequence[Cell], names: Sequence[str], source: str) -> None:
        super().__init__(address)
        self.before, self.names, self.source = before, names, source
        self.kinds = USUAL

    def start(self) -> dict[str, Any]:
        """Run the answer's cell, and what goes before it; the value of each of its names that it made."""
        return self._with_what_it_needs(self._run)

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function, as `Process.call` does, with whatever it needs before it."""

        def call() -> Any:
            if self.connection is None:
                self._run()
            return super(OwnProcess, self).call(name, arguments, keywords)

        return self._with_what_it_needs(call)

    def _with_what_it_needs(self, attempt: Callable[[], Any]) -> Any:
        """`attempt`, and once more with other cells before the answer's, where they may be why it fails."""
        try:
            return attempt()
        except NameError as error:
            if self.kinds != USUAL or not any(cell.kind == "answer" for cell in self.before):
                raise
            self._again(EVERYTHING)
            try:
                return attempt()
            except (NameError, Ended):  # another answer's end is not this one's
                self._again(USUAL)
                raise error from None
        except Ended:
            if self.kinds != USUAL or not any(cell.kind == "extra" for cell in self.before):
                raise
            self._again(ALONE)
            return attempt()

    def _again(self, kinds: tuple[str, ...]) -> None:
        self.close()
        self.kinds = kinds

    def _run(self) -> dict[str, Any]:
        self.ended = ""
        return self.run([cell.source for cell in self.before if cell.kind in self.kinds], self.source, self.names)


class Answer:
    """A function of the learner's, to be called here and run there."""

    def __init__(self, process: Process, name: str) -> None:
        self._process, self.__name__ = process, name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call it."""
        return self._process.call(self.__name__, arguments, keywords)


def raised(types: Any, text: Any, line: Any) -> BaseException:
    """An error as it was raised elsewhere: the names of its type and of that one's bases, its text, its line."""
    names = [type(wire.named(name)).__name__ for name in types] if isinstance(types, list) and types else ["Exception"]
    known = [kind for name in names[:32] if isinstance(kind := getattr(builtins, name, None), type)]
    base = next((kind for kind in known if issubclass(kind, (Exception, SystemExit))), Exception)
    said = text if isinstance(text, str) else ""
    kind = type(names[0], (base,), {"__init__": lambda self: None, "__str__": lambda self: said})
    error: BaseException = kind()
    error.line_of_answer = line if isinstance(line, int) else None  # type: ignore[attr-defined]
    return error


def _becomes(tensor: Tensor, values: Any, learns: bool, gradient: Any) -> None:
    """Let a tensor become what its copy in a learner's process has become."""
    if isinstance(values, Tensor) and values.shape == tensor.shape:
        tensor.data.copy_(values)
    if tensor.is_leaf and tensor.requires_grad != learns:
        tensor.requires_grad_(learns)
    if tensor.is_leaf and isinstance(gradient, Tensor) and gradient.shape == tensor.shape:
        tensor.grad = gradient.detach().to(tensor.dtype)


@contextlib.contextmanager
def _no_nonsense() -> Iterator[None]:
    """Whatever cannot be read in an answer is the learner's process's fault."""
    try:
        yield
    except Exception:  # a stranger's data fails in any way it likes
        raise Ended(NONSENSE) from None


