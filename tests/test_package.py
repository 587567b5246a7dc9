"""The package as a whole: its public names, its examples, and what importing it costs."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import conv2attn

MODULES = [module.name for module in pkgutil.walk_packages(conv2attn.__path__, "conv2attn.") if "__main__" not in module.name]


def test_every_public_name_is_there() -> None:
    assert set(conv2attn._MODULES) == set(conv2attn.__all__) <= set(dir(conv2attn))
    for name in conv2attn.__all__:
        assert getattr(conv2attn, name).__name__ == name
        assert getattr(conv2attn, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'from_conf'"):
        conv2attn.from_conf


@pytest.mark.parametrize("name", ["conv2attn", *MODULES])
def test_examples_in_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    ("needed", "heavy"),
    [("engine", "torch"), ("remote", "nbformat"), ("keeper, conv2attn.grading.runner", "nbformat")],
    ids=["grader", "judge's kernel", "keeper"],
)
def test_a_process_of_the_grader_does_not_load_what_another_needs(needed: str, heavy: str) -> None:
    """Each takes most of a second to import, once a batch or once a command."""
    program = f"import conv2attn.grading.{needed}, sys; print('{heavy}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
