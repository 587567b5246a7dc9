# %% wrong="kernel-flipped" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="kernel flipped"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([reach - i, reach - j])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="shift-swapped" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="rows and columns"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([j - reach, i - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="heads-averaged" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="averaged"
def conv_by_attention(x, weight, bias, alpha):
    c_out, c_in, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    offset = torch.arange(-reach, reach + 1)
    shift = torch.cartesian_prod(offset, offset)
    distance = (key - query[:, None] - shift[:, None, None]).square().sum(-1).double()
    A = (-alpha * distance).softmax(dim=-1)
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    W = weight.permute(2, 3, 1, 0).reshape(-1, c_in, c_out)
    return ((A @ tokens @ W).mean(dim=0) + bias).T.reshape(c_out, height, width)


# %% wrong="output-reshaped" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="output tokens"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.reshape(c_out, height, width)


# %% wrong="input-reshaped" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="the ringed x reshaped"
def conv_by_attention(x, weight, bias, alpha):
    c_out, c_in, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [reach] * 4).reshape(-1, c_in)
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="the-convolution-itself" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="is alpha used"
def conv_by_attention(x, weight, bias, alpha):
    return F.conv2d(x, weight, bias, padding="same")


# %% wrong="gathers-the-nearest-pixel" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="is alpha used"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    ringed = F.pad(x, [reach] * 4)
    y = bias[:, None, None].expand(c_out, height, width)
    for i in range(kernel_size):
        for j in range(kernel_size):
            window = ringed[:, i : i + height, j : j + width]
            y = y + torch.einsum("oc,chw->ohw", weight[:, :, i, j], window)
    return y


# %% wrong="valid-pixels-only" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="border belong to the output"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    key = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    query = torch.cartesian_prod(torch.arange(reach, height - reach), torch.arange(reach, width - reach))
    delta = key[None, :] - query[:, None]
    tokens = x.flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height - 2 * reach, width - 2 * reach)


# %% wrong="ring-asks-too" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="no queries"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    ringed = F.pad(x, [reach] * 4)
    _, height, width = ringed.shape
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    delta = position[None, :] - position[:, None]
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            # Keys beyond the ring, so that its own queries read zeros too.
            shift = torch.tensor([i - reach, j - reach])
            inside = ((position + shift).ge(0) & (position + shift).lt(torch.tensor([height, width]))).all(-1)
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1) * inside[:, None]
            y = y + A @ ringed.flatten(1).T @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="exp-without-maximum" fails=["conv-by-attention-interior", "conv-by-attention-border"] says="exp overflows"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = (key[None, :] - query[:, None]).double()
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach]).double()
            A = torch.exp(-alpha * (delta.square().sum(-1) - 2 * delta @ shift))
            A = A / A.sum(dim=-1, keepdim=True)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="no-ring" fails=["conv-by-attention-border", "conv-by-attention-soft"] says="no ring"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    delta = position[None, :] - position[:, None]
    tokens = x.flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="edge-repeated" fails=["conv-by-attention-border", "conv-by-attention-soft"] says="reads the edge"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x[None], [reach] * 4, mode="replicate")[0].flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="ring-of-one" fails=["conv-by-attention-soft"] says="a ring of 1 zero pixels, not of K // 2 = 2"
# Enough for any kernel where the weights are one-hot: a head past the ring reads its zeros. Not at a small alpha.
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-1, height + 1), torch.arange(-1, width + 1))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [1] * 4).flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="bias-in-every-head" fails=["conv-by-attention-border", "conv-by-attention-soft"] says="once per head"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = 0
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ (tokens @ weight[:, :, i, j].T + bias)
    return y.T.reshape(c_out, height, width)


# %% wrong="bias-forgotten" fails=["conv-by-attention-border", "conv-by-attention-soft"] says="bias forgotten"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = 0
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="softmax-over-queries" fails=["conv-by-attention-border", "conv-by-attention-soft"] says="over the queries"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).square().sum(-1).double()).softmax(dim=0)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="scaled-by-the-encoding" fails=["conv-by-attention-soft"] says="divided by √3"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = (key[None, :] - query[:, None]).double()
    r = torch.cat([delta.square().sum(-1, keepdim=True), delta], dim=-1)
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            v = -alpha * torch.tensor([1, -2 * (i - reach), -2 * (j - reach)]).double()
            A = (r @ v / math.sqrt(len(v))).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="distance-not-squared" fails=["conv-by-attention-soft"] says="in place of ‖δ - Δ‖²"
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    delta = key[None, :] - query[:, None]
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            shift = torch.tensor([i - reach, j - reach])
            A = (-alpha * (delta - shift).double().norm(dim=-1)).softmax(dim=-1)
            y = y + A @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="ring-as-a-mask" fails=["conv-by-attention-soft"] says="masked after the softmax"
# Zeros after the softmax are an exact border too, but another layer at small alpha.
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    delta = position[None, :] - position[:, None]
    tokens = x.flatten(1).T
    y = bias
    for i in range(kernel_size):
        for j in range(kernel_size):
            target = position + torch.tensor([i - reach, j - reach])
            inside = (target.ge(0) & target.lt(torch.tensor([height, width]))).all(-1, keepdim=True)
            A = (-alpha * (delta - (target - position)[:, None]).square().sum(-1).double()).softmax(dim=-1)
            y = y + (A * inside) @ tokens @ weight[:, :, i, j].T
    return y.T.reshape(c_out, height, width)


# %% wrong="all-zero" fails=["conv-by-attention-interior", "conv-by-attention-border", "conv-by-attention-soft"] says="got 0"
def conv_by_attention(x, weight, bias, alpha):
    return torch.zeros(weight.shape[0], *x.shape[1:], dtype=torch.float64)


# %% right="heads-at-once"
def conv_by_attention(x, weight, bias, alpha):
    c_out, c_in, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach))
    offset = torch.arange(-reach, reach + 1)
    shift = torch.cartesian_prod(offset, offset)
    distance = (key - query[:, None] - shift[:, None, None]).square().sum(-1).double()
    A = (-alpha * distance).softmax(dim=-1)
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    W = weight.permute(2, 3, 1, 0).reshape(-1, c_in, c_out)
    return (torch.einsum("hpq,qc,hco->op", A, tokens, W) + bias[:, None]).reshape(c_out, height, width)


# %% right="own-functions"
# Exercises 1 and 2 put together: all padded pixels ask, and the ring's rows are cut off.
def conv_by_attention(x, weight, bias, alpha):
    reach = weight.shape[-1] // 2
    ringed = F.pad(x, [reach] * 4)
    size = tuple(ringed.shape[1:])
    tokens = ringed.flatten(1).T
    y = torch.zeros(len(tokens), len(bias), dtype=torch.float64)
    for shift, W in zip(*values_from_kernel(weight)):
        A = tap_logits(size, tuple(shift.tolist()), alpha).softmax(dim=-1)
        y += A @ tokens @ W
    y = y.T.reshape(len(bias), *size) + bias[:, None, None]
    return y[:, reach : size[0] - reach, reach : size[1] - reach]


# %% right="loops"
def conv_by_attention(x, weight, bias, alpha):
    c_out, c_in, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    keys = [(i, j) for i in range(-reach, height + reach) for j in range(-reach, width + reach)]
    pixels = x.tolist()
    y = torch.zeros(c_out, height, width, dtype=torch.float64)
    for row in range(height):
        for column in range(width):
            y[:, row, column] = bias
            for i in range(kernel_size):
                for j in range(kernel_size):
                    # The distance to the pixel that this head looks at.
                    weights = [
                        math.exp(-alpha * ((r - row - i + reach) ** 2 + (c - column - j + reach) ** 2))
                        for r, c in keys
                    ]
                    read = torch.zeros(c_in, dtype=torch.float64)
                    for w, (r, c) in zip(weights, keys):
                        if 0 <= r < height and 0 <= c < width:
                            read += w / sum(weights) * torch.tensor([channel[r][c] for channel in pixels]).double()
                    y[:, row, column] += weight[:, :, i, j] @ read
    return y


# %% right="scaled-dot-product-attention"
# torch's own attention, from absolute coordinates: the square, expanded. One head a tap.
def conv_by_attention(x, weight, bias, alpha):
    c_out, c_in, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    key = torch.cartesian_prod(torch.arange(-reach, height + reach), torch.arange(-reach, width + reach)).double()
    offset = torch.arange(-reach, reach + 1)
    target = query + torch.cartesian_prod(offset, offset)[:, None]
    q = alpha * torch.cat([2 * target, -torch.ones_like(target[..., :1])], dim=-1)
    k = torch.cat([key, key.square().sum(-1, keepdim=True)], dim=-1).expand(len(q), -1, -1)
    tokens = F.pad(x, [reach] * 4).flatten(1).T.expand(len(q), -1, -1)
    heads = F.scaled_dot_product_attention(q, k, tokens, scale=1.0)
    return (torch.einsum("hpc,och->op", heads, weight.flatten(2)) + bias[:, None]).reshape(c_out, height, width)


# %% right="bias-shared-out"
# A ninth of the bias in each of nine heads: softmax rows sum to 1.
def conv_by_attention(x, weight, bias, alpha):
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    tokens = F.pad(x, [reach] * 4).flatten(1).T
    row = torch.arange(height, dtype=torch.float64)
    column = torch.arange(width, dtype=torch.float64)
    above, left = torch.arange(-reach, height + reach), torch.arange(-reach, width + reach)
    y = 0
    for i in range(kernel_size):
        down = (-alpha * (above - row[:, None] - i + reach) ** 2).softmax(dim=-1)
        for j in range(kernel_size):
            # The exponential of a sum is a product, so the axes separate.
            across = (-alpha * (left - column[:, None] - j + reach) ** 2).softmax(dim=-1)
            y = y + torch.kron(down, across) @ (tokens @ weight[:, :, i, j].T + bias / kernel_size**2)
    return y.T.unflatten(1, (height, width))
