"""The last line that the author of a broken book reads."""

from book import first_problem


def test_a_failed_cell_is_named_with_its_exception() -> None:
    lines = [
        "reading sources... [100%] chapters/08",
        "chapters/08.md: WARNING: Executing notebook failed: CellExecutionError",
        "nbclient.exceptions.CellExecutionError: An error occurred while executing the following cell:",
        "NameError: name 'windo' is not defined",
        "chapters/09.md: WARNING: undefined label: eq-lin",
        "ValueError: of another chapter",
    ]
    assert first_problem(lines) == (
        "chapters/08.md: WARNING: Executing notebook failed: CellExecutionError: "
        "NameError: name 'windo' is not defined (and 1 more above)"
    )


def test_a_warning_stands_alone() -> None:
    assert first_problem(["a.md:3: ERROR: Unknown directive"]) == "a.md:3: ERROR: Unknown directive"
    assert "what it said last is above" in first_problem(["Segmentation fault"])
