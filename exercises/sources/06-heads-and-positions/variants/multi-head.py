# %% wrong="scale-forgotten" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="the scale forgotten"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="scale-of-the-values" fails=["multi-head-weights", "multi-head-output"] says="divided by √D_v"
# Right wherever values are as wide as queries, as in torch's module.
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(value.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="scale-not-rooted" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="1/D, not 1/√D"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / query.shape[-1]).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="scale-of-all-heads" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="not of one head"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(W_query.shape[1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="scale-of-the-tokens" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="divided by √N"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-2])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="scale-of-the-channels" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="divided by √C"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(x.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="multiplied" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="multiplied by √D"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT * math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="softmax-over-queries" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="softmax over the tokens that ask"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-2)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="softmax-over-heads" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="softmax over the heads"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-3)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="softmax-axis-from-the-front" fails=["multi-head-batch"] says="the rows of A must sum to 1"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=2)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="scores-transposed" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="the scores are transposed"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (key @ query.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="weights-returned-transposed" fails=["multi-head-weights", "multi-head-batch"] says="A is transposed"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A.mT


# %% wrong="scores-returned" fails=["multi-head-weights", "multi-head-batch"] says="these are the scores"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    A = scores.softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, scores


# %% wrong="weights-averaged" fails=["multi-head-weights", "multi-head-batch"] says="averaged over the heads"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A.mean(-3)


# %% wrong="one-mean-for-all-heads" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="in each head"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    A = A.mean(-3, keepdim=True).expand_as(A)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="cut-by-reshape" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="cut by reshape alone"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).reshape(*x.shape[:-2], num_heads, x.shape[-2], -1)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="dealt-one-by-one" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="dealt to the heads one by one"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (-1, num_heads)).movedim(-1, -3)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="merged-by-reshape" fails=["multi-head-output", "multi-head-batch"] says="merged by reshape alone"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).reshape(*x.shape[:-1], -1) @ W_out
    return y, A


# %% wrong="merged-in-turn" fails=["multi-head-output", "multi-head-batch"] says="channel by channel"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).movedim(-3, -1).flatten(-2) @ W_out
    return y, A


# %% wrong="values-cut-by-reshape" fails=["multi-head-output", "multi-head-batch"] says="the values cut by reshape"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), (x @ W_value).reshape(*x.shape[:-2], num_heads, x.shape[-2], -1)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="w-out-forgotten" fails=["multi-head-output", "multi-head-batch"] says="W_out forgotten"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2)
    return y, A


# %% wrong="w-out-averaged" fails=["multi-head-output", "multi-head-batch"] says="divided by the number of heads"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out / num_heads
    return y, A


# %% wrong="keys-with-the-query-map" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="keys made with W_query"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_query), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="queries-and-keys-exchanged" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="are transposed"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    key, query, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="values-with-transposed-weights" fails=["multi-head-output", "multi-head-batch"] says="with A transposed"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A.mT @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="torchs-own-order" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="your code raises"
# Linear layers keep their weights the other way round.
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W.T).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out.T
    return y, A


# %% wrong="key-t" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="your code raises"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.transpose(0, 1) / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y, A


# %% wrong="no-batch" fails=["multi-head-batch"] says="your code raises"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    n = len(x)
    query, key, value = ((x @ W).reshape(n, num_heads, -1).permute(1, 0, 2) for W in (W_query, W_key, W_value))
    A = torch.softmax(query @ key.permute(0, 2, 1) / query.shape[2] ** 0.5, dim=2)
    return (A @ value).permute(1, 0, 2).reshape(n, -1) @ W_out, A


# %% wrong="value-dim-taken-for-head-dim" fails=["multi-head-weights", "multi-head-output"] says="your code raises"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    d = W_query.shape[1] // num_heads
    query, key = ((x @ W).unflatten(-1, (num_heads, d)).transpose(-3, -2) for W in (W_query, W_key))
    A = torch.softmax(query @ key.mT / d**0.5, dim=-1)
    value = (x @ W_value).unflatten(-1, (num_heads, d)).transpose(-3, -2)
    return (A @ value).transpose(-3, -2).flatten(-2) @ W_out, A


# %% wrong="order-of-the-pair" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="expected y first"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return A, y


# %% wrong="output-alone" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="expected two tensors"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return y


# %% wrong="all-zero" fails=["multi-head-weights", "multi-head-output", "multi-head-batch"] says="got 0"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    def heads(W):
        return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)

    query, key, value = heads(W_query), heads(W_key), heads(W_value)
    A = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    y = (A @ value).transpose(-3, -2).flatten(-2) @ W_out
    return 0 * y, 0 * A


# %% right="loop-over-heads"
# The line of chapter 1: each head has its A and its W.
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    d, d_v = W_query.shape[1] // num_heads, W_value.shape[1] // num_heads
    weights, y = [], 0
    for h in range(num_heads):
        query = x @ W_query[:, h * d : (h + 1) * d]
        key = x @ W_key[:, h * d : (h + 1) * d]
        A = torch.softmax(query @ key.transpose(-1, -2) * d**-0.5, dim=-1)
        W = W_value[:, h * d_v : (h + 1) * d_v] @ W_out[h * d_v : (h + 1) * d_v]
        y = y + A @ x @ W
        weights.append(A)
    return y, torch.stack(weights, dim=-3)


# %% right="einsum"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    query, key, value = (
        torch.einsum("...nc,chd->...hnd", x, W.unflatten(1, (num_heads, -1))) for W in (W_query, W_key, W_value)
    )
    scores = torch.einsum("...hpd,...hqd->...hpq", query, key) / query.shape[-1] ** 0.5
    A = torch.exp(scores - scores.amax(-1, keepdim=True))
    A = A / A.sum(-1, keepdim=True)
    W_out = W_out.unflatten(0, (num_heads, -1))
    return torch.einsum("...hpq,...hqd,hdo->...po", A, value, W_out), A


# %% right="scaled-dot-product-attention"
# The weights are what attention reads of the identity.
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    query, key, value = (torch.stack((x @ W).chunk(num_heads, -1), -3) for W in (W_query, W_key, W_value))
    read = F.scaled_dot_product_attention(query, key, value)
    eye = torch.eye(x.shape[-2], dtype=x.dtype).expand(*query.shape[:-1], -1)
    A = F.scaled_dot_product_attention(query, key, eye)
    return torch.cat(read.unbind(-3), dim=-1) @ W_out, A


# %% right="own-functions"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    query, key, value = (split_heads(x @ W, num_heads) for W in (W_query, W_key, W_value))
    A = F.softmax(query @ key.mT / query.size(-1) ** 0.5, dim=-1)
    return merge_heads(A @ value) @ W_out, A


# %% right="float32"
def multi_head(x, W_query, W_key, W_value, W_out, num_heads):
    flat = x.reshape(-1, *x.shape[-2:]).float()
    ys, As = [], []
    for tokens in flat:
        n = len(tokens)
        q, k, v = ((tokens @ W.float()).view(n, num_heads, -1).permute(1, 0, 2) for W in (W_query, W_key, W_value))
        A = torch.softmax(torch.bmm(q, k.permute(0, 2, 1)) / math.sqrt(q.shape[2]), dim=2)
        ys.append(torch.bmm(A, v).permute(1, 0, 2).reshape(n, -1) @ W_out.float())
        As.append(A)
    front = x.shape[:-2]
    return torch.stack(ys).reshape(*front, *ys[0].shape), torch.stack(As).reshape(*front, *As[0].shape)
