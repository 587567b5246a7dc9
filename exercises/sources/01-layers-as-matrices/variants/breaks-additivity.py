# %% wrong="always-none" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="got None"
def breaks_additivity(layer, input_shape):
    return None


# %% wrong="never-none" fails=["breaks-additivity-hidden", "breaks-additivity-none"] says="equals layer(u) + layer(v)"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    u, v = torch.randint(-9, 10, (2, *input_shape), generator=gen).double()
    return u, v


# %% wrong="one-try" fails=["breaks-additivity-hidden"] says="often enough"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    u, v = torch.randint(-9, 10, (2, *input_shape), generator=gen).double()
    if (layer(u + v) - layer(u) - layer(v)).abs().max() > 0.01:
        return u, v
    return None


# %% wrong="none-after-the-first-try" fails=["breaks-additivity-hidden"] says="often enough"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(1)
    for _ in range(500):
        u, v = torch.randint(-9, 10, (2, *input_shape), generator=gen).double()
        if (layer(u + v) - layer(u) - layer(v)).abs().max() > 0.01:
            return u, v
        else:
            return None


# %% wrong="positive-only" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="numbers of both signs"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    for _ in range(500):
        u, v = torch.randint(10, (2, *input_shape), generator=gen).double()
        if (layer(u + v) - layer(u) - layer(v)).abs().max() > 0.01:
            return u, v
    return None


# %% wrong="small-only" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden"] says="large numbers too"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    for _ in range(500):
        u, v = torch.randint(-1, 2, (2, *input_shape), generator=gen).double()
        if (layer(u + v) - layer(u) - layer(v)).abs().max() > 0.01:
            return u, v
    return None


# %% wrong="impulses-only" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="both signs"
def breaks_additivity(layer, input_shape):
    n = torch.Size(input_shape).numel()
    impulses = torch.eye(n, dtype=torch.float64).reshape(n, *input_shape)
    for u in impulses:
        for v in impulses:
            if (layer(u + v) - layer(u) - layer(v)).abs().max() > 0.01:
                return u, v
    return None


# %% wrong="twice-the-same" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="got None"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    for _ in range(500):
        u = torch.randint(-9, 10, input_shape, generator=gen).double()
        if (layer(2 * u) - 2 * layer(u)).abs().max() > 0.01:
            return u, u
    return None


# %% wrong="twice-the-same-without-a-test" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="the same input twice"
def breaks_additivity(layer, input_shape):
    u = torch.full(input_shape, 9.0, dtype=torch.float64)
    return u, u


# %% wrong="opposite" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="you took v = -u"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    for _ in range(500):
        u = torch.randint(-9, 10, input_shape, generator=gen).double()
        if (layer(u) + layer(-u)).abs().max() > 0.01:
            return u, -u
    return u, -u


# %% wrong="bias-taken-away" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="it is affine"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    bias = layer(torch.zeros(input_shape, dtype=torch.float64))
    for _ in range(500):
        u, v = torch.randint(-9, 10, (2, *input_shape), generator=gen).double()
        if (layer(u + v) - layer(u) - layer(v) + bias).abs().max() > 0.01:
            return u, v
    return None


# %% wrong="exact-comparison" fails=["breaks-additivity-none"] says="is that rounding"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    for _ in range(500):
        u, v = torch.randint(-9, 10, (2, *input_shape), generator=gen).double()
        if not torch.equal(layer(u + v), layer(u) + layer(v)):
            return u, v
    return None


# %% wrong="not-whole" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="whole numbers"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    for _ in range(500):
        u, v = 9 * torch.randn(2, *input_shape, generator=gen).double()
        if (layer(u + v) - layer(u) - layer(v)).abs().max() > 0.01:
            return u, v
    return None


# %% wrong="largest-not-of-the-absolute" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="got None"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    for _ in range(500):
        u, v = torch.randint(-9, 10, (2, *input_shape), generator=gen).double()
        if (layer(u + v) - layer(u) - layer(v)).max() > 0.01:
            return u, v
    return None


# %% wrong="a-batch" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="no batch"
def breaks_additivity(layer, input_shape):
    u, v = torch.randint(-9, 10, (2, 500, *input_shape)).double()
    worst = (layer(u + v) - layer(u) - layer(v)).abs().flatten(1).amax(dim=1)
    return (u[worst.argmax()], v[worst.argmax()]) if worst.max() > 0.01 else None


# %% wrong="no-absolute-value" fails=["breaks-additivity-everywhere", "breaks-additivity-hidden", "breaks-additivity-none"] says="did you take .abs()"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(0)
    for _ in range(200):
        u, v = torch.randint(-9, 10, (2, *input_shape), generator=gen).double()
        if (layer(u + v) - layer(u) - layer(v)).max() > 0.01:
            return u, v
    return None


# %% right="unseeded"
def breaks_additivity(layer, input_shape):
    for _ in range(400):
        u = torch.randint(-9, 10, input_shape).double()
        v = torch.randint(-9, 10, input_shape).double()
        if not torch.allclose(layer(u + v), layer(u) + layer(v), atol=0.01, rtol=0):
            return u, v


# %% right="the-worst-pair"
def breaks_additivity(layer, input_shape):
    pairs = [torch.randint(-9, 10, (2, *input_shape)).double().unbind() for _ in range(300)]
    distance = [float((layer(u + v) - layer(u) - layer(v)).abs().max()) for u, v in pairs]
    worst = max(range(300), key=distance.__getitem__)
    return pairs[worst] if distance[worst] > 1e-2 else None


# %% right="two-pixels-at-a-time"
# No chance: every pair of pixels, with small and large numbers of both signs.
def breaks_additivity(layer, input_shape):
    n = torch.Size(input_shape).numel()
    zero = torch.zeros(input_shape, dtype=torch.float64)
    if layer(zero).abs().max() > 0.01:
        return zero, zero.clone()
    for i in range(n):
        for j in range(n):
            for a, b in [(9, 9), (9, -9), (-9, 9), (-9, -9), (5, 5), (1, 9)]:
                u, v = zero.flatten().clone(), zero.flatten().clone()
                u[i], v[j] = a, b
                u, v = u.reshape(input_shape), v.reshape(input_shape)
                if (layer(u + v) - layer(u) - layer(v)).abs().max() > 0.01:
                    return u, v
    return None


# %% right="as-a-list-of-float32"
def breaks_additivity(layer, input_shape):
    gen = torch.Generator().manual_seed(7)
    for _ in range(1000):
        u, v = torch.randint(-9, 10, (2, *input_shape), generator=gen).float()
        if abs(layer(u + v) - layer(u) - layer(v)).max().item() > 0.01:
            return [u, v]
