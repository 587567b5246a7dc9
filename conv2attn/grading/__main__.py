"""The command `conv2attn`; `python -m conv2attn.grading` is the same.

    conv2attn grade [FILE…]                     see grade_command
    conv2attn grade-class FOLDER --out FOLDER   see classroom.command

Each command is a module with `add_command`.
"""

import argparse
import sys
from collections.abc import Sequence

from conv2attn.grading import grade_command
from conv2attn.grading.classroom import command as class_command

COMMANDS = (grade_command, class_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="conv2attn", description="Grade the course's exercises.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_command(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
