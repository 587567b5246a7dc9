"""One look for every picture of the course: colours, colour maps and small panels."""

from matplotlib.colors import LinearSegmentedColormap

# Sequential, for attention weights: light means none, dark blue means all.
WEIGHT_COLORS = ("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")
# Diverging, for signed values: orange is negative, purple positive; safe for the colour-blind.
SIGNED_COLORS = ("#b35806", "#f1a340", "#f7f7f7", "#998ec3", "#542788")

weight_cmap = LinearSegmentedColormap.from_list("weight", WEIGHT_COLORS)
signed_cmap = LinearSegmentedColormap.from_list("signed", SIGNED_COLORS)
