"""The keeper: a warm process from which learners' processes are forked, each with a guard of its own.

It imports torch once and then waits on a Unix socket. Whoever connects gets a guard, a fork of
the keeper that runs none of the learner's code. The guard forks the learner's process, inside
a sandbox where one is wanted, passes requests on, and ends that process and all that it has
started when it dies, hangs, or takes too much:

    judge's kernel ⇄ guard ⇄ learner's process

The keeper ends when its standard input is closed, a guard when its connection is.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import pkgutil
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import psutil

from conv2attn.grading import frames
from conv2attn.grading.sandbox import SCRATCH, WORK, Sandbox, SandboxMissing, give_up_rights, why_not

TICK = 0.1  # seconds between two looks at a process that is still busy
PATIENCE = 30  # seconds for a process to start, and as often the seconds of computing for an answer to come
LARGE, MADV_COLLAPSE = 2 * 2**20, 25  # the size of a large page, and what asks for them (linux/mman.h)
# Set before torch is imported: a process of several threads can neither be forked nor enter a sandbox.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Limits:
    """What one request to a learner's process may take.

    Attributes:
        cpu_seconds: of computing; and of doing nothing at all, for something that never comes.
        memory: bytes, of all its processes together.
        processes: how many there may be.
        sandboxed: whether they run inside bubblewrap.
    """

    cpu_seconds: float = 10.0
    memory: int = 2 * 2**30
    processes: int = 16
    sandboxed: bool = False


@contextlib.contextmanager
def running(limits: Limits) -> Iterator[Path]:
    """A keeper in a process of its own, for as long as the context lasts; its socket.

    Raises:
        SandboxMissing: a sandbox is wanted and there is none on this machine.
    """
    if limits.sandboxed and (reason := why_not()):
        raise SandboxMissing(reason)
    with tempfile.TemporaryDirectory(prefix="c2a-") as folder:  # short: a socket's path has 100 characters at most
        address = Path(folder, "keeper")
        # Nothing else of this environment: the learner's process inherits the keeper's.
        environment = {**ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath), "HOME": folder}
        if path := os.environ.get("PYTHONPATH"):
            environment["PYTHONPATH"] = path
        start = f"from {__name__} import Limits, main; main({str(address)!r}, Limits(**{asdict(limits)!r}))"
        command = [sys.executable, "-c", start]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, cwd=folder, start_new_session=True)
        try:
            yield address
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait()


def connect(address: Path, patience: float = 120.0) -> socket.socket:
    """A connection to a new guard; a keeper that is still starting is waited for.

    Raises:
        ConnectionError: nobody answers.
    """
    deadline = time.monotonic() + patience
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(address))
            return connection
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise ConnectionError(f"no keeper of learners' processes answers for {patience:g} s") from None
            time.sleep(0.02)


def main(address: str, limits: Limits) -> None:
    """Listen at `address` and give every connection its guard, until standard input is closed."""
    # What answers need is imported once, here; the public names of the package import what is behind them.
    import conv2attn
    import conv2attn.checks
    from conv2attn.grading import runner

    for name in conv2attn.__all__:
        getattr(conv2attn, name)
    for module in pkgutil.iter_modules(conv2attn.checks.__path__, "conv2attn.checks."):
        importlib.import_module(module.name)
    learner = runner.shell()
    gc.freeze()  # a collection in a fork would copy all of this memory, only to look at it
    _take_large_pages()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a guard
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                try:
                    _guard(connection, limits, learner)
                finally:  # a fork must never go on as the keeper
                    os._exit(0)
            connection.close()


DIED = "the kernel ended: os._exit, a crash, or out of memory?"


class _Ended(Exception):
    """A learner's process has ended, or is to be ended; the message says why."""


class _Guard:
    """Keeps one learner's process within its limits, and runs none of its code."""

    def __init__(self, limits: Limits, learner: Any, others: socket.socket) -> None:
        """Fork the learner's process, which is to have nothing of `others`.

        Raises:
            SandboxMissing, OSError: it could not be started.
        """
        self.limits = limits
        self.warm = _own_memory(psutil.Process())  # what every fork of the keeper begins with, and shares
        self.sandbox = Sandbox() if limits.sandboxed else None
        if self.sandbox:
            self.sandbox.enter()
        self.socket, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            self.socket.close()
            others.close()
            self._become_the_learners(theirs, learner)
        sys.path.clear()  # the guard sees what the learner writes, and must never import it
        theirs.close()
        # The /proc of a sandbox shows the sandbox's processes and no other.
        self.family = psutil.process_iter if self.sandbox else partial(_family, psutil.Process(child))
        try:
            self.socket.settimeout(PATIENCE)
            frames.receive(self.socket)  # it is ready
        except (OSError, EOFError):
            self.end()
            raise OSError("the learner's process does not get into its sandbox") from None

    def _become_the_learners(self, connection: socket.socket, learner: Any) -> NoReturn:
        from conv2attn.grading import runner

        try:
            if self.sandbox:
                self.sandbox.let_go()
                os.environ["HOME"] = WORK
            os.chdir(os.environ["HOME"])
            os.setsid()
            _bound(self.limits.memory)
            if self.sandbox:
                give_up_rights()
            frames.send(connection, "ready")
            runner.serve(connection, learner)
        finally:  # a fork must never go on as the keeper
            os._exit(1)

    def pass_on(self, message: Any, numbers: bytes) -> bytes:
        """Pass a request to the learner's process; its answer, a whole frame.

        Raises:
            _Ended: it has ended, or it takes too much of something.
        """
        try:
            self.socket.settimeout(self.limits.cpu_seconds)
            frames.send(self.socket, message, numbers)
            return self._answer()
        except (OSError, EOFError):
            raise _Ended(DIED) from None
        except frames.ProtocolError as error:
            raise _Ended(f"the answer is too large: {error}") from None

    def _answer(self) -> bytes:
        limits, frame, start = self.limits, bytearray(), None
        idle, first = 0.0, time.monotonic()
        last = first
        while True:
            if select.select([self.socket], [], [], TICK)[0]:
                part = self.socket.recv(2**20)
                if not part:
                    raise EOFError
                frame += part
                size = frames.frame_size(frame[: frames.LENGTHS.size])
                if size and len(frame) >= size:
                    return bytes(frame[:size])
            now = time.monotonic()
            if now - last < TICK:  # most answers come before the first look
                continue
            usage = _usage(self.family(), self.warm)
            start = start or usage
            idle = 0.0 if usage.busy else idle + now - last
            last = now
            if usage.seconds - start.seconds > limits.cpu_seconds:
                raise _Ended(f"stopped after {limits.cpu_seconds:g} s of computing: an endless loop?")
            if idle > limits.cpu_seconds or now - first > PATIENCE * limits.cpu_seconds:
                raise _Ended(f"stopped after {limits.cpu_seconds:g} s of waiting: for input, a lock, or a network?")
            if usage.processes > limits.processes:
                raise _Ended(f"stopped: it starts more than {limits.processes} processes")
            if usage.memory > limits.memory:
                raise _Ended(f"stopped: it takes more than {limits.memory / 2**30:g} GB of memory")

    def end(self) -> None:
        """End the learner's process and whatever it has started."""
        if self.sandbox:
            self.sandbox.close()
            return
        family = list(self.family())
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=5)


def _guard(connection: socket.socket, limits: Limits, learner: Any) -> None:
    """Pass requests from `connection` to a learner's process and its answers back, until it is closed."""
    try:
        guard = _Guard(limits, learner, connection)
    except (SandboxMissing, OSError) as error:
        frames.receive(connection)
        frames.send(connection, {"kind": "failed", "reason": str(error)})
        return
    try:
        while True:
            connection.sendall(guard.pass_on(*frames.receive(connection)))
    except _Ended as ended:
        guard.end()
        frames.send(connection, {"kind": "ended", "reason": str(ended)})
    except (EOFError, ConnectionError):
        pass  # the judge is done with it
    finally:
        guard.end()


def _take_large_pages() -> None:
    """Move this process's own memory to pages of 2 MB: to fork then takes a quarter of the time, and so does to end.

    Where Linux is older than 6.1, or has none to give, all stays as it is.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, _, _, _, *name = line.split(maxsplit=5)
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(address, 16) for address in place.split("-"))
            first, last = -(-start // LARGE) * LARGE, end // LARGE * LARGE
            if first < last:
                libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), MADV_COLLAPSE)


def _bound(memory: int) -> None:
    """Bound what one process may take; the guard looks after all of them together."""
    bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: 256, resource.RLIMIT_FSIZE: SCRATCH}
    if sys.platform.startswith("linux"):  # elsewhere address space is not bounded, or holds every library twice
        bounds[resource.RLIMIT_AS] = psutil.Process().memory_info().vms + memory
    for kind, most in bounds.items():
        resource.setrlimit(kind, (most, most))


@dataclass(frozen=True)
class _Usage:
    """What processes have taken: seconds of computing, bytes; and whether one of them is at work."""

    seconds: float
    memory: int
    processes: int
    busy: bool


def _family(root: psutil.Process) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _own_memory(process: psutil.Process) -> int:
    taken = process.memory_info()
    return taken.rss - getattr(taken, "shared", 0)


def _usage(family: Iterable[psutil.Process], warm: int) -> _Usage:
    seconds, memory, processes, busy = 0.0, 0, 0, False
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess), process.oneshot():
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
            memory += max(0, _own_memory(process) - warm)
            processes += 1
            busy = busy or process.status() in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)
    return _Usage(seconds, memory, processes, busy)
