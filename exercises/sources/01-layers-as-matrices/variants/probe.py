# %% wrong="rows-and-columns-swapped" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="rows and columns swapped"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).flatten()
    return torch.stack([layer(impulse).flatten() - bias for impulse in impulses])


# %% wrong="bias-left-in" fails=["probe-bias", "probe-shapes"] says="bias left in"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    return torch.stack([layer(impulse).flatten() for impulse in impulses], dim=1)


# %% wrong="impulse-left-set" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="the impulses before this one are still set"
def probe(layer, input_shape):
    x = torch.zeros(input_shape, dtype=torch.float64)
    bias = layer(x).flatten().clone()
    columns = []
    for j in range(x.numel()):
        x.view(-1)[j] = 1
        columns.append(layer(x).flatten() - bias)
    return torch.stack(columns, dim=1)


# %% wrong="one-input-for-all" fails=["probe-shapes"] says="a view of its input, which changes"
def probe(layer, input_shape):
    x = torch.zeros(input_shape, dtype=torch.float64)
    bias = layer(x).flatten()
    columns = []
    for j in range(x.numel()):
        x.view(-1)[j] = 1
        columns.append(layer(x).flatten() - bias)
        x.view(-1)[j] = 0
    return torch.stack(columns, dim=1)


# %% wrong="bias-from-the-columns" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="raises RuntimeError"
# Where the matrix is square, nothing raises: the bias is taken from the wrong side.
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).flatten()
    return torch.stack([layer(impulse).flatten() for impulse in impulses], dim=1) - bias


# %% wrong="bias-from-the-columns-of-a-square" fails=["probe-bias", "probe-shapes"] says="one number a row"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).flatten()
    D = torch.stack([layer(impulse).flatten() for impulse in impulses], dim=1)
    return D - bias if D.shape[0] == D.shape[1] else D - bias[:, None]


# %% wrong="down-the-columns" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="down the columns"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    if len(input_shape) > 1:
        order = torch.arange(n).reshape(input_shape).mT.flatten()
        impulses = impulses[order]
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).flatten()
    return torch.stack([layer(impulse).flatten() - bias for impulse in impulses], dim=1)


# %% wrong="one-batch" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="no batch"
# The chapter's own function: torch's modules take several images at once.
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    bias = layer(torch.zeros_like(impulses[:1]))
    return (layer(impulses) - bias).flatten(1).T


# %% wrong="flat-impulses" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="this layer takes one input of shape (2, 3)"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).flatten()
    return torch.stack([layer(e).flatten() - bias for e in torch.eye(n, dtype=torch.float64)], dim=1)


# %% wrong="not-flattened" fails=["probe-shapes"] says="expected shape (12, 12), got (3, 12, 2, 2)"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    bias = layer(torch.zeros(input_shape, dtype=torch.float64))
    return torch.stack([layer(impulse) - bias for impulse in impulses], dim=1)


# %% wrong="random-inputs" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="values differ"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    gen = torch.Generator().manual_seed(0)
    inputs = torch.randn(n, *input_shape, dtype=torch.float64, generator=gen)
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).flatten()
    return torch.stack([layer(x).flatten() - bias for x in inputs], dim=1)


# %% wrong="last-impulse-forgotten" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="last impulse forgotten"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).flatten()
    D = torch.zeros(len(bias), n, dtype=torch.float64)
    for j in range(n - 1):
        x = torch.zeros(n, dtype=torch.float64)
        x[j] = 1
        D[:, j] = layer(x.reshape(input_shape)).flatten() - bias
    return D


# %% wrong="all-zeros" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="got 0"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    outputs = layer(torch.zeros(input_shape, dtype=torch.float64)).numel()
    return torch.zeros(outputs, n, dtype=torch.float64)


# %% wrong="answers-cut-into-rows" fails=["probe-matrix", "probe-bias", "probe-shapes"] says="laid one after another"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).flatten()
    return torch.cat([layer(impulse).flatten() - bias for impulse in impulses]).reshape(-1, n)


# %% right="loop"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    bias = layer(torch.zeros(input_shape, dtype=torch.float64)).reshape(-1)
    D = torch.zeros(len(bias), n, dtype=torch.float64)
    for j in range(n):
        x = torch.zeros(input_shape, dtype=torch.float64)
        x.view(-1)[j] = 1
        D[:, j] = layer(x).reshape(-1) - bias
    return D


# %% right="jacobian"
# An affine layer's derivative is its matrix, wherever it is taken.
def probe(layer, input_shape):
    x = torch.ones(input_shape, dtype=torch.float64)
    J = torch.autograd.functional.jacobian(layer, x)
    return J.reshape(-1, x.numel())


# %% right="vmap"
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    answers = torch.func.vmap(layer)(impulses) - layer(torch.zeros(input_shape, dtype=torch.float64))
    return answers.reshape(n, -1).T


# %% right="float32-impulses-of-two"
# Whole numbers up to 16 million are exact in float32 as well.
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    columns = []
    for j in range(n):
        e = F.one_hot(torch.tensor(j), n).float().reshape(input_shape)
        columns.append((layer(2 * e) - layer(torch.zeros(input_shape))).flatten() / 2)
    return torch.column_stack(columns)


# %% right="one-input-reset"
def probe(layer, input_shape):
    x = torch.zeros(input_shape, dtype=torch.float64)
    bias = layer(x).flatten().clone()
    rows = []
    for j in range(x.numel()):
        x.view(-1)[j] = 1
        rows.append(layer(x).flatten() - bias)
        x.zero_()
    return torch.stack(rows).T


# %% right="differences-of-least-squares"
# More inputs than unknowns, and a solver: the open question's way.
def probe(layer, input_shape):
    n = torch.Size(input_shape).numel()
    gen = torch.Generator().manual_seed(0)
    inputs = torch.randn(3 * n + 3, n, dtype=torch.float64, generator=gen)
    answers = torch.stack([layer(x.reshape(input_shape)).flatten() for x in inputs])
    with_one = torch.cat([inputs, torch.ones(len(inputs), 1, dtype=torch.float64)], dim=1)
    return torch.linalg.lstsq(with_one, answers).solution[:-1].T
