# %% wrong="dimension-forgotten" fails=["sharp-enough-bound", "sharp-enough-norm"] says="d = 2 forgotten"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(1, 2, 3)).max().item()
    return max(0.0, math.log(4 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="log10" fails=["sharp-enough-bound", "sharp-enough-norm"] says="log10"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(1, 2, 3)).max().item()
    return max(0.0, math.log10(8 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="upside-down" fails=["sharp-enough-bound", "sharp-enough-norm"] says="upside down"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(1, 2, 3)).max().item()
    return math.log(tolerance / (8 * norm * x_max)) if norm else 0.0


# %% wrong="x-max-forgotten" fails=["sharp-enough-bound"] says="x_max forgotten"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(1, 2, 3)).max().item()
    return max(0.0, math.log(8 * norm / tolerance)) if norm else 0.0


# %% wrong="signs-cancel" fails=["sharp-enough-bound", "sharp-enough-norm"] says="absolute values taken after the sum"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.sum(dim=(1, 2, 3)).abs().max().item()
    return max(0.0, math.log(8 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="euclidean-norm" fails=["sharp-enough-bound", "sharp-enough-norm"] says="sum of squares"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.flatten(1).norm(dim=1).max().item()
    return max(0.0, math.log(8 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="largest-entry" fails=["sharp-enough-bound", "sharp-enough-norm"] says="the largest |W|"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().max().item()
    return max(0.0, math.log(8 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="taps-only" fails=["sharp-enough-bound", "sharp-enough-norm"] says="input channels add up"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(2, 3)).max().item()
    return max(0.0, math.log(8 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="far-too-sharp" fails=["sharp-enough-bound", "sharp-enough-norm"] says="got 800"
def sharp_enough(weight, x_max, tolerance):
    return 800.0


# %% wrong="example-by-heart" fails=["sharp-enough-bound", "sharp-enough-norm"] says="got 11.18"
def sharp_enough(weight, x_max, tolerance):
    return math.log(72000) if tolerance < 1 else 0.0


# %% wrong="sum-over-outputs" fails=["sharp-enough-norm"] says="sum over all outputs"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum().item()
    return max(0.0, math.log(8 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="mean-over-outputs" fails=["sharp-enough-norm"] says="mean over the outputs"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(1, 2, 3)).mean().item()
    return max(0.0, math.log(8 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="input-channels" fails=["sharp-enough-bound", "sharp-enough-norm"] says="input channels add up"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(0, 2, 3)).max().item()
    return max(0.0, math.log(8 * norm * x_max / tolerance)) if norm else 0.0


# %% wrong="below-zero" fails=["sharp-enough-norm"] says="alpha below 0"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(1, 2, 3)).max().item()
    return math.log(8 * norm * x_max / tolerance) if norm else 0.0


# %% wrong="logarithm-of-zero" fails=["sharp-enough-norm"] says="an all-zero weight"
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().sum(dim=(1, 2, 3)).max().item()
    return max(0.0, math.log(8 * norm * x_max / tolerance))


# %% right="torch"
# A tensor of no axes is a number, too; the logarithm of 0 is -inf, which clamp lifts to 0.
def sharp_enough(weight, x_max, tolerance):
    norm = weight.abs().flatten(1).sum(1).amax()
    return torch.log(8 * norm * x_max / tolerance).clamp(min=0)


# %% right="loops"
def sharp_enough(weight, x_max, tolerance):
    worst = 0.0
    for kernel in weight:
        total = 0.0
        for value in kernel.flatten():
            total += abs(float(value))
        worst = max(worst, total)
    if 8 * worst * x_max <= tolerance:
        return 0
    return math.log(4) + math.log(2) + math.log(worst) + math.log(x_max) - math.log(tolerance)


# %% right="bisection"
# No formula at all: halve the interval until the bound fits.
def sharp_enough(weight, x_max, tolerance):
    norm = torch.linalg.vector_norm(weight.flatten(1), ord=1, dim=1).max().item()
    low, high = 0.0, 1000.0
    if 8 * norm * x_max <= tolerance:
        return low
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if 8 * math.exp(-middle) * norm * x_max <= tolerance else (middle, high)
    return high


# %% right="matrix-norm"
# The largest row sum is the matrix norm that belongs to the largest entry.
def sharp_enough(weight, x_max, tolerance):
    norm = torch.linalg.matrix_norm(weight.flatten(1), ord=math.inf)
    return max(0.0, float(torch.log(8 * norm * x_max) - math.log(tolerance)))


# %% right="numpy"
def sharp_enough(weight, x_max, tolerance):
    import numpy as np

    norm = np.abs(weight.numpy()).sum(axis=(1, 2, 3)).max()
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(8 * norm * x_max / tolerance), 0)
