# %% wrong="A-transposed" fails=["layer-as-line-one-head", "layer-as-line-heads", "layer-as-line-bias"] says="A transposed"
def layer_as_line(x, A, W, bias):
    if A.shape[1] != A.shape[2]:
        return torch.einsum("hpq,qc,hco->po", A, x, W) + bias
    return torch.einsum("hqp,qc,hco->po", A, x, W) + bias


# %% wrong="A-transposed-always" fails=["layer-as-line-one-head", "layer-as-line-heads", "layer-as-line-bias"] says="A transposed"
def layer_as_line(x, A, W, bias):
    return (A.transpose(1, 2) @ x @ W).sum(dim=0) + bias


# %% wrong="W-transposed" fails=["layer-as-line-one-head", "layer-as-line-heads", "layer-as-line-bias"] says="W transposed"
def layer_as_line(x, A, W, bias):
    return (A @ x @ W.transpose(1, 2)).sum(dim=0) + bias


# %% wrong="heads-averaged" fails=["layer-as-line-heads", "layer-as-line-bias"] says="heads averaged"
def layer_as_line(x, A, W, bias):
    return (A @ x @ W).mean(dim=0) + bias


# %% wrong="heads-not-summed" fails=["layer-as-line-one-head", "layer-as-line-heads", "layer-as-line-bias"] says="heads not summed"
def layer_as_line(x, A, W, bias):
    return A @ x @ W + bias


# %% wrong="heads-summed-too-early" fails=["layer-as-line-heads", "layer-as-line-bias"] says="before they meet"
def layer_as_line(x, A, W, bias):
    return A.sum(dim=0) @ x @ W.sum(dim=0) + bias


# %% wrong="first-head" fails=["layer-as-line-heads", "layer-as-line-bias"] says="the first head alone"
def layer_as_line(x, A, W, bias):
    return A[0] @ x @ W[0] + bias


# %% wrong="last-head" fails=["layer-as-line-heads", "layer-as-line-bias"] says="the last head alone"
def layer_as_line(x, A, W, bias):
    for a, w in zip(A, W):
        y = a @ x @ w
    return y + bias


# %% wrong="bias-in-every-head" fails=["layer-as-line-bias"] says="once per head"
def layer_as_line(x, A, W, bias):
    return sum(a @ x @ w + bias for a, w in zip(A, W))


# %% wrong="bias-forgotten" fails=["layer-as-line-bias"] says="bias forgotten"
def layer_as_line(x, A, W, bias):
    return (A @ x @ W).sum(dim=0)


# %% wrong="softmax" fails=["layer-as-line-one-head", "layer-as-line-heads", "layer-as-line-bias"] says="softmax"
def layer_as_line(x, A, W, bias):
    return (A.softmax(dim=-1) @ x @ W).sum(dim=0) + bias


# %% wrong="pixels-and-channels-swapped" fails=["layer-as-line-one-head", "layer-as-line-heads", "layer-as-line-bias"] says="pixels and channels of y swapped"
def layer_as_line(x, A, W, bias):
    return torch.einsum("hpq,qc,hco->op", A, x, W) + bias[:, None]


# %% wrong="heads-side-by-side" fails=["layer-as-line-heads", "layer-as-line-bias"] says="expected shape (4, 2), got (4, 6)"
# What most libraries do with heads, before an output matrix: they concatenate.
def layer_as_line(x, A, W, bias):
    return torch.cat([a @ x @ w for a, w in zip(A, W)], dim=1) + bias.repeat(len(A))


# %% right="matrix-products"
def layer_as_line(x, A, W, bias):
    return (A @ x @ W).sum(dim=0) + bias


# %% right="loops"
def layer_as_line(x, A, W, bias):
    heads, n_out, n_in = A.shape
    y = bias.repeat(n_out, 1)
    for h in range(heads):
        for p in range(n_out):
            for q in range(n_in):
                y[p] += A[h, p, q] * (x[q] @ W[h])
    return y


# %% right="channels-first"
# First what, then how much: the order of the two products is free.
def layer_as_line(x, A, W, bias):
    y = 0
    for h in range(len(A)):
        y = y + A[h] @ (x @ W[h])
    return torch.add(y, bias)


# %% right="one-large-product"
# Heads as columns of one wide A, and as rows of one tall stack of values.
def layer_as_line(x, A, W, bias):
    wide = A.transpose(0, 1).flatten(1)
    values = (x @ W).flatten(0, 1)
    return wide @ values + bias


# %% right="the-dense-matrix"
def layer_as_line(x, A, W, bias):
    D = torch.einsum("hpq,hco->poqc", A, W).flatten(2).flatten(0, 1)
    return (D @ x.flatten()).reshape(A.shape[1], -1) + bias


# %% right="float32"
def layer_as_line(x, A, W, bias):
    return torch.einsum("hpq,qc,hco->po", A.float(), x.float(), W.float()) + bias.float()
