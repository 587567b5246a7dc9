"""A sandbox that bubblewrap makes, and that a process which is already warm can enter.

Bubblewrap starts programs; a learner's process is forked, with torch imported, and starts no
program. So bubblewrap makes the sandbox around a program that only waits, and the process that is
to fork moves into it: user, files, network and the rest. It stays outside in one thing. Among the
sandbox's processes is only what it forks, and that sees, and can reach, no other.

Inside there is no network, no other process, no file but Python, its packages and the course's
package, all read-only, and two small folders to write in.
"""

import contextlib
import ctypes
import functools
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

SCRATCH = 64 * 2**20  # bytes, in each of the two folders
NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x02000000
# in order: user, files, processes, network, System V messages, host name, control groups (linux/sched.h)
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
CAPABILITY_VERSION = 0x20080522  # linux/capability.h
WORK = "/tmp/work"
USER = 65534  # nobody


class SandboxMissing(RuntimeError):
    """There is no sandbox on this machine; the message says why."""


def command() -> list[str]:
    """What starts bubblewrap, without the program it is to run.

    Of the machine only what a warm Python may still import is there: Python itself, the
    installed packages, and the course's package, wherever they are.
    """
    package = Path(__file__).resolve().parents[1]
    seen = [
        Path("/usr"),
        Path(sys.base_prefix),
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("platlib")),
    ]
    arguments = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--uid", str(USER), "--gid", str(USER)]
    arguments += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    for folder in ("/bin", "/lib", "/lib64", "/sbin"):
        if Path(folder).is_symlink():
            arguments += ["--symlink", os.readlink(folder), folder]
        elif Path(folder).is_dir():
            arguments += ["--ro-bind", folder, folder]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--size", str(SCRATCH), "--tmpfs", "/dev/shm"]
    arguments += ["--size", str(SCRATCH), "--tmpfs", "/tmp", "--dir", WORK]
    for path in dict.fromkeys([*seen, package]):  # after /tmp, since the project may lie there
        arguments += ["--ro-bind", str(path), str(path)]
    # /proc too: to the kernel the sandbox's user is whoever grades, and to root its settings are open.
    return [*arguments, "--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]


@functools.cache
def why_not() -> str:
    """Why there is no sandbox on this machine; empty where there is one."""
    if not sys.platform.startswith("linux"):
        return f"bubblewrap needs Linux, this is {sys.platform}"
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed"
    tried = subprocess.run([*command(), "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"bubblewrap fails: {tried.stderr.strip()[:200]}"


class Sandbox:
    """One sandbox, with a program in it that waits until this object is closed."""

    def __init__(self) -> None:
        """Make it.

        Raises:
            SandboxMissing: bubblewrap is missing, or does not get what it needs.
        """
        told, tell = os.pipe()
        try:
            # What runs inside ends with the process that holds its standard input.
            self.process = subprocess.Popen(
                [*command(), "--info-fd", str(tell), "cat"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[tell],
            )  # fmt: skip
        except OSError as error:
            raise SandboxMissing(f"bubblewrap does not start: {error}") from None
        finally:
            os.close(tell)
        assert self.process.stdin and self.process.stdout and self.process.stderr
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(b"\n")
            self.process.stdin.flush()
        ready = self.process.stdout.readline()  # it comes back once all is in place
        with open(told, "rb") as file:
            info = file.read()
        if not ready:
            raise SandboxMissing(
                f"bubblewrap fails: {self.process.stderr.read().decode(errors='replace').strip()[:200]}"
            )
        self.first = int(json.loads(info)["child-pid"])  # the parent of all that is inside

    def enter(self) -> None:
        """Move this process into the sandbox; only a fork of it is wholly inside. For a process of one thread.

        Raises:
            OSError: the machine refuses.
        """
        pidfd = os.pidfd_open(self.first)
        _must(ctypes.CDLL(None, use_errno=True).setns(pidfd, NAMESPACES), "setns")
        os.close(pidfd)

    def close(self) -> None:
        """End everything that runs inside."""
        self.process.kill()
        self.process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close this process's ends of the pipes."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()


def give_up_rights() -> None:
    """Drop every capability of this process, for good: no program it starts gets one either.

    Raises:
        OSError: the machine refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _must(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def _must(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
