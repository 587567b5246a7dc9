"""`python -m conv2attn.grading FILE`: grade one submission.

Exit status: 0 graded, whatever the points; 2 the file is no submission; 3 the grader failed
and there is no verdict.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from conv2attn.grading import Limits, grade, report
from conv2attn.grading.judge import GraderFailed

NO_SUBMISSION, NO_VERDICT = 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m conv2attn.grading", description="Grade a learner's notebook.")
    parser.add_argument("file", type=Path, help="the notebook with the answers")
    parser.add_argument(
        "--sources", type=Path, default=Path("exercises/sources"), help="folder of the exercises' sources"
    )
    parser.add_argument("--json", type=Path, help="also write the grade to this file")
    parser.add_argument(
        "--cpu-seconds", type=float, default=60.0, help="computing time for a cell or a call (default %(default)g)"
    )
    options = parser.parse_args(arguments)
    try:
        # The bar is for people: without a terminal it stays away, and the table says it all.
        with tqdm(desc=f"grading {options.file.name}", unit="cell", disable=None, leave=False) as bar:

            def ran(cells: int, total: int) -> None:
                bar.total = total
                bar.update(cells - bar.n)

            result = grade(options.file, options.sources, Limits(options.cpu_seconds), ran)
        if options.json:
            partial = options.json.with_name(options.json.name + ".tmp")
            text = json.dumps(report.as_json(result), indent=1, ensure_ascii=False) + "\n"
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, options.json)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return NO_SUBMISSION
    except GraderFailed as error:
        print(f"grader failed, no verdict: {error}", file=sys.stderr)
        return NO_VERDICT
    print(report.table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
