# %% wrong="rows-alone" fails=["local-attention-window", "local-attention-values"] says="only the rows are compared"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, _ = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    visible = (row - row[:, None]).abs() <= kernel_size // 2
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    return scores.masked_fill(~visible, -torch.inf).softmax(dim=-1) @ (x @ W_value)


# %% wrong="scale-forgotten" fails=["local-attention-values"] says="the scale 1/√D_h forgotten"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T
    return scores.masked_fill(far > kernel_size // 2, -torch.inf).softmax(-1) @ (x @ W_value)


# %% wrong="scale-without-root" fails=["local-attention-values"] says="divided by D_h"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1]
    return scores.masked_fill(far > kernel_size // 2, -torch.inf).softmax(-1) @ (x @ W_value)


# %% wrong="scale-by-the-token-width" fails=["local-attention-values"] says="divided by √C"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / x.shape[1] ** 0.5
    return scores.masked_fill(far > kernel_size // 2, -torch.inf).softmax(-1) @ (x @ W_value)


# %% wrong="scale-by-the-number-of-tokens" fails=["local-attention-values"] says="divided by √N"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / len(x) ** 0.5
    return scores.masked_fill(far > kernel_size // 2, -torch.inf).softmax(-1) @ (x @ W_value)


# %% wrong="scores-transposed" fails=["local-attention-values"] says="queries and keys swapped"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_key) @ (x @ W_query).T / W_query.shape[1] ** 0.5
    return scores.masked_fill(far > kernel_size // 2, -torch.inf).softmax(-1) @ (x @ W_value)


# %% wrong="softmax-over-the-queries" fails=["local-attention-border", "local-attention-values"] says="softmax over the wrong axis"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    return scores.masked_fill(far > kernel_size // 2, -torch.inf).softmax(0) @ (x @ W_value)


# %% wrong="mask-after-softmax" fails=["local-attention-border", "local-attention-values"] says="the weights no longer sum to 1"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    return scores.softmax(-1).masked_fill(far > kernel_size // 2, 0) @ (x @ W_value)


# %% wrong="scores-of-zero" fails=["local-attention-window", "local-attention-values"] says="scores of 0 in place of -inf"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    return scores.masked_fill(far > kernel_size // 2, 0).softmax(-1) @ (x @ W_value)


# %% wrong="mask-reversed" fails=["local-attention-window", "local-attention-border", "local-attention-values"] says="the mask is reversed"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    A = scores.masked_fill(far <= kernel_size // 2, -torch.inf).softmax(-1)
    return A.nan_to_num() @ (x @ W_value)


# %% wrong="mask-reversed-and-nan" fails=["local-attention-window", "local-attention-border", "local-attention-values"] says="the mask is reversed"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    hidden = far > kernel_size // 2
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    return scores.where(hidden, -torch.inf).softmax(-1) @ (x @ W_value)


# %% wrong="no-window" fails=["local-attention-window", "local-attention-values"] says="every pixel sees all"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value)


# %% wrong="window-twice-as-wide" fails=["local-attention-window", "local-attention-values"] says="it is kernel_size // 2"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    mask = far <= kernel_size
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


# %% wrong="window-one-pixel-short" fails=["local-attention-window", "local-attention-values"] says="ends one pixel early"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    A = scores.masked_fill(far >= kernel_size // 2, -torch.inf).softmax(-1)
    return A.nan_to_num() @ (x @ W_value)


# %% wrong="diamond" fails=["local-attention-window", "local-attention-values"] says="a diamond"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    mask = (row - row[:, None]).abs() + (column - column[:, None]).abs() <= kernel_size // 2
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


# %% wrong="neighbours-by-number" fails=["local-attention-window", "local-attention-values"] says="neighbours by token number"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    token = torch.arange(len(x))
    mask = (token - token[:, None]).abs() <= kernel_size // 2
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


# %% wrong="width-by-height" fails=["local-attention-window", "local-attention-values"] says="W × H"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    width, height = size
    row, column = torch.arange(len(x)) // width, torch.arange(len(x)) % width
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    mask = far <= kernel_size // 2
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


# %% wrong="cross-of-rows-and-columns" fails=["local-attention-window", "local-attention-values"] says="both must be near"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    reach = kernel_size // 2
    mask = ((row - row[:, None]).abs() <= reach) | ((column - column[:, None]).abs() <= reach)
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


# %% wrong="pushed-back-into-the-image" fails=["local-attention-window", "local-attention-values"] says="pushed back"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    mask = torch.ones(len(x), len(x), dtype=torch.bool)
    for place, length in zip(torch.cartesian_prod(*(torch.arange(n) for n in size)).T, size):
        first = (place - kernel_size // 2).clamp(0, max(length - kernel_size, 0))[:, None]
        mask &= (place >= first) & (place < first + kernel_size)
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


# %% wrong="zeros-around-the-image" fails=["local-attention-border", "local-attention-values"] says="missing neighbours take weight too"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    height, width = size
    reach = kernel_size // 2
    padded = F.pad(x.T.reshape(-1, height, width), [reach] * 4)
    y = []
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + kernel_size, j : j + kernel_size].flatten(1).T
            scores = window @ W_key @ (x[i * width + j] @ W_query) / W_query.shape[1] ** 0.5
            y.append(scores.softmax(0) @ window @ W_value)
    return torch.stack(y)


# %% wrong="itself-left-out" fails=["local-attention-window", "local-attention-values"] says="the pixel itself is left out"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    mask = (far <= kernel_size // 2) & (far > 0)
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    return scores.masked_fill(~mask, -torch.inf).softmax(-1).nan_to_num() @ (x @ W_value)


# %% wrong="softmax-forgotten" fails=["local-attention-window", "local-attention-border", "local-attention-values"] says="softmax forgotten"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
    return scores.masked_fill(far > kernel_size // 2, 0) @ (x @ W_value)


# %% wrong="tokens-as-values" fails=["local-attention-border", "local-attention-values"] says="the values are x_q W_V"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x, far <= kernel_size // 2)


# %% wrong="values-only" fails=["local-attention-window", "local-attention-values"] says="each pixel sees itself only"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    return x @ W_value


# %% right="loops"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    height, width = size
    reach = kernel_size // 2
    query, key, value = x @ W_query, x @ W_key, x @ W_value
    y = []
    for p in range(height * width):
        i, j = divmod(p, width)
        window = [
            r * width + c
            for r in range(max(0, i - reach), min(height, i + reach + 1))
            for c in range(max(0, j - reach), min(width, j + reach + 1))
        ]
        A = ((key[window] @ query[p]) / query.shape[1] ** 0.5).softmax(0)
        y.append(A @ value[window])
    return torch.stack(y)


# %% right="library"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    reach = kernel_size // 2
    mask = ((row - row[:, None]).abs() <= reach) & ((column - column[:, None]).abs() <= reach)
    return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, attn_mask=mask)


# %% right="masked-afterwards-and-normed-again"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    far = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    A = ((x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5).softmax(-1)
    A *= far <= kernel_size // 2
    A /= A.sum(-1, keepdim=True)
    return A @ (x @ W_value)


# %% right="float32-and-a-large-negative-number"
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    x, W_query, W_key, W_value = (table.float() for table in (x, W_query, W_key, W_value))
    place = torch.cartesian_prod(*(torch.arange(n) for n in size)).float()
    far = torch.cdist(place, place, p=torch.inf)
    scores = torch.einsum("pc,cd,qe,ed->pq", x, W_query, x, W_key) / W_query.shape[1] ** 0.5
    return (scores - 1e9 * (far > kernel_size // 2 + 0.5)).softmax(-1) @ x @ W_value


# %% right="unfolded-with-a-mask-of-ones"
# The windows as a convolution cuts them; a plane of ones tells which neighbours are there.
def local_attention(x, W_query, W_key, W_value, size, kernel_size):
    def windows(tokens):
        image = tokens.T.reshape(1, -1, *size)
        return F.unfold(image, kernel_size, padding=kernel_size // 2)[0].reshape(image.shape[1], kernel_size**2, -1)

    query, key, value = x @ W_query, windows(x @ W_key), windows(x @ W_value)
    there = windows(torch.ones(len(x), 1, dtype=x.dtype))[0] > 0
    scores = torch.einsum("pd,dtp->tp", query, key) / query.shape[1] ** 0.5
    A = scores.masked_fill(~there, -torch.inf).softmax(0)
    return torch.einsum("tp,dtp->pd", A, value)
