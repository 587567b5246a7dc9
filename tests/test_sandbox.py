"""What the sandbox promises, tried from inside: each test is code that a submission could hold."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conv2attn.grading import keeper, remote, sandbox
from conv2attn.grading.keeper import Limits
from conv2attn.grading.remote import Ended

ROOT = Path(__file__).parents[1]
LIMITS = Limits(cpu_seconds=2, memory=2**29, processes=16, sandboxed=True)


@pytest.fixture(scope="module")
def address() -> Iterator[Path]:
    with keeper.running(LIMITS) as address:
        yield address


def inside(address: Path, source: str, *arguments: Any) -> Any:
    """What `attempt(*arguments)` returns in a sandbox of its own, after `source` has run there."""
    names: dict[str, Any] = {}
    submission = remote.Submission(names, address)
    try:
        submission.answers("attempt", ["attempt"], source)
        return names["attempt"](*arguments)
    finally:
        submission.close()


TRY = """
def attempt(*arguments):
    try:
        return tried(*arguments)
    except BaseException as error:
        return type(error).__name__
"""


# --- reading ---------------------------------------------------------------------------------


def test_of_the_machine_only_python_and_the_package_are_there(address: Path, tmp_path: Path) -> None:
    secret = tmp_path / "other-student.ipynb"
    secret.write_text("theirs")
    exists = "import os\ndef attempt(paths):\n    return [path for path in paths if os.path.exists(path)]"
    hidden = [
        secret,
        ROOT / "exercises",
        ROOT / "README.md",
        ROOT / "tests",
        "/etc/passwd",
        "/etc/shadow",
        Path.home() / ".ssh",
        "/home",
        "/var",
        "/run",
        Path.home() / ".bash_history",
    ]
    assert inside(address, exists, [str(path) for path in hidden]) == []
    shown = [str(ROOT / "conv2attn/attention.py")]
    assert inside(address, exists, shown) == shown  # the test can see what is there


def test_no_file_in_sight_holds_a_solution(address: Path) -> None:
    """Everything under the course's folder that can be read: the package, and nothing of the exercises."""
    walk = "import os\ndef attempt(root):\n    return sorted({path[len(root) + 1:].split('/')[0] for path, _, files in os.walk(root) if files})"
    assert set(inside(address, walk, str(ROOT))) <= {"conv2attn", ".venv"}


def test_nothing_of_the_judges_environment_is_inherited(address: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONV2ATTN_SEED", "a-secret-seed")
    environment = "import os\ndef attempt():\n    return {**os.environ, 'start': open('/proc/self/environ').read()}"
    with keeper.running(LIMITS) as fresh:
        found = inside(fresh, environment)
    assert "a-secret-seed" not in str(found)
    assert set(found) <= {
        *keeper.ENVIRONMENT,
        "PATH",
        "HOME",
        "PYTHONPATH",
        "start",
        "LC_CTYPE",
        "KMP_INIT_AT_FORK",
        "KMP_DUPLICATE_LIB_OK",
    }


def test_no_process_but_its_own_is_in_sight(address: Path) -> None:
    processes = "import os\ndef attempt():\n    return [open(f'/proc/{n}/comm').read().strip() for n in os.listdir('/proc') if n.isdigit()]"
    assert set(inside(address, processes)) <= {"bwrap", "sh", "cat", "python", "python3"}
    assert len(inside(address, processes)) <= 4


def test_no_open_file_of_the_guard_is_inherited(address: Path) -> None:
    files = "import os\ndef attempt():\n    return sorted(os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}'))"
    found = inside(address, files)
    assert found.count("socket") == 1, found  # the one to its guard
    assert set(found) <= {"socket", "/dev/null", "anon_inode"}, found


# --- the network -----------------------------------------------------------------------------


def test_there_is_no_network(address: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = (
            "import socket\ndef tried(port):\n    socket.create_connection(('127.0.0.1', port), 1)\n    return 'connected'"
            + TRY
        )
        assert inside(address, connect, port) in ("ConnectionRefusedError", "OSError")
        socket.create_connection(("127.0.0.1", port), 1).close()  # outside it can be reached
    for source in [
        "import socket\ndef tried():\n    return socket.getaddrinfo('example.org', 80)",
        "import socket\ndef tried():\n    socket.create_connection(('192.0.2.1', 80), 1)",
        "import socket\ndef tried():\n    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n    s.sendto(b'x', ('192.0.2.1', 53))",
        "import socket\ndef tried():\n    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    ]:
        assert inside(address, source + TRY) in ("gaierror", "OSError", "PermissionError")


def test_no_socket_of_the_machine_can_be_reached(address: Path, tmp_path: Path) -> None:
    """Neither one that is a file nor one that is a name alone."""
    connect = (
        "import socket\ndef tried(name):\n    socket.socket(socket.AF_UNIX).connect(name)\n    return 'connected'" + TRY
    )
    for name in (str(address), str(tmp_path / "s"), "\0conv2attn-test"):
        with socket.socket(socket.AF_UNIX) as server:
            if name != str(address):
                server.bind(name)
                server.listen()
            assert inside(address, connect, name) in ("FileNotFoundError", "ConnectionRefusedError")


# --- writing ---------------------------------------------------------------------------------


def test_nothing_can_be_written_but_scratch(address: Path) -> None:
    write = (
        "import os\ndef tried(folder):\n    open(os.path.join(folder, 'x'), 'w').close()\n    return 'written'" + TRY
    )
    folders = ["/", "/usr", "/dev", str(ROOT / "conv2attn"), os.path.dirname(os.__file__)]
    if not ROOT.is_relative_to("/tmp"):  # there the folder around the package is scratch too
        folders.append(str(ROOT))
    for folder in folders:
        assert inside(address, write, folder) in ("OSError", "PermissionError", "FileNotFoundError"), folder
    assert inside(address, write, "/tmp/work") == "written"
    package = (
        "from pathlib import Path\nimport conv2attn\ndef tried():\n    Path(conv2attn.__file__).write_text('')" + TRY
    )
    assert inside(address, package) == "OSError"


def test_no_setting_of_the_machine_can_be_changed(address: Path) -> None:
    """Least of all by root, whose file /proc/sys/kernel/core_pattern says what runs outside after a crash."""
    find = """
import os
def attempt():
    seen, found = 0, []
    for top in ("/proc", "/dev"):
        for folder, folders, files in os.walk(top):
            for path in (os.path.join(folder, file) for file in files):
                if os.path.islink(path):  # to a pipe of its sandbox
                    continue
                seen += 1
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))
                    found.append(path)
                except OSError:
                    pass
    return seen, found
"""
    devices = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts/ptmx"}
    seen, found = inside(address, find)
    assert seen > 1000 and set(found) <= {f"/dev/{name}" for name in devices}


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_the_disk_cannot_be_filled(address: Path, folder: str) -> None:
    fill = (
        "import os\ndef attempt(folder):\n    written = 0\n    try:\n        for number in range(100):\n"
        "            with open(f'{folder}/{number}', 'wb') as file:\n"
        "                written += file.write(bytes(2**22))\n"
        "                file.flush()\n    except OSError:\n        pass\n    return written"
    )
    assert 0 < inside(address, fill, folder) <= sandbox.SCRATCH


def test_what_is_written_is_gone_for_the_next(address: Path) -> None:
    write = "from pathlib import Path\ndef attempt():\n    Path('note').write_text('for my friend')\n    return str(Path('note').resolve())"
    path = inside(address, write)
    assert inside(address, "import os\ndef attempt(path):\n    return os.path.exists(path)", path) is False


# --- rights ----------------------------------------------------------------------------------


def test_it_has_no_right_and_gets_none(address: Path) -> None:
    status = "def attempt():\n    return {k: v.strip() for k, v in (line.split(':', 1) for line in open('/proc/self/status')) if k.startswith('Cap') or k in ('NoNewPrivs', 'Uid')}"
    found = inside(address, status)
    assert {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert found["NoNewPrivs"] == "1"
    assert found["Uid"].split() == [str(sandbox.USER)] * 4
    calls = "import ctypes\ndef attempt():\n    libc = ctypes.CDLL(None)\n    return [libc.unshare(0x10000000), libc.unshare(0x20000), libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0), libc.umount2(b'/usr', 2), libc.chroot(b'/tmp')]"
    assert inside(address, calls) == [-1] * 5


def test_no_namespace_but_of_its_own(address: Path) -> None:
    spaces = "import os\ndef attempt():\n    return {name: os.readlink(f'/proc/self/ns/{name}') for name in ('user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup')}"
    found = inside(address, spaces)
    for name, space in found.items():
        assert space != os.readlink(f"/proc/self/ns/{name}"), name
    assert found["pid"] != inside(address, spaces)["pid"]  # nor that of the next


# --- processes -------------------------------------------------------------------------------


def strangers() -> list[str]:
    """The command lines of processes that a test below starts inside."""
    return [
        line
        for process in psutil.process_iter(["cmdline"])
        if "987654" in (line := " ".join(process.info["cmdline"] or []))
    ]


def test_nothing_outlives_it(address: Path) -> None:
    daemon = (
        "import subprocess\ndef attempt():\n"
        "    subprocess.Popen(['sh', '-c', 'trap : TERM INT HUP; sleep 987654'], start_new_session=True)\n    return True"
    )
    assert inside(address, daemon) is True
    deadline = time.monotonic() + 10
    while strangers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert strangers() == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\ndef attempt():\n    while True:\n        os.fork()", "stopped: it"),
        ("import os\ndef attempt():\n    while True:\n        if os.fork():\n            os._exit(0)", "ended|stopped"),
        (
            "import os, signal\ndef attempt():\n    os.kill(os.getppid(), 9)\n    os.kill(1, 9)\n    os.kill(-1, 9)\n    os._exit(0)",
            "ended",
        ),
        (
            "def attempt():\n    held = []\n    while True:\n        held.append(bytearray(b'x' * 2**24))",
            "memory|MemoryError",
        ),
        ("import mmap\ndef attempt():\n    m = mmap.mmap(-1, 2**40)\n    return 1", "OSError|Cannot allocate"),
    ],
    ids=["forks", "forks and leaves", "kills", "memory", "address space"],
)
def test_what_takes_too_much_is_ended_and_the_next_one_lives(address: Path, source: str, reason: str) -> None:
    with pytest.raises((Ended, MemoryError, OSError)) as raised:
        inside(address, source)
    import re

    assert re.search(reason, f"{type(raised.value).__name__}: {raised.value}")
    assert inside(address, "def attempt():\n    return 7") == 7


def test_no_process_is_left_when_the_keeper_ends() -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with keeper.running(LIMITS) as address:
        names: dict[str, Any] = {}
        remote.Submission(names, address).answers("attempt", ["attempt"], "def attempt():\n    return 1")
        assert names["attempt"]() == 1
        names["attempt"]._process.close()
    deadline = time.monotonic() + 10
    left = {0}
    while left and time.monotonic() < deadline:
        left = {process.pid for process in psutil.Process().children(recursive=True)} - before
        left |= {
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if str(address) in " ".join(process.info["cmdline"] or [])
        }
        time.sleep(0.05)
    assert left == set()


# --- forging a result ------------------------------------------------------------------------


def test_an_answer_is_data_and_never_code(address: Path) -> None:
    """What comes back has lost its class: no method of the learner's runs in the judge's kernel."""
    source = (
        "class Lie:\n    def __eq__(self, other):\n        return True\n    def __bool__(self):\n        return True\n"
        "    def __reduce__(self):\n        return print, ('unpickled',)\n"
        "def attempt():\n    return [Lie(), Lie]"
    )
    lie, kind = inside(address, source)
    assert type(lie).__name__ == "Lie" and type(lie).__module__ != "__main__"
    assert lie != 1 and not callable(kind)


# --- company ---------------------------------------------------------------------------------


def test_answers_share_a_process_until_one_is_to_be_alone(address: Path) -> None:
    names: dict[str, Any] = {}
    submission = remote.Submission(names, address)
    try:
        submission.has("set-up", "import math")
        submission.answers("first", ["first"], "runs = 1\ndef first():\n    math.tau = 6\n    return runs")
        submission.answers("second", ["second"], "runs = 2\ndef second():\n    return runs, math.tau == 6")
        assert names["first"]() == 2 and list(names["second"]()) == [2, True]
        submission.alone("second")
        assert list(names["second"]()) == [2, False] and names["first"]() == 2
        submission.alone("first")
        assert names["first"]() == 1
        submission.answers("third", ["third"], "def third():\n    import os\n    os._exit(0)")
        with pytest.raises(remote.Ended):
            names["third"]()
        submission.answers("fourth", ["fourth"], "def fourth():\n    return 4")  # their process is gone
        assert names["fourth"]() == 4
    finally:
        submission.close()


# --- where there is no sandbox ---------------------------------------------------------------


def test_without_bubblewrap_it_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sandbox.why_not.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sandbox.SandboxMissing, match="bubblewrap is not installed"), keeper.running(LIMITS):
        pass
    fails = tmp_path / "bwrap"
    fails.write_text("#!/bin/sh\necho 'no permission to create new namespace' >&2\nexit 1\n")
    fails.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    sandbox.why_not.cache_clear()
    with pytest.raises(sandbox.SandboxMissing, match="no permission to create new namespace"), keeper.running(LIMITS):
        pass
    sandbox.why_not.cache_clear()


def test_bubblewrap_is_asked_to_hide_everything() -> None:
    command = sandbox.command()
    for wanted in (
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    ):
        assert wanted in command
    assert "--bind" not in command and "--dev-bind" not in command
    assert subprocess.run([*command, "true"], check=False).returncode == 0
