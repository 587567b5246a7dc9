# %% wrong="delta-reversed" fails=["tap-logits-values", "tap-logits-aim"] says="wrong sign"
def tap_logits(size, shift, alpha):
    height, width = size
    position = torch.cartesian_prod(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64)
    )
    delta = position[:, None] - position[None, :]  # query - key
    r = torch.cat([delta.square().sum(-1, keepdim=True), delta], dim=-1)
    v = -alpha * torch.tensor([1, -2 * shift[0], -2 * shift[1]], dtype=torch.float64)
    return r @ v


# %% wrong="keys-in-rows" fails=["tap-logits-values", "tap-logits-aim"] says="wrong sign"
def tap_logits(size, shift, alpha):
    height, width = size
    n = height * width
    logits = torch.zeros(n, n, dtype=torch.float64)
    for q in range(n):
        for p in range(n):
            row, column = q // width - p // width, q % width - p % width
            logits[q, p] = -alpha * (row**2 + column**2 - 2 * row * shift[0] - 2 * column * shift[1])
    return logits


# %% wrong="signs-in-v" fails=["tap-logits-values", "tap-logits-aim"] says="wrong sign"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position[None, :] - position[:, None]
    r = torch.cat([delta.square().sum(-1, keepdim=True), delta], dim=-1)
    v = -alpha * torch.tensor([1, 2 * shift[0], 2 * shift[1]], dtype=torch.float64)
    return r @ v


# %% wrong="repelled" fails=["tap-logits-values", "tap-logits-aim"] says="farthest pixel"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position[None, :] - position[:, None]
    r = torch.cat([delta.square().sum(-1, keepdim=True), delta], dim=-1)
    return r @ (alpha * torch.tensor([1, -2 * shift[0], -2 * shift[1]], dtype=torch.float64))


# %% wrong="shift-swapped" fails=["tap-logits-values", "tap-logits-aim"] says="rows and columns of the shift swapped"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position[None, :] - position[:, None]
    r = torch.cat([delta.square().sum(-1, keepdim=True), delta], dim=-1)
    x, y = shift
    return r @ (-alpha * torch.tensor([1, -2 * y, -2 * x], dtype=torch.float64))


# %% wrong="width-by-height" fails=["tap-logits-values", "tap-logits-aim"] says="W × H"
def tap_logits(size, shift, alpha):
    width, height = size
    position = torch.cartesian_prod(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64)
    )
    delta = position[None, :] - position[:, None]
    return -alpha * (delta.square().sum(-1) - 2 * delta @ torch.tensor(shift, dtype=torch.float64))


# %% wrong="down-the-columns" fails=["tap-logits-values", "tap-logits-aim"] says="down the columns"
def tap_logits(size, shift, alpha):
    height, width = size
    column, row = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="ij")
    position = torch.stack([row.flatten(), column.flatten()], dim=-1).double()
    delta = position[None, :] - position[:, None]
    return -alpha * (delta.square().sum(-1) - 2 * delta @ torch.tensor(shift, dtype=torch.float64))


# %% wrong="square-images-only" fails=["tap-logits-values", "tap-logits-aim"] says="expected shape (12, 12), got (9, 9)"
def tap_logits(size, shift, alpha):
    axis = torch.arange(size[0], dtype=torch.float64)
    position = torch.cartesian_prod(axis, axis)
    delta = position[None, :] - position[:, None]
    return -alpha * (delta.square().sum(-1) - 2 * delta @ torch.tensor(shift, dtype=torch.float64))


# %% wrong="absolute-positions" fails=["tap-logits-values", "tap-logits-aim"] says="own position"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    r = torch.cat([position.square().sum(-1, keepdim=True), position], dim=-1)
    v = -alpha * torch.tensor([1, -2 * shift[0], -2 * shift[1]], dtype=torch.float64)
    return (r @ v).repeat(len(position), 1)


# %% wrong="half-way" fails=["tap-logits-values", "tap-logits-aim"] says="factor 2"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position[None, :] - position[:, None]
    return -alpha * (delta.square().sum(-1) - delta @ torch.tensor(shift, dtype=torch.float64))


# %% wrong="root-of-the-distance" fails=["tap-logits-values", "tap-logits-aim"] says="‖δ‖ in place of"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position[None, :] - position[:, None]
    r = torch.cat([delta.norm(dim=-1, keepdim=True), delta], dim=-1)
    return r @ (-alpha * torch.tensor([1, -2 * shift[0], -2 * shift[1]], dtype=torch.float64))


# %% wrong="linear-encoding" fails=["tap-logits-values", "tap-logits-aim"] says="past the image's edge"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position[None, :] - position[:, None]
    return 2 * alpha * (delta @ torch.tensor(shift, dtype=torch.float64))


# %% wrong="all-zero" fails=["tap-logits-values", "tap-logits-aim"] says="got 0"
def tap_logits(size, shift, alpha):
    n = size[0] * size[1]
    return torch.zeros(n, n, dtype=torch.float64)


# %% wrong="example-by-heart" fails=["tap-logits-values", "tap-logits-aim"] says="expected shape"
def tap_logits(size, shift, alpha):
    return torch.tensor([[0.0, 1, 0], [-3, 0, 1], [-8, -3, 0]], dtype=torch.float64)


# %% wrong="alpha-forgotten" fails=["tap-logits-values"] says="alpha forgotten"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position[None, :] - position[:, None]
    return -(delta.square().sum(-1) - 2 * delta @ torch.tensor(shift, dtype=torch.float64))


# %% wrong="softmax-taken" fails=["tap-logits-values"] says="softmax already taken"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position[None, :] - position[:, None]
    logits = -alpha * (delta.square().sum(-1) - 2 * delta @ torch.tensor(shift, dtype=torch.float64))
    return logits.softmax(dim=-1)


# %% wrong="float32" fails=["tap-logits-values"] says="expected dtype torch.float64, got torch.float32"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n) for n in size)).float()
    delta = position[None, :] - position[:, None]
    return -alpha * (delta.square().sum(-1) - 2 * delta @ torch.tensor(shift).float())


# %% right="loops"
def tap_logits(size, shift, alpha):
    height, width = size
    logits = torch.empty(height * width, height * width, dtype=torch.float64)
    for p in range(height * width):
        for q in range(height * width):
            row = q // width - p // width
            column = q % width - p % width
            logits[p, q] = -alpha * (row**2 + column**2) + 2 * alpha * (row * shift[0] + column * shift[1])
    return logits


# %% right="einsum"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    delta = position.unsqueeze(0) - position.unsqueeze(1)
    length = torch.einsum("pqi,pqi->pq", delta, delta)
    ahead = torch.einsum("pqi,i->pq", delta, torch.tensor(shift).double())
    return alpha * (2 * ahead - length)


# %% right="square-completed"
# The same up to alpha‖Δ‖² in every row, which softmax does not see.
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    target = position + torch.tensor(shift, dtype=torch.float64)
    return -alpha * (position[None, :] - target[:, None]).square().sum(-1)


# %% right="distances-by-cdist"
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    target = position + torch.tensor(shift, dtype=torch.float64)
    return -alpha * torch.cdist(target, position) ** 2


# %% right="one-axis-at-a-time"
def tap_logits(size, shift, alpha):
    def along(length, step):
        axis = torch.arange(length, dtype=torch.float64)
        return -alpha * ((axis - axis[:, None]) ** 2 - 2 * step * (axis - axis[:, None]))

    rows, columns = along(size[0], shift[0]), along(size[1], shift[1])
    n = size[0] * size[1]
    return (rows[:, None, :, None] + columns[None, :, None, :]).reshape(n, n)


# %% right="numpy"
def tap_logits(size, shift, alpha):
    import numpy as np

    row, column = np.indices(size).reshape(2, -1)
    dr, dc = row[None] - row[:, None], column[None] - column[:, None]
    print("N =", len(row))  # a learner's print, which no check minds
    return torch.from_numpy(-alpha * (dr**2 + dc**2 - 2.0 * dr * shift[0] - 2.0 * dc * shift[1]))


# %% right="queries-and-keys"
# Plain dot products of absolute coordinates: the square, expanded.
def tap_logits(size, shift, alpha):
    position = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    one = torch.ones(len(position), 1, dtype=torch.float64)
    target = position + torch.tensor(shift, dtype=torch.float64)
    query = torch.cat([2 * target, -one], dim=1)
    key = torch.cat([position, position.square().sum(1, keepdim=True)], dim=1)
    return alpha * query @ key.T
