"""Figures: the colours are the ones promised, and bad input is named."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex

from conv2attn import figures


def test_show_draws_every_panel_on_its_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    figures.show(
        figures.weights("A", torch.eye(3)),
        figures.signed("y", torch.tensor([[-2.0, 1.0]]), numbers=True),
        figures.image("photo", torch.rand(3, 4, 4)),
        columns=2,
    )
    axes = [axis for axis in plt.gcf().axes if axis.images]
    assert [axis.get_title() for axis in axes] == ["A", "y", "photo"]
    assert axes[0].images[0].get_clim() == (0, 1)
    assert axes[1].images[0].get_clim() == (-2, 2)
    assert [text.get_text() for text in axes[1].texts] == ["-2", "1"]
    plt.close("all")


def test_curves_are_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    figures.curves([1, 2], {"measured": [1, 2], "bound": [2, 3]}, "alpha", "error", log=True)
    axis = plt.gca()
    assert [line.get_label() for line in axis.lines] == ["measured", "bound"]
    assert axis.get_yscale() == "log"
    plt.close("all")


def test_intervals_show_every_value_its_mean_and_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    groups = {"local": [1.0, 2.0, 6.0], "full": [0.0, -1.0]}
    ends = {"full": (-2.0, 1.0), "local": (0.5, 5.5)}  # found by name, not by place
    figures.intervals(groups, ends, "points lost")
    axis = plt.gca()
    drawn = [list(line.get_xdata()) for line in axis.lines]
    assert drawn == [[0.0, 0.0], [1, 2, 6], [0.5, 5.5], [3.0], [0, -1], [-2, 1], [-0.5]]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["local", "full"]
    assert axis.yaxis_inverted()  # the first group stands on top
    figures.intervals(groups, ends, "points lost", mark=None)
    assert len(plt.gca().lines) == len(drawn) - 1
    plt.close("all")


def test_colour_maps_end_in_the_named_colours() -> None:
    assert to_hex(figures.weight_cmap(1.0)) == figures.WEIGHT_COLORS[-1]
    assert to_hex(figures.signed_cmap(0.0)) == figures.SIGNED_COLORS[0]


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="at least one panel"):
        figures.show()
    with pytest.raises(ValueError, match=r"shape \(H, W\).*got \(4,\)"):
        figures.show(figures.signed("y", torch.ones(4)))
    with pytest.raises(ValueError, match="a value in each"):
        figures.intervals({"full": []}, {"full": (0, 1)}, "points lost")
    with pytest.raises(ValueError, match=r"each of \['full'\], got \['local'\]"):
        figures.intervals({"full": [1.0]}, {"local": (0, 1)}, "points lost")
    plt.close("all")
