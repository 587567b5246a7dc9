# %% wrong="inverse" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="the inverse order"
def permuted_layer(D, order):
    return D.reshape(len(D), -1, len(order))[:, :, order.argsort()].flatten(1)


# %% wrong="scattered" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="the inverse order"
def permuted_layer(D, order):
    blocks = D.reshape(len(D), -1, len(order))
    moved = torch.empty_like(blocks)
    moved[:, :, order] = blocks
    return moved.flatten(1)


# %% wrong="one-block" fails=["permuted-layer-channels"] says="one block of columns alone"
def permuted_layer(D, order):
    return D[:, order]


# %% wrong="pixel-by-pixel" fails=["permuted-layer-channels"] says="flattened channel by channel"
def permuted_layer(D, order):
    return D.reshape(len(D), len(order), -1)[:, order].flatten(1)


# %% wrong="first-channel-alone" fails=["permuted-layer-channels"] says="first channel's columns alone"
def permuted_layer(D, order):
    moved = D.clone()
    moved[:, : len(order)] = D[:, order]
    return moved


# %% wrong="rows-moved" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="it is the input that is scrambled"
def permuted_layer(D, order):
    if len(D) % len(order):
        return D
    return D.reshape(-1, len(order), D.shape[1])[:, order].reshape(D.shape)


# %% wrong="rows-and-columns-moved" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="the output is not scrambled"
def permuted_layer(D, order):
    moved = D.reshape(len(D), -1, len(order))[:, :, order].flatten(1)
    if len(D) % len(order):
        return moved
    return moved.reshape(-1, len(order), D.shape[1])[:, order].reshape(D.shape)


# %% wrong="left-as-it-is" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="nothing moved"
def permuted_layer(D, order):
    return D


# %% wrong="the-permutation-matrix-on-both-sides" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="the output is not scrambled"
def permuted_layer(D, order):
    P = torch.eye(len(order), dtype=D.dtype)[order]
    return P @ D @ P.T


# %% wrong="transposed" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="expected"
def permuted_layer(D, order):
    return D.reshape(len(D), -1, len(order))[:, :, order].flatten(1).T


# %% wrong="example-by-heart" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="expected shape (5, 5), got (1, 3)"
def permuted_layer(D, order):
    return torch.tensor([[3, 1, 2]])


# %% wrong="columns-overwritten" fails=["permuted-layer-one-channel", "permuted-layer-channels"] says="overwritten before"
def permuted_layer(D, order):
    blocks = D.reshape(len(D), -1, len(order))
    for j in range(len(order)):
        blocks[:, :, j] = blocks[:, :, order[j]]
    return blocks.flatten(1)


# %% right="column-by-column"
def permuted_layer(D, order):
    pixels = len(order)
    moved = torch.zeros_like(D)
    for column in range(D.shape[1]):
        channel, j = divmod(column, pixels)
        moved[:, column] = D[:, channel * pixels + int(order[j])]
    return moved


# %% right="permutation-matrix"
# P x is x[order], and the inverse of P is its transpose.
def permuted_layer(D, order):
    P = torch.eye(len(order), dtype=D.dtype)[order]
    channels = D.shape[1] // len(order)
    return D @ torch.block_diag(*[P] * channels).T


# %% right="a-long-order"
def permuted_layer(D, order):
    starts = torch.arange(0, D.shape[1], len(order))
    return D[:, (starts[:, None] + order).flatten()]


# %% right="gather"
def permuted_layer(D, order):
    blocks = D.unflatten(1, (-1, len(order)))
    return torch.gather(blocks, 2, order.expand_as(blocks)).flatten(1)


# %% right="in-pieces-and-in-float32"
def permuted_layer(D, order):
    return torch.cat([block.index_select(1, order) for block in D.float().split(len(order), dim=1)], dim=1)
