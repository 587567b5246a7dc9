# %% wrong="sum" fails=["nearest-kernel-shared", "nearest-kernel-mean", "nearest-kernel-wide"] says="the sum over the copies"
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    D = D.reshape(height, width, height, width)
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            for row in range(height):
                for column in range(width):
                    to_row, to_column = row + i - reach, column + j - reach
                    if 0 <= to_row < height and 0 <= to_column < width:
                        weight[i, j] += D[row, column, to_row, to_column]
    return weight


# %% wrong="divided-by-the-pixels" fails=["nearest-kernel-shared", "nearest-kernel-mean", "nearest-kernel-wide"] says="divided by the number of pixels"
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    D = D.reshape(height, width, height, width)
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            for row in range(height):
                for column in range(width):
                    to_row, to_column = row + i - reach, column + j - reach
                    if 0 <= to_row < height and 0 <= to_column < width:
                        weight[i, j] += D[row, column, to_row, to_column]
    return weight / (height * width)


# %% wrong="flipped" fails=["nearest-kernel-shared", "nearest-kernel-mean", "nearest-kernel-wide"] says="kernel flipped"
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    D = D.T.reshape(height, width, height, width)
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            copies = [
                D[row, column, row + i - reach, column + j - reach]
                for row in range(height)
                for column in range(width)
                if 0 <= row + i - reach < height and 0 <= column + j - reach < width
            ]
            weight[i, j] = sum(copies) / max(len(copies), 1)
    return weight


# %% wrong="taps-swapped" fails=["nearest-kernel-shared", "nearest-kernel-mean", "nearest-kernel-wide"] says="rows and columns of the kernel"
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    D = D.reshape(height, width, height, width)
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            copies = [
                D[row, column, row + i - reach, column + j - reach]
                for row in range(height)
                for column in range(width)
                if 0 <= row + i - reach < height and 0 <= column + j - reach < width
            ]
            weight[j, i] = sum(copies) / max(len(copies), 1)
    return weight


# %% wrong="size-swapped" fails=["nearest-kernel-shared", "nearest-kernel-mean", "nearest-kernel-wide"] says="size read as (W, H)"
def nearest_kernel(D, size, kernel_size):
    (width, height), reach = size, kernel_size // 2
    D = D.reshape(height, width, height, width)
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            copies = [
                D[row, column, row + i - reach, column + j - reach]
                for row in range(height)
                for column in range(width)
                if 0 <= row + i - reach < height and 0 <= column + j - reach < width
            ]
            weight[i, j] = sum(copies) / max(len(copies), 1)
    return weight


# %% wrong="whole-diagonals" fails=["nearest-kernel-shared", "nearest-kernel-mean", "nearest-kernel-wide"] says="join the end of one image row"
def nearest_kernel(D, size, kernel_size):
    width, reach = size[1], kernel_size // 2
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            offset = (i - reach) * width + j - reach
            if abs(offset) < len(D):
                weight[i, j] = D.diagonal(offset).mean()
    return weight


# %% wrong="diagonals-without-zeros" fails=["nearest-kernel-mean", "nearest-kernel-wide"] says="join the end of one image row"
# Right where D already is a convolution: there the entries in between are 0.
def nearest_kernel(D, size, kernel_size):
    width, reach = size[1], kernel_size // 2
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            offset = (i - reach) * width + j - reach
            if abs(offset) < len(D):
                values = D.diagonal(offset)
                if values.any():
                    weight[i, j] = values[values != 0].mean()
    return weight


# %% wrong="median" fails=["nearest-kernel-mean", "nearest-kernel-wide"] says="the median"
# The nearest in the sum of absolute values, not of squares.
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    D = D.reshape(height, width, height, width)
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            copies = [
                D[row, column, row + i - reach, column + j - reach]
                for row in range(height)
                for column in range(width)
                if 0 <= row + i - reach < height and 0 <= column + j - reach < width
            ]
            if copies:
                weight[i, j] = torch.stack(copies).quantile(0.5)
    return weight


# %% wrong="middle-pixel-alone" fails=["nearest-kernel-mean", "nearest-kernel-wide"] says="the row of one pixel alone"
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    row = D.reshape(height, width, height, width)[height // 2, width // 2]
    start = reach - height // 2, reach - width // 2
    ringed = F.pad(row, [kernel_size] * 4)
    top, left = kernel_size - start[0], kernel_size - start[1]
    return ringed[top : top + kernel_size, left : left + kernel_size]


# %% wrong="full-windows-only" fails=["nearest-kernel-mean", "nearest-kernel-wide"] says="only the outputs whose whole window"
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    D = D.reshape(height, width, height, width)
    windows = [
        D[row, column, row - reach : row + reach + 1, column - reach : column + reach + 1]
        for row in range(reach, height - reach)
        for column in range(reach, width - reach)
    ]
    if not windows:
        return torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    return torch.stack(windows).mean(0)


# %% wrong="nan-without-copies" fails=["nearest-kernel-wide"] says="nan"
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    D = D.reshape(height, width, height, width)
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            copies = [
                D[row, column, row + i - reach, column + j - reach]
                for row in range(height)
                for column in range(width)
                if 0 <= row + i - reach < height and 0 <= column + j - reach < width
            ]
            weight[i, j] = torch.tensor(copies, dtype=D.dtype).mean()
    return weight


# %% wrong="wrapped-round" fails=["nearest-kernel-shared", "nearest-kernel-mean", "nearest-kernel-wide"] says="divided by the number of pixels"
# On a convolution it is the sum over the copies, divided by the number of pixels: what comes round is 0.
def nearest_kernel(D, size, kernel_size):
    pixels = torch.arange(len(D))
    reach = kernel_size // 2
    weight = torch.zeros(kernel_size, kernel_size, dtype=D.dtype)
    for i in range(kernel_size):
        for j in range(kernel_size):
            q = pixels.reshape(size).roll((reach - i, reach - j), (0, 1)).flatten()
            weight[i, j] = D[pixels, q].mean()
    return weight


# %% right="slices"
def nearest_kernel(D, size, kernel_size):
    (height, width), reach = size, kernel_size // 2
    D = D.reshape(height, width, height, width)
    weight = D.new_zeros(kernel_size, kernel_size)
    for i in range(-min(reach, height - 1), min(reach, height - 1) + 1):
        for j in range(-min(reach, width - 1), min(reach, width - 1) + 1):
            # Rows first, then columns: the diagonal of a diagonal.
            weight[i + reach, j + reach] = D.diagonal(i, 0, 2).diagonal(j, 0, 1).mean()
    return weight


# %% right="least-squares"
# No thinking about means: project onto the matrices of the K² taps.
def nearest_kernel(D, size, kernel_size):
    num_pixels = size[0] * size[1]
    impulses = torch.eye(num_pixels, dtype=D.dtype).reshape(num_pixels, 1, *size)
    taps = torch.eye(kernel_size**2, dtype=D.dtype).reshape(-1, 1, kernel_size, kernel_size)
    columns = F.conv2d(impulses, taps, padding=kernel_size // 2)  # (q, tap, row of p, column of p)
    basis = columns.flatten(2).permute(2, 0, 1).flatten(0, 1)  # ((p, q), tap)
    return (torch.linalg.pinv(basis) @ D.flatten()).reshape(kernel_size, kernel_size)


# %% right="counted-by-index-add-in-float32"
def nearest_kernel(D, size, kernel_size):
    reach = kernel_size // 2
    pixel = torch.cartesian_prod(*map(torch.arange, size))
    delta = pixel - pixel[:, None] + reach
    near = ((delta >= 0) & (delta < kernel_size)).all(-1)
    name = (delta[..., 0] * kernel_size + delta[..., 1])[near]
    total = torch.zeros(kernel_size**2).index_add(0, name, D[near].float())
    copies = torch.bincount(name, minlength=kernel_size**2)
    return torch.where(copies > 0, total / copies, 0).reshape(kernel_size, kernel_size)


# %% right="the-package"
def nearest_kernel(D, size, kernel_size):
    import conv2attn

    conv = torch.nn.Conv2d(1, 1, kernel_size, padding=kernel_size // 2, bias=False).double()
    index = conv2attn.weight_index(conv, size)
    return torch.stack(
        [D[index == t].mean() if (index == t).any() else D.new_zeros(()) for t in range(kernel_size**2)]
    ).reshape(kernel_size, kernel_size)


# %% right="gradient-descent-finds-it"
# The sum of squares is smallest where its gradient is 0; one Newton step from anywhere gets there.
def nearest_kernel(D, size, kernel_size):
    num_pixels = size[0] * size[1]
    impulses = torch.eye(num_pixels, dtype=D.dtype).reshape(num_pixels, 1, *size)
    weight = torch.zeros(1, 1, kernel_size, kernel_size, dtype=D.dtype, requires_grad=True)
    matrix = F.conv2d(impulses, weight, padding=kernel_size // 2).flatten(1).T
    (slope,) = torch.autograd.grad((D - matrix).square().sum() / 2, weight, retain_graph=True)
    ones = torch.ones_like(weight, requires_grad=True)
    matrix = F.conv2d(impulses, ones, padding=kernel_size // 2).flatten(1).T
    (copies,) = torch.autograd.grad(matrix.sum(), ones)
    return (-slope / copies.clamp(min=1))[0, 0]
