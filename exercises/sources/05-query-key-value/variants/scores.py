# %% wrong="no-scale" fails=["scores-values", "scores-axes"] says="scale forgotten"
def scores(query, key):
    return query @ key.mT


# %% wrong="divided-by-D" fails=["scores-values", "scores-axes"] says="not by its root"
def scores(query, key):
    return query @ key.mT / query.shape[-1]


# %% wrong="multiplied-by-the-root" fails=["scores-values", "scores-axes"] says="not divided"
def scores(query, key):
    return query @ key.mT * math.sqrt(query.shape[-1])


# %% wrong="root-of-the-number-of-keys" fails=["scores-values", "scores-axes"] says="√N_k"
def scores(query, key):
    return query @ key.mT / math.sqrt(key.shape[-2])


# %% wrong="root-of-the-number-of-queries" fails=["scores-values", "scores-axes"] says="√N_q"
def scores(query, key):
    return query @ key.mT / math.sqrt(query.shape[-2])


# %% wrong="a-fourth-root" fails=["scores-values", "scores-axes"] says="fourth root"
# Halved twice: once for the root, once because query and key share it.
def scores(query, key):
    return query / query.shape[-1] ** 0.25 @ key.mT


# %% wrong="size-of-the-second-axis" fails=["scores-axes"] says="√N_q"
# Right without axes in front, where the second axis is the last.
def scores(query, key):
    return query @ key.mT / math.sqrt(query.shape[1])


# %% wrong="keys-in-the-rows" fails=["scores-values", "scores-axes"] says="keys in the rows"
def scores(query, key):
    return key @ query.mT / math.sqrt(query.shape[-1])


# %% wrong="keys-not-transposed" fails=["scores-values", "scores-axes"] says="transpose them before"
def scores(query, key):
    return query @ key / math.sqrt(query.shape[-1])


# %% wrong="all-axes-turned" fails=["scores-axes"] says="your code raises"
def scores(query, key):
    return query @ key.permute(*reversed(range(key.ndim))) / math.sqrt(query.shape[-1])


# %% wrong="keys-reshaped" fails=["scores-values", "scores-axes"] says="expected"
def scores(query, key):
    return query @ key.reshape(*key.shape[:-2], key.shape[-1], key.shape[-2]) / math.sqrt(query.shape[-1])


# %% wrong="cosines" fails=["scores-values", "scores-axes"] says="lengths divided out"
def scores(query, key):
    return F.cosine_similarity(query.unsqueeze(-2), key.unsqueeze(-3), dim=-1)


# %% wrong="distances" fails=["scores-values", "scores-axes"] says="distances"
def scores(query, key):
    return torch.cdist(query, key)


# %% wrong="nearness" fails=["scores-values", "scores-axes"] says="nearness over √D"
def scores(query, key):
    return -torch.cdist(query, key).square() / math.sqrt(query.shape[-1])


# %% wrong="softmax-taken" fails=["scores-values", "scores-axes"] says="softmax already taken"
def scores(query, key):
    return (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)


# %% wrong="heads-summed" fails=["scores-axes"] says="summed over the axes"
def scores(query, key):
    dot = torch.einsum("...pd,...qd->...pq", query, key) / query.shape[-1] ** 0.5
    return dot.flatten(0, -3).sum(0) if dot.ndim > 2 else dot


# %% wrong="element-by-element" fails=["scores-values", "scores-axes"] says="your code raises"
def scores(query, key):
    return (query * key).sum(-1) / math.sqrt(query.shape[-1])


# %% wrong="zeros" fails=["scores-values", "scores-axes"] says="got 0"
def scores(query, key):
    return torch.zeros(*query.shape[:-1], key.shape[-2])


# %% right="einsum"
def scores(query, key):
    return torch.einsum("...pd,...qd->...pq", query, key) * query.shape[-1] ** -0.5


# %% right="scale-in-both"
def scores(query, key):
    root = query.shape[-1] ** 0.25
    return torch.matmul(query / root, (key / root).transpose(-2, -1))


# %% right="broadcast-and-sum"
def scores(query, key):
    return (query[..., :, None, :] * key[..., None, :, :]).sum(-1) / math.sqrt(key.size(-1))


# %% right="loops-in-float32"
def scores(query, key):
    rows = query.float().reshape(-1, *query.shape[-2:])
    columns = key.float().reshape(-1, *key.shape[-2:])
    tables = [[[float(q @ k) / math.sqrt(len(q)) for k in ks] for q in qs] for qs, ks in zip(rows, columns)]
    return torch.tensor(tables).reshape(*query.shape[:-1], key.shape[-2])
