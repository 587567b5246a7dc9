"""Create .venv and install requirements.txt into it, or say in one line why not.

Written to start under any Python, so that the wrong one is told so and not shown a syntax error.
"""

import os
import shutil
import subprocess
import sys

ENVIRONMENT = ".venv"
STAMP = os.path.join(ENVIRONMENT, "installed")  # written last: present means complete


def main():
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        fail(
            "this course needs Python 3.11 to 3.13, and %s is Python %d.%d. Name another one: make PYTHON=python3.12"
            % (sys.executable, sys.version_info[0], sys.version_info[1])
        )
    created = not os.path.exists(ENVIRONMENT)
    try:
        if created:
            print("Creating the environment in %s" % ENVIRONMENT)
            subprocess.check_call([sys.executable, "-m", "venv", ENVIRONMENT])
        print("Installing requirements.txt (a few minutes the first time)")
        scripts = "Scripts" if os.name == "nt" else "bin"
        python = os.path.join(ENVIRONMENT, scripts, "python")
        pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "on"]
        install(pip + ["-r", "requirements.txt"])
    except (Exception, KeyboardInterrupt) as error:
        if created:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        fail(str(error) or "interrupted; nothing was left behind")
    with open(STAMP, "w"):
        pass


def install(command):
    """Run pip, showing what it does; turn its last error into one line."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    errors = []
    for line in process.stdout:
        if line.startswith("ERROR:"):
            errors.append(line[len("ERROR:") :].strip())
        elif line.startswith(("Collecting", "Installing", "Obtaining", "Successfully")):
            print("  " + (line.strip() if len(line) < 100 else line[:100] + " ..."))
            sys.stdout.flush()
    if process.wait():
        reason = errors[-1] if errors else "pip ended with status %d" % process.returncode
        if any("torch==" in error for error in errors):
            reason = "there is no wheel of the pinned torch for this Python and system (%s)" % reason
        raise RuntimeError("could not install requirements.txt: " + reason)


def fail(reason):
    """Print one line and stop."""
    sys.stderr.write("make: %s\n" % reason)
    sys.exit(1)


if __name__ == "__main__":
    main()
