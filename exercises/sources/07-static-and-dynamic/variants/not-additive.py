# %% wrong="never-none" fails=["not-additive-none"] says="this layer is additive"
def not_additive(W_query, W_key, W_value):
    for _ in range(200):
        u, v = torch.randint(-9, 10, (2, 2, len(W_query))).double()
        difference = attend(u + v, W_query, W_key, W_value) - attend(u, W_query, W_key, W_value)
        if (difference - attend(v, W_query, W_key, W_value)).abs().max() > 0.01:
            break
    return u, v


# %% wrong="always-none" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="got None"
def not_additive(W_query, W_key, W_value):
    return None


# %% wrong="each-matrix-alone" fails=["not-additive-none"] says="without a common column"
def not_additive(W_query, W_key, W_value):
    if not W_query.any() or not W_key.any() or not W_value.any():
        return None
    for _ in range(200):
        u, v = torch.randint(-9, 10, (2, 2, len(W_query))).double()
        difference = attend(u + v, W_query, W_key, W_value) - attend(u, W_query, W_key, W_value)
        if (difference - attend(v, W_query, W_key, W_value)).abs().max() > 0.01:
            break
    return u, v


# %% wrong="values-forgotten" fails=["not-additive-none"] says="W_V = 0"
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any():
        return None
    for _ in range(200):
        u, v = torch.randint(-9, 10, (2, 2, len(W_query))).double()
        difference = attend(u + v, W_query, W_key, W_value) - attend(u, W_query, W_key, W_value)
        if (difference - attend(v, W_query, W_key, W_value)).abs().max() > 0.01:
            break
    return u, v


# %% wrong="sum-for-any" fails=["not-additive-hidden"] says="got None"
def not_additive(W_query, W_key, W_value):
    if (W_query @ W_key.T).sum() == 0 or W_value.sum() == 0:
        return None
    for _ in range(1000):
        u, v = torch.randint(-9, 10, (2, 2, len(W_query))).double()
        difference = attend(u + v, W_query, W_key, W_value) - attend(u, W_query, W_key, W_value)
        if (difference - attend(v, W_query, W_key, W_value)).abs().max() > 0.01:
            return u, v


# %% wrong="diagonal-only" fails=["not-additive-hidden"] says="got None"
# It asks whether a pixel's score with itself is zero, which is not enough.
def not_additive(W_query, W_key, W_value):
    if not (W_query * W_key).any() or not W_value.any():
        return None
    for _ in range(1000):
        u, v = torch.randint(-9, 10, (2, 2, len(W_query))).double()
        difference = attend(u + v, W_query, W_key, W_value) - attend(u, W_query, W_key, W_value)
        if (difference - attend(v, W_query, W_key, W_value)).abs().max() > 0.01:
            return u, v


# %% wrong="wrong-product" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="shapes cannot be multiplied"
# Queries times keys without the transpose.
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key).any() or not W_value.any():
        return None
    for _ in range(1000):
        u, v = torch.randint(-9, 10, (2, 2, len(W_query))).double()
        difference = attend(u + v, W_query, W_key, W_value) - attend(u, W_query, W_key, W_value)
        if (difference - attend(v, W_query, W_key, W_value)).abs().max() > 0.01:
            return u, v


# %% wrong="opposite-images" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="v = -u"
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any() or not W_value.any():
        return None
    u = torch.randint(-9, 10, (2, len(W_query))).double()
    u[0, 0] = 3
    return u, -u


# %% wrong="one-image-zero" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="one of them is all zeros"
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any() or not W_value.any():
        return None
    return torch.ones(2, len(W_query)), torch.zeros(2, len(W_query))


# %% wrong="constant-images" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="both pixels are alike"
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any() or not W_value.any():
        return None
    return torch.full((2, len(W_query)), 5.0), torch.full((2, len(W_query)), -3.0)


# %% wrong="first-channel-only" fails=["not-additive-hidden"] says="are 0 for your images"
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any() or not W_value.any():
        return None
    u, v = torch.zeros(2, 2, len(W_query), dtype=torch.float64)
    for _ in range(200):
        u[:, 0], v[:, 0] = torch.randint(-9, 10, (2, 2)).double()
        difference = attend(u + v, W_query, W_key, W_value) - attend(u, W_query, W_key, W_value)
        if (difference - attend(v, W_query, W_key, W_value)).abs().max() > 0.01:
            break
    return u, v


# %% wrong="twice-the-same-image" fails=["not-additive-hidden"] says="f(2u) = 2 f(u) is all that is tested"
# Where softmax picks one pixel, it picks the same one for 2u.
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any() or not W_value.any():
        return None
    gen = torch.Generator().manual_seed(0)
    for _ in range(3000):
        u = torch.randint(-9, 10, (2, len(W_query)), generator=gen).double()
        twice, once = (attend(scale * u, W_query, W_key, W_value) for scale in (2, 1))
        if (twice - 2 * once).abs().max() > 0.01:
            break
    return u, u


# %% wrong="not-whole-numbers" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="whole numbers from -9 to 9"
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any() or not W_value.any():
        return None
    u, v = torch.randn(2, 2, len(W_query), dtype=torch.float64)
    return u, v


# %% wrong="images-with-channels-first" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="expected shape"
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any() or not W_value.any():
        return None
    u, v = torch.randint(-9, 10, (2, len(W_query), 1, 2)).double()
    return u, v


# %% wrong="three-values" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="expected two images (u, v), or None, got tuple of 3"
def not_additive(W_query, W_key, W_value):
    if not (W_query @ W_key.T).any() or not W_value.any():
        return None
    u, v = torch.randint(-9, 10, (2, 2, len(W_query))).double()
    return u, v, u + v


# %% wrong="example-by-heart" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="expected shape"
def not_additive(W_query, W_key, W_value):
    if not W_value.any():
        return None
    return torch.tensor([[1.0], [0]]), torch.tensor([[0.0], [1]])


# %% right="search-alone"
def not_additive(W_query, W_key, W_value):
    def f(x):
        scores = (x @ W_query) @ (x @ W_key).T / W_query.shape[1] ** 0.5
        return scores.softmax(-1) @ x @ W_value

    for _ in range(1000):
        u, v = torch.randint(-9, 10, (2, 2, len(W_query))).double()
        if (f(u + v) - (f(u) + f(v))).abs().max() > 0.02:
            return u, v


# %% right="all-at-once"
def not_additive(W_query, W_key, W_value):
    u, v = torch.randint(-9, 10, (2, 2000, 2, len(W_query))).double()
    f_sum, f_u, f_v = (attend(x, W_query, W_key, W_value) for x in (u + v, u, v))
    gap = (f_sum - f_u - f_v).abs().amax(dim=(1, 2))
    return (u[gap.argmax()], v[gap.argmax()]) if gap.max() > 0.01 else None


# %% right="rank-and-numpy"
def not_additive(W_query, W_key, W_value):
    import numpy as np

    if np.linalg.matrix_rank((W_query @ W_key.mT).numpy()) * np.linalg.matrix_rank(W_value.numpy()) == 0:
        return None
    rng = np.random.default_rng(1)
    best, pair = 0.0, None
    for _ in range(60):
        u, v = (torch.from_numpy(rng.integers(-9, 10, size=(2, len(W_query)))).double() for _ in "uv")
        gap = attend(u + v, W_query, W_key, W_value) - attend(u, W_query, W_key, W_value)
        size = (gap - attend(v, W_query, W_key, W_value)).abs().max().item()
        if size > best:
            best, pair = size, (u, v)
    return pair


# %% right="one-pixel-each"
# u has only the first pixel, v only the second: apart they do not compete.
def not_additive(W_query, W_key, W_value):
    if not torch.einsum("cd,ed->ce", W_query, W_key).any() or not W_value.abs().sum():
        return None
    for _ in range(1000):
        x = torch.randint(-9, 10, (2, len(W_query))).float()
        u, v = x * torch.tensor([[1.0], [0]]), x * torch.tensor([[0.0], [1]])
        layer = [attend(t.double(), W_query, W_key, W_value) for t in (x, u, v)]
        if (layer[0] - layer[1] - layer[2]).abs().max() > 0.05:
            return u, v


# %% wrong="search-among-opposite-images" fails=["not-additive-pairs", "not-additive-hidden", "not-additive-none"] says="none of them special"
def not_additive(W_query, W_key, W_value):
    for _ in range(200):
        u = torch.randint(-9, 10, (2, len(W_query))).double()
        matrices = W_query, W_key, W_value
        gap = attend(0 * u, *matrices) - attend(u, *matrices) - attend(-u, *matrices)
        if gap.abs().max() > 0.01:
            return u, -u
    return None
