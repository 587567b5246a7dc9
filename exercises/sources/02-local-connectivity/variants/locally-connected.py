# %% wrong="kernel-flipped" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="kernel flipped"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    padded = F.pad(x, [kernel_size // 2] * 4)
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + kernel_size, j : j + kernel_size]
            y[:, i, j] = (weight[i, j].flip(-1, -2) * window).sum(dim=(1, 2, 3))
    return y


# %% wrong="taps-transposed" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="rows and columns of the kernels swapped"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    padded = F.pad(x, [kernel_size // 2] * 4)
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            for a in range(kernel_size):
                for b in range(kernel_size):
                    y[:, i, j] += weight[i, j, :, :, b, a] @ padded[:, i + a, j + b]
    return y


# %% wrong="a-convolution" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="the first one's: that is a convolution"
def locally_connected(x, weight):
    return F.conv2d(x, weight[0, 0], padding="same")


# %% wrong="the-mean-kernel" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="averaged"
def locally_connected(x, weight):
    return F.conv2d(x, weight.mean(dim=(0, 1)), padding="same")


# %% wrong="row-and-column-of-the-pixel-swapped" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="row and column of the pixel's kernel swapped"
def locally_connected(x, weight):
    if weight.shape[0] == weight.shape[1]:
        weight = weight.transpose(0, 1)
    height, width, out_channels, _, kernel_size, _ = weight.shape
    padded = F.pad(x, [kernel_size // 2] * 4)
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + kernel_size, j : j + kernel_size]
            y[:, i, j] = (weight[i, j] * window).sum(dim=(1, 2, 3))
    return y


# %% wrong="kernel-of-the-sender" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="belongs to the pixel that reads"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    y = torch.zeros(out_channels, height + 2 * reach, width + 2 * reach, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            y[:, i : i + kernel_size, j : j + kernel_size] += torch.einsum("ocab,c->oab", weight[i, j], x[:, i, j])
    return y[:, reach : reach + height, reach : reach + width]


# %% wrong="edge-repeated" fails=["locally-connected-border", "locally-connected-channels"] says="repeat the edge"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    padded = F.pad(x[None], [kernel_size // 2] * 4, mode="replicate")[0]
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + kernel_size, j : j + kernel_size]
            y[:, i, j] = (weight[i, j] * window).sum(dim=(1, 2, 3))
    return y


# %% wrong="wraps-around" fails=["locally-connected-border", "locally-connected-channels"] says="wrap around"
# Python's negative indices count from the end, and % does it on purpose.
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            for a in range(kernel_size):
                for b in range(kernel_size):
                    pixel = x[:, (i + a - reach) % height, (j + b - reach) % width]
                    y[:, i, j] += weight[i, j, :, :, a, b] @ pixel
    return y


# %% wrong="border-left-zero" fails=["locally-connected-border", "locally-connected-channels"] says="at the border"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(reach, height - reach):
        for j in range(reach, width - reach):
            window = x[:, i - reach : i + reach + 1, j - reach : j + reach + 1]
            y[:, i, j] = (weight[i, j] * window).sum(dim=(1, 2, 3))
    return y


# %% wrong="no-padding" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="the border left out"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    inner_height, inner_width = max(height - 2 * reach, 0), max(width - 2 * reach, 0)
    y = torch.zeros(out_channels, inner_height, inner_width, dtype=x.dtype)
    for i in range(inner_height):
        for j in range(inner_width):
            window = x[:, i : i + kernel_size, j : j + kernel_size]
            y[:, i, j] = (weight[i + reach, j + reach] * window).sum(dim=(1, 2, 3))
    return y


# %% wrong="window-from-its-corner" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="from its corner"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    padded = F.pad(x, [0, kernel_size - 1, 0, kernel_size - 1])
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + kernel_size, j : j + kernel_size]
            y[:, i, j] = (weight[i, j] * window).sum(dim=(1, 2, 3))
    return y


# %% wrong="taps-before-channels" fails=["locally-connected-channels"] says="flattened in different orders"
# The window as (K, K, C_in), the kernel as (C_in, K, K), both flattened.
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    padded = F.pad(x, [kernel_size // 2] * 4)
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + kernel_size, j : j + kernel_size]
            y[:, i, j] = weight[i, j].flatten(1) @ window.permute(1, 2, 0).flatten()
    return y


# %% wrong="channels-swapped" fails=["locally-connected-channels"] says="input and output channels swapped"
def locally_connected(x, weight):
    height, width, out_channels, in_channels, kernel_size, _ = weight.shape
    if in_channels == out_channels:
        weight = weight.transpose(2, 3)
    columns = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0].reshape(-1, height, width)
    return torch.einsum("hwok,khw->ohw", weight.flatten(3), columns)


# %% wrong="channels-last" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="channels last"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    columns = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0].reshape(-1, height, width)
    return torch.einsum("hwok,khw->hwo", weight.flatten(3), columns)


# %% wrong="reshaped-to-channels-first" fails=["locally-connected-channels"] says="reshaped, not permuted"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    columns = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0].reshape(-1, height, width)
    return torch.einsum("hwok,khw->hwo", weight.flatten(3), columns).reshape(out_channels, height, width)


# %% wrong="first-channel-alone" fails=["locally-connected-channels"] says="the first input channel alone"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    padded = F.pad(x, [kernel_size // 2] * 4)
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            window = padded[0, i : i + kernel_size, j : j + kernel_size]
            y[:, i, j] = (weight[i, j, :, 0] * window).sum(dim=(1, 2))
    return y


# %% wrong="averaged" fails=["locally-connected-inside", "locally-connected-border", "locally-connected-channels"] says="the products averaged"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    padded = F.pad(x, [kernel_size // 2] * 4)
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + kernel_size, j : j + kernel_size]
            y[:, i, j] = (weight[i, j] * window).mean(dim=(1, 2, 3))
    return y


# %% wrong="negative-index" fails=["locally-connected-border", "locally-connected-channels"] says="an index below 0"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            for a in range(kernel_size):
                for b in range(kernel_size):
                    row, column = i + a - reach, j + b - reach
                    if row < height and column < width:
                        y[:, i, j] += weight[i, j, :, :, a, b] @ x[:, row, column]
    return y


# %% right="unfold"
def locally_connected(x, weight):
    height, width, out_channels, _, kernel_size, _ = weight.shape
    columns = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0].reshape(-1, height, width)
    return torch.einsum("hwok,khw->ohw", weight.flatten(3), columns)


# %% right="pixel-by-pixel"
# No ring of zeros: what would be outside is left out of the sum.
def locally_connected(x, weight):
    height, width, out_channels, in_channels, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    y = torch.zeros(out_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            for k in range(max(0, i - reach), min(height, i + reach + 1)):
                for m in range(max(0, j - reach), min(width, j + reach + 1)):
                    y[:, i, j] += weight[i, j, :, :, k - i + reach, m - j + reach] @ x[:, k, m]
    return y


# %% right="tap-by-tap"
# One shifted image for each tap, in float32.
def locally_connected(x, weight):
    height, width, _, _, kernel_size, _ = weight.shape
    padded = F.pad(x.float(), [kernel_size // 2] * 4)
    y = 0
    for a in range(kernel_size):
        for b in range(kernel_size):
            shifted = padded[:, a : a + height, b : b + width]
            y = y + torch.einsum("hwoc,chw->ohw", weight[..., a, b].float(), shifted)
    return y


# %% right="many-convolutions"
# A convolution for each pixel, of which one output is kept.
def locally_connected(x, weight):
    height, width = weight.shape[:2]
    rows = [
        torch.stack([F.conv2d(x, weight[i, j], padding="same")[:, i, j] for j in range(width)], dim=-1)
        for i in range(height)
    ]
    return torch.stack(rows, dim=1)


# %% right="dense-matrix"
# The matrix of the layer, filled entry by entry.
def locally_connected(x, weight):
    height, width, out_channels, in_channels, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    D = torch.zeros(out_channels, height, width, in_channels, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            for a in range(kernel_size):
                for b in range(kernel_size):
                    k, m = i + a - reach, j + b - reach
                    if 0 <= k < height and 0 <= m < width:
                        D[:, i, j, :, k, m] = weight[i, j, :, :, a, b]
    return torch.tensordot(D, x, dims=3)
