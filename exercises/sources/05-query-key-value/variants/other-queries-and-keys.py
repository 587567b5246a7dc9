# %% wrong="unchanged" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="the same"
def other_queries_and_keys(query, key):
    return query, key


# %% wrong="signs" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="another sign"
def other_queries_and_keys(query, key):
    return -query, -key


# %% wrong="lengths" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="only its length"
def other_queries_and_keys(query, key):
    return 2 * query, key / 2


# %% wrong="queries-alone" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="keys alone"
def other_queries_and_keys(query, key):
    rotation = torch.linalg.qr(torch.randn(query.shape[-1], query.shape[-1]).double()).Q
    return query, key @ rotation


# %% wrong="keys-left" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="queries alone"
def other_queries_and_keys(query, key):
    return query.flip(-1), key


# %% wrong="same-matrix-for-both" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="the same matrix M for both"
def other_queries_and_keys(query, key):
    M = torch.randn(query.shape[-1], query.shape[-1]).double()
    return query @ M, key @ M


# %% wrong="inverse-not-transposed" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="has to be transposed"
def other_queries_and_keys(query, key):
    M = torch.randn(query.shape[-1], query.shape[-1]).double()
    return query @ M, key @ torch.linalg.inv(M)


# %% wrong="transpose-in-place-of-inverse" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="only a rotation"
def other_queries_and_keys(query, key):
    M = torch.randn(query.shape[-1], query.shape[-1]).double()
    return query @ M, key @ M.T


# %% wrong="rotated-back" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="has to be transposed"
# Turned one way and back the other: the scores need both to turn the same way.
def other_queries_and_keys(query, key):
    rotation = torch.linalg.qr(torch.randn(query.shape[-1], query.shape[-1]).double()).Q
    return query @ rotation, key @ rotation.T


# %% wrong="coordinates-rolled" fails=["other-queries-and-keys-special"] says="stay on their line"
# Equal entries stay where they are.
def other_queries_and_keys(query, key):
    return query.roll(1, -1), key.roll(1, -1)


# %% wrong="coordinates-flipped" fails=["other-queries-and-keys-special"] says="stay on their line"
def other_queries_and_keys(query, key):
    return query.flip(-1), key.flip(-1)


# %% wrong="one-coordinate-emphasised" fails=["other-queries-and-keys-special"] says="stay on their line"
# The axes are not moved by a diagonal matrix.
def other_queries_and_keys(query, key):
    scale = torch.arange(1, query.shape[-1] + 1).double()
    return query * scale, key / scale


# %% wrong="first-two-coordinates-turned" fails=["other-queries-and-keys-special"] says="stay on their line"
def other_queries_and_keys(query, key):
    M = torch.eye(query.shape[-1]).double()
    M[:2, :2] = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    return query @ M, key @ M


# %% wrong="mirror" fails=["other-queries-and-keys-special"] says="stay on their line"
# A reflection leaves all lines across its normal where they are, and the normal's own too.
def other_queries_and_keys(query, key):
    normal = torch.zeros(query.shape[-1], dtype=torch.float64)
    normal[:2] = 0.5**0.5

    def mirror(rows):
        return rows - 2 * torch.outer(rows @ normal, normal)

    return mirror(query), mirror(key)


# %% wrong="a-shear" fails=["other-queries-and-keys-special"] says="stay on their line"
# The last axis is not moved by it.
def other_queries_and_keys(query, key):
    M = torch.eye(query.shape[-1]).double()
    M[0, -1] = 0.5
    return query @ M, key @ torch.linalg.inv(M).T


# %% wrong="constant-added" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="score at"
# A constant in each row of scores would be forgiven by softmax; the scores are asked here.
def other_queries_and_keys(query, key):
    return query + 1, key


# %% wrong="matrix-without-inverse" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="score at"
def other_queries_and_keys(query, key):
    M = torch.ones(query.shape[-1], query.shape[-1]).double()
    return query @ M, key @ torch.linalg.pinv(M).T


# %% wrong="rows-in-another-order" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="another order"
def other_queries_and_keys(query, key):
    return query, key.flip(0)


# %% wrong="swapped" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="expected shape"
def other_queries_and_keys(query, key):
    return key, query


# %% wrong="zeros" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="score at"
def other_queries_and_keys(query, key):
    return torch.zeros_like(query), torch.zeros_like(key)


# %% wrong="in-float32" fails=["other-queries-and-keys-drawn", "other-queries-and-keys-special"] says="expected dtype"
def other_queries_and_keys(query, key):
    rotation = torch.linalg.qr(torch.randn(query.shape[-1], query.shape[-1])).Q
    return query.float() @ rotation, key.float() @ rotation


# %% right="any-matrix-and-its-inverse"
def other_queries_and_keys(query, key):
    M = torch.randn(query.shape[-1], query.shape[-1], dtype=torch.float64)
    return query @ M, key @ torch.linalg.inv(M).T


# %% right="solve"
def other_queries_and_keys(query, key):
    M = torch.rand(query.shape[-1], query.shape[-1], dtype=torch.float64) + 2 * torch.eye(query.shape[-1])
    return query @ M, torch.linalg.solve(M, key.T).T


# %% right="drawn-until-it-fits"
def other_queries_and_keys(query, key):
    def moved(old, new):
        return (F.cosine_similarity(old, new, dim=-1).abs() < 0.9999).all()

    while True:
        skew = torch.randn(query.shape[-1], query.shape[-1], dtype=torch.float64)
        rotation = torch.matrix_exp(skew - skew.T)
        pair = [query @ rotation, key @ rotation]
        if moved(query, pair[0]) and moved(key, pair[1]):
            return pair


# %% right="two-mirrors"
def other_queries_and_keys(query, key):
    both = torch.cat([query, key])
    for _ in range(query.shape[-1] + 1):
        normal = F.normalize(torch.randn(query.shape[-1], dtype=torch.float64), dim=0)
        both = both - 2 * torch.outer(both @ normal, normal)
    return both[: len(query)], both[len(query) :]
