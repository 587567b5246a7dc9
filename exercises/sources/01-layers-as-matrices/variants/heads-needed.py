# %% wrong="rank-of-D" fails=["heads-needed-sums", "heads-needed-layers"] says="each side still holds pixels with channels"
def heads_needed(D, in_channels, out_channels):
    return int(torch.linalg.matrix_rank(D))


# %% wrong="channel-by-channel" fails=["heads-needed-sums", "heads-needed-layers"] says="tokens lie pixel by pixel"
# The chapter's own rearrangement, for a layer on images.
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    blocks = D.reshape(out_channels, n_out, in_channels, n_in)
    R = blocks.permute(1, 3, 2, 0).reshape(n_out * n_in, -1)
    return int(torch.linalg.matrix_rank(R))


# %% wrong="reshape-alone" fails=["heads-needed-sums", "heads-needed-layers"] says="its axes not moved first"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    return int(torch.linalg.matrix_rank(D.reshape(n_out * n_in, in_channels * out_channels)))


# %% wrong="channels-of-input-and-output-swapped" fails=["heads-needed-sums", "heads-needed-layers"] says="raises RuntimeError"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // in_channels, D.shape[1] // out_channels
    R = D.reshape(n_out, in_channels, n_in, out_channels).transpose(1, 2).reshape(n_out * n_in, -1)
    return int(torch.linalg.matrix_rank(R))


# %% wrong="pixels-with-channels" fails=["heads-needed-sums", "heads-needed-layers"] says="each side still holds pixels with channels"
# (p, c) against (o, q): both groups hold a letter of A and a letter of W.
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    R = D.reshape(n_out, out_channels, n_in, in_channels).permute(0, 3, 1, 2)
    return int(torch.linalg.matrix_rank(R.reshape(n_out * in_channels, -1)))


# %% wrong="all-pairs-of-channels" fails=["heads-needed-sums", "heads-needed-layers"] says="one head for each pair of channels"
def heads_needed(D, in_channels, out_channels):
    return in_channels * out_channels


# %% wrong="pairs-that-meet" fails=["heads-needed-sums", "heads-needed-layers"] says="pairs with the same block share one"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    blocks = D.reshape(n_out, out_channels, n_in, in_channels).abs().sum(dim=(1, 3))
    return int((blocks > 1e-9).sum())


# %% wrong="different-blocks" fails=["heads-needed-sums", "heads-needed-layers"] says="a block may be a sum of others"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    R = D.reshape(n_out, out_channels, n_in, in_channels).permute(0, 2, 1, 3).reshape(n_out * n_in, -1)
    R = R.round(decimals=9).unique(dim=0)
    return int(R.any(dim=1).sum())


# %% wrong="rounding-counted" fails=["heads-needed-sums"] says="only rounding"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    R = D.reshape(n_out, out_channels, n_in, in_channels).permute(0, 2, 1, 3).reshape(n_out * n_in, -1)
    if torch.equal(R, R.round()):
        return int(torch.linalg.matrix_rank(R))
    return int((torch.linalg.svdvals(R) > 0).sum())


# %% wrong="at-least-one" fails=["heads-needed-layers"] says="this layer is zero and needs none"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    R = D.reshape(n_out, out_channels, n_in, in_channels).permute(0, 2, 1, 3).reshape(n_out * n_in, -1)
    return max(1, int(torch.linalg.matrix_rank(R)))


# %% wrong="full-size" fails=["heads-needed-sums", "heads-needed-layers"] says="expected 1, got 12"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    return min(n_out * n_in, in_channels * out_channels)


# %% wrong="square-only" fails=["heads-needed-sums", "heads-needed-layers"] says="raises RuntimeError"
def heads_needed(D, in_channels, out_channels):
    n = D.shape[0] // out_channels
    R = D.reshape(n, out_channels, n, in_channels).permute(0, 2, 1, 3).reshape(n * n, -1)
    return int(torch.linalg.matrix_rank(R))


# %% wrong="the-matrix-not-its-rank" fails=["heads-needed-sums", "heads-needed-layers"] says="expected a number"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    return D.reshape(n_out, out_channels, n_in, in_channels).permute(0, 2, 1, 3).reshape(n_out * n_in, -1)


# %% wrong="every-singular-value" fails=["heads-needed-sums", "heads-needed-layers"] says="only rounding"
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    blocks = D.reshape(n_out, out_channels, n_in, in_channels)
    R = blocks.permute(0, 2, 1, 3).reshape(n_out * n_in, -1)
    return int((torch.linalg.svdvals(R) != 0).sum())


# %% right="einsum-and-singular-values"
def heads_needed(D, in_channels, out_channels):
    D = D.unflatten(0, (-1, out_channels)).unflatten(2, (-1, in_channels))
    R = torch.einsum("poqc->copq", D).flatten(0, 1).flatten(1)
    S = torch.linalg.svdvals(R)
    return int((S > 1e-9 * S.max()).sum())


# %% right="loops"
def heads_needed(D, in_channels, out_channels):
    rows = []
    for p in range(0, D.shape[0], out_channels):
        for q in range(0, D.shape[1], in_channels):
            rows.append(D[p : p + out_channels, q : q + in_channels].flatten())
    return torch.linalg.matrix_rank(torch.stack(rows))


# %% right="numpy"
def heads_needed(D, in_channels, out_channels):
    import numpy as np

    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    R = D.numpy().reshape(n_out, out_channels, n_in, in_channels).swapaxes(1, 2)
    return np.linalg.matrix_rank(R.reshape(n_out * n_in, -1))


# %% right="peeling"
# One head after another: take the pair of pixels with the largest block, and remove its part from all others.
def heads_needed(D, in_channels, out_channels):
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    R = D.reshape(n_out, out_channels, n_in, in_channels).permute(0, 2, 1, 3).reshape(n_out * n_in, -1)
    heads, small = 0, 1e-9 * R.abs().max()
    while R.abs().max() > small:
        w = R[R.square().sum(dim=1).argmax()]
        w = w / w.norm()
        R = R - (R @ w)[:, None] * w
        heads += 1
    return heads


# %% right="gram-matrix"
def heads_needed(D, in_channels, out_channels):
    n_out = D.shape[0] // out_channels
    R = D.reshape(n_out, out_channels, -1, in_channels).transpose(1, 2).flatten(0, 1).flatten(1)
    return int(torch.linalg.matrix_rank(R.T @ R, hermitian=True, rtol=1e-10))
