# %% wrong="flipped" fails=["toeplitz-rows", "toeplitz-border"] says="kernel flipped"
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for p in range(n):
        for t in range(len(kernel)):
            q = p - t + reach
            if 0 <= q < n:
                D[p, q] = kernel[t]
    return D


# %% wrong="transposed" fails=["toeplitz-rows", "toeplitz-border"] says="transposed"
# The answers to impulses are the columns of D, not its rows.
def toeplitz(kernel, n):
    impulses = torch.eye(n, dtype=kernel.dtype)[:, None]
    return F.conv1d(impulses, kernel[None, None], padding=len(kernel) // 2)[:, 0]


# %% wrong="wrapped" fails=["toeplitz-border"] says="wrapped round"
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for p in range(n):
        for t in range(len(kernel)):
            D[p, (p + t - reach) % n] += kernel[t]
    return D


# %% wrong="negative-index" fails=["toeplitz-rows", "toeplitz-border"] says="raises IndexError"
# Neither end is tested: on the left the index counts from the right, on the right it fails.
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for p in range(n):
        for t in range(len(kernel)):
            D[p, p + t - reach] = kernel[t]
    return D


# %% wrong="begins-on-the-diagonal" fails=["toeplitz-rows", "toeplitz-border"] says="begins at the diagonal"
def toeplitz(kernel, n):
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for p in range(n):
        for t in range(min(len(kernel), n - p)):
            D[p, p + t] = kernel[t]
    return D


# %% wrong="ends-on-the-diagonal" fails=["toeplitz-rows", "toeplitz-border"] says="ends at the diagonal"
# A causal convolution.
def toeplitz(kernel, n):
    p, q = torch.arange(n)[:, None], torch.arange(n)
    t = q - p + len(kernel) - 1
    inside = (t >= 0) & (t < len(kernel))
    return torch.where(inside, kernel[t.clamp(0, len(kernel) - 1)], 0)


# %% wrong="counted-from-one" fails=["toeplitz-rows", "toeplitz-border"] says="too far to the left"
def toeplitz(kernel, n):
    reach = len(kernel) // 2 + 1
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for p in range(n):
        for t in range(len(kernel)):
            if 0 <= p + t - reach < n:
                D[p, p + t - reach] = kernel[t]
    return D


# %% wrong="edge-repeated" fails=["toeplitz-border"] says="edge repeated"
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for p in range(n):
        for t in range(len(kernel)):
            D[p, min(max(p + t - reach, 0), n - 1)] += kernel[t]
    return D


# %% wrong="full-rows-only" fails=["toeplitz-rows", "toeplitz-border"] says="outputs at the border"
def toeplitz(kernel, n):
    rows = n - len(kernel) + 1
    D = torch.zeros(max(rows, 0), n, dtype=kernel.dtype)
    for p in range(rows):
        D[p, p : p + len(kernel)] = kernel
    return D


# %% wrong="padding-kept" fails=["toeplitz-rows", "toeplitz-border"] says="columns for the padding"
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    D = torch.zeros(n, n + 2 * reach, dtype=kernel.dtype)
    for p in range(n):
        D[p, p : p + len(kernel)] = kernel
    D[:, :reach] = D[:, n + reach :] = 0
    return D


# %% wrong="no-wide-kernels" fails=["toeplitz-border"] says="raises RuntimeError"
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for d in range(-reach, reach + 1):
        D += torch.diag(kernel[d + reach].expand(n - abs(d)), d)
    return D


# %% wrong="border-left-empty" fails=["toeplitz-border"] says="left empty"
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for p in range(reach, n - reach):
        D[p, p - reach : p + reach + 1] = kernel
    return D


# %% wrong="three-taps-only" fails=["toeplitz-rows", "toeplitz-border"] says="values differ"
def toeplitz(kernel, n):
    centre = len(kernel) // 2
    D = kernel[centre] * torch.eye(n, dtype=kernel.dtype)
    if n > 1:
        D.diagonal(1).fill_(kernel[-1])
        D.diagonal(-1).fill_(kernel[0])
    return D


# %% wrong="guarded-on-one-side" fails=["toeplitz-border"] says="a negative index counts from the right"
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for p in range(n):
        for t in range(len(kernel)):
            if p + t - reach < n:
                D[p, p + t - reach] = kernel[t]
    return D


# %% right="impulses"
def toeplitz(kernel, n):
    impulses = torch.eye(n, dtype=kernel.dtype)[:, None]
    return F.conv1d(impulses, kernel[None, None], padding=len(kernel) // 2)[:, 0].T


# %% right="by-name"
# A 0 behind the weights, for the entries without one.
def toeplitz(kernel, n):
    p, q = torch.arange(n)[:, None], torch.arange(n)
    tap = q - p + len(kernel) // 2
    name = torch.where((tap >= 0) & (tap < len(kernel)), tap, -1)
    return F.pad(kernel, (0, 1))[name]


# %% right="cut-from-wider-rows"
def toeplitz(kernel, n):
    reach = len(kernel) // 2
    wide = torch.zeros(n, n + 2 * reach, dtype=kernel.dtype)
    for p in range(n):
        wide[p, p : p + len(kernel)] = kernel
    return wide[:, reach : reach + n]


# %% right="diagonals"
def toeplitz(kernel, n):
    D = torch.zeros(n, n, dtype=kernel.dtype)
    for t, weight in enumerate(kernel):
        D.diagonal(t - len(kernel) // 2).fill_(weight)
    return D


# %% right="triangles"
def toeplitz(kernel, n):
    return sum(
        weight * torch.ones(n, n, dtype=kernel.dtype).triu(d).tril(d)
        for d, weight in enumerate(kernel, start=-(len(kernel) // 2))
    )


# %% right="scipy-in-float32"
def toeplitz(kernel, n):
    import numpy as np
    from scipy.linalg import toeplitz as by_diagonals

    padded = np.pad(kernel.numpy(), n)
    centre = n + len(kernel) // 2
    return torch.from_numpy(by_diagonals(padded[centre - np.arange(n)], padded[centre : centre + n])).float()


# %% right="the-package"
def toeplitz(kernel, n):
    import conv2attn

    conv = torch.nn.Conv1d(1, 1, len(kernel), padding=len(kernel) // 2, bias=False).double()
    conv.requires_grad_(False).weight.copy_(kernel[None, None])
    return conv2attn.dense_matrix(conv, n)
