# %% wrong="flipped" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="q - p, not p - q"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[:, None] - position[None, :]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:, row, column]


# %% wrong="negative-index" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="counts from the end"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0]
    column = delta[..., 1]
    return table[:, row, column]


# %% wrong="middle-of-the-image" fails=["bias-matrix-larger"] says="this table is larger"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + size[0] - 1
    column = delta[..., 1] + size[1] - 1
    return table[:, row, column]


# %% wrong="absolute-offsets" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="|δ| in place of δ"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = (position[None, :] - position[:, None]).abs()
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:, row, column]


# %% wrong="offsets-exchanged" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="your code raises"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 1] + table.shape[1] // 2
    column = delta[..., 0] + table.shape[2] // 2
    return table[:, row, column]


# %% wrong="down-the-columns" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="tokens numbered down the columns"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[1]), torch.arange(size[0])).flip(1)
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:, row, column]


# %% wrong="width-by-height" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="your code raises"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[1]), torch.arange(size[0]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:, row, column]


# %% wrong="stride-of-the-image" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="is S numbers, not W"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    flat = table.flatten(1)
    return flat[:, delta[..., 0] * size[1] + delta[..., 1] + flat.shape[1] // 2]


# %% wrong="along-the-tokens" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="is S numbers, not W"
def bias_matrix(table, size):
    token = torch.arange(size[0] * size[1])
    flat = table.flatten(1)
    return flat[:, token[None, :] - token[:, None] + flat.shape[1] // 2]


# %% wrong="rows-alone" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="the columns' offset forgotten"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:, row, table.shape[2] // 2]


# %% wrong="first-head-alone" fails=["bias-matrix-heads", "bias-matrix-larger"] says="first head's table for all"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:1, row, column].expand(len(table), -1, -1)


# %% wrong="heads-last" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="the heads come first"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:, row, column].movedim(0, -1)


# %% wrong="one-head-without-axis" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="axis of heads is missing"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[0, row, column]


# %% wrong="softmax-taken" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="softmax already taken"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:, row, column].softmax(dim=-1)


# %% wrong="one-too-far" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="one less than yours"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + (table.shape[1] + 1) // 2
    column = delta[..., 1] + (table.shape[2] + 1) // 2
    return table[:, row % table.shape[1], column % table.shape[2]]


# %% wrong="index-too-large" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="your code raises IndexError"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + size[0]
    column = delta[..., 1] + size[1]
    return table[:, row, column]


# %% wrong="table-cut-at-the-corner" fails=["bias-matrix-larger"] says="this table is larger"
def bias_matrix(table, size):
    table = table[:, : 2 * size[0] - 1, : 2 * size[1] - 1]
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return table[:, row, column]


# %% wrong="one-index-for-both" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="a middle each, not both R // 2"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[1] // 2
    return table[:, row, column % table.shape[2]]


# %% wrong="all-zero" fails=["bias-matrix-values", "bias-matrix-heads", "bias-matrix-larger"] says="got 0"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None, :] - position[:, None]
    row = delta[..., 0] + table.shape[1] // 2
    column = delta[..., 1] + table.shape[2] // 2
    return 0 * table[:, row, column]


# %% right="loops"
def bias_matrix(table, size):
    height, width = size
    n = height * width
    B = torch.zeros(len(table), n, n, dtype=table.dtype)
    for p in range(n):
        for q in range(n):
            i, j = q // width - p // width, q % width - p % width
            B[:, p, q] = table[:, i + table.shape[1] // 2, j + table.shape[2] // 2]
    return B


# %% right="flattened-table"
# One number for a position, wide enough for the table.
def bias_matrix(table, size):
    heads, rows, columns = table.shape
    i, j = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    token = (i * columns + j).flatten()
    index = token - token[:, None] + (rows * columns) // 2
    return table.flatten(1)[:, index]


# %% right="gather"
def bias_matrix(table, size):
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position - position[:, None] + torch.tensor(table.shape[1:]) // 2
    index = (delta[..., 0] * table.shape[2] + delta[..., 1]).flatten()
    n = len(position)
    return table.reshape(len(table), -1).gather(1, index.expand(len(table), -1)).reshape(-1, n, n)


# %% right="windows-of-the-flipped-table"
# What a pixel sees is a window of the table.
def bias_matrix(table, size):
    height, width = size
    middle_row, middle_column = table.shape[1] // 2, table.shape[2] // 2
    rows = []
    for i in range(height):
        for j in range(width):
            window = table[
                :, middle_row - i : middle_row - i + height, middle_column - j : middle_column - j + width
            ]
            rows.append(window.flatten(1))
    return torch.stack(rows, dim=1)


# %% right="one-hot"
def bias_matrix(table, size):
    heads, rows, columns = table.shape
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    delta = position[None] - position[:, None]
    row = F.one_hot(delta[..., 0] + rows // 2, rows).to(table.dtype)
    column = F.one_hot(delta[..., 1] + columns // 2, columns).to(table.dtype)
    return torch.einsum("pqr,pqs,hrs->hpq", row, column, table)
