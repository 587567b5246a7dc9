"""Grading a class: `collect` finds the submissions, `run` grades them, `outputs` writes what comes of it."""
