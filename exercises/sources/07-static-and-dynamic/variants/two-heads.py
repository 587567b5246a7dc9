# %% wrong="factor-without-sign" fails=["two-heads-one", "two-heads-exact", "two-heads-edge"] says="the factor needs the sign"
def one_head(kernel):
    positive, negative = kernel.clamp(min=0), (-kernel).clamp(min=0)
    part = positive if positive.sum() >= negative.sum() else negative
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), float(part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, total


# %% wrong="always-the-positive-part" fails=["two-heads-one", "two-heads-edge"] says="the positive taps are not always the ones"
def one_head(kernel):
    part = kernel.clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), float(part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, torch.stack([total[0], -total[1]])


# %% wrong="largest-tap-decides" fails=["two-heads-one"] says="the lighter sign was kept"
def one_head(kernel):
    sign = kernel[kernel.abs().argmax()].sign()
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), float(sign * part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, torch.stack([total[0], -total[1]])


# %% wrong="sizes-as-weights" fails=["two-heads-one"] says="sizes of all taps, with the sum of the kernel"
def one_head(kernel):
    size = kernel.abs()
    if not size.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return size / size.sum(), kernel.sum()


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, torch.stack([total[0], -total[1]])


# %% wrong="divided-by-the-sum" fails=["two-heads-one", "two-heads-edge"] says="weights of a softmax are not negative"
def one_head(kernel):
    return kernel / kernel.sum(), kernel.sum()


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, torch.stack([total[0], -total[1]])


# %% wrong="softmax-of-the-kernel" fails=["two-heads-one", "two-heads-exact", "two-heads-edge"] says="softmax of the kernel is not near the kernel"
def one_head(kernel):
    return kernel.softmax(0), kernel.sum()


def two_heads(kernel):
    A = torch.stack([kernel.softmax(0), (-kernel).softmax(0)])
    return A, torch.stack([kernel.clamp(min=0).sum(), kernel.clamp(max=0).sum()])


# %% wrong="even-weights" fails=["two-heads-one", "two-heads-exact", "two-heads-edge"] says="even weights are the mean"
def one_head(kernel):
    return torch.full_like(kernel, 1 / len(kernel)), kernel.sum()


def two_heads(kernel):
    A = torch.full((2, len(kernel)), 1 / len(kernel), dtype=kernel.dtype)
    return A, torch.stack([kernel.clamp(min=0).sum(), kernel.clamp(max=0).sum()])


# %% wrong="factor-is-the-sum-of-the-kernel" fails=["two-heads-one"] says="not of all"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), kernel.sum()


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, torch.stack([total[0], -total[1]])


# %% wrong="factor-forgotten" fails=["two-heads-one", "two-heads-exact", "two-heads-edge"] says="the factor is the sum of the taps that are kept"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0
    return part / part.sum(), sign


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, torch.tensor([1.0, -1.0])


# %% wrong="not-normed" fails=["two-heads-one", "two-heads-exact", "two-heads-edge"] says="expected weights that sum to 1"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    return (sign * kernel).clamp(min=0), sign


def two_heads(kernel):
    return torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)]), torch.tensor([1.0, -1.0])


# %% wrong="signs-in-the-weights" fails=["two-heads-exact", "two-heads-edge"] says="the sign belongs to the factor"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), float(sign * part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), kernel.clamp(max=0)])
    total = parts.abs().sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, total


# %% wrong="divides-by-zero" fails=["two-heads-edge"] says="got nan or inf"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    return part / part.sum(), float(sign * part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    return parts / total[:, None], total * torch.tensor([1.0, -1.0])


# %% wrong="empty-rows" fails=["two-heads-edge"] says="a part that is empty needs weights too"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    return part / part.sum().clamp(min=1), float(sign * part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    return parts / total[:, None].clamp(min=1), total * torch.tensor([1.0, -1.0])


# %% wrong="factors-with-the-wrong-signs" fails=["two-heads-exact", "two-heads-edge"] says="the factors have the wrong signs"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), float(sign * part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, total * torch.tensor([-1.0, 1.0])


# %% wrong="all-sizes-as-factor" fails=["two-heads-one", "two-heads-exact", "two-heads-edge"] says="not of all sizes"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), sign * kernel.abs().sum()


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A, kernel.abs().sum() * torch.tensor([1.0, -1.0])


# %% wrong="other-order" fails=["two-heads-exact", "two-heads-edge"] says="the other order"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), float(sign * part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return total * torch.tensor([1.0, -1.0]), A


# %% wrong="columns-for-heads" fails=["two-heads-exact", "two-heads-edge"] says="a row for each head: transpose"
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), float(sign * part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    A = torch.full_like(parts, 1 / len(kernel))
    A[total > 0] = parts[total > 0] / total[total > 0, None]
    return A.T, total * torch.tensor([1.0, -1.0])


# %% wrong="nothing-when-not-needed" fails=["two-heads-edge"] says="expected shape"
# One row alone where the kernel has one sign.
def one_head(kernel):
    sign = 1 if kernel.sum() >= 0 else -1
    part = (sign * kernel).clamp(min=0)
    if not part.any():
        return torch.full_like(kernel, 1 / len(kernel)), 0.0
    return part / part.sum(), float(sign * part.sum())


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0), (-kernel).clamp(min=0)])
    total = parts.sum(dim=1)
    kept = total > 0
    return parts[kept] / total[kept, None], (total * torch.tensor([1.0, -1.0]))[kept]


# %% wrong="example-by-heart" fails=["two-heads-one", "two-heads-exact", "two-heads-edge"] says="the largest error is"
def one_head(kernel):
    return torch.tensor([1.0, 0, 0]), 4.0


def two_heads(kernel):
    return torch.tensor([[1.0, 0, 0], [0, 0, 1]]), torch.tensor([4.0, -3.0])


# %% right="loops"
def one_head(kernel):
    positive = sum(w for w in kernel.tolist() if w > 0)
    negative = sum(-w for w in kernel.tolist() if w < 0)
    if positive == negative == 0:
        return torch.tensor([1.0] + [0.0] * (len(kernel) - 1)), 0
    if positive >= negative:
        return torch.tensor([max(w, 0) / positive for w in kernel.tolist()]), positive
    return torch.tensor([max(-w, 0) / negative for w in kernel.tolist()]), -negative


def two_heads(kernel):
    rows, factors = [], []
    for sign in (1, -1):
        kept = [max(sign * w, 0) for w in kernel.tolist()]
        total = sum(kept)
        rows.append([w / total if total else 1 / len(kept) for w in kept])
        factors.append(sign * total)
    return torch.tensor(rows, dtype=torch.float64), torch.tensor(factors, dtype=torch.float64)


# %% right="relu-and-where"
# The two heads in the other order, and a 0-dimensional tensor as the factor.
def two_heads(kernel):
    parts = torch.stack([F.relu(-kernel), F.relu(kernel)])
    total = parts.sum(1, keepdim=True)
    even = torch.ones_like(parts) / kernel.numel()
    A = torch.where(total > 0, parts / total.clamp(min=1e-300), even)
    return A, total[:, 0] * torch.tensor([-1, 1])


def one_head(kernel):
    A, c = two_heads(kernel)
    best = c.abs().argmax()
    return A[best], c[best]


# %% right="more-on-both-sides"
# Both heads may take something more of the same: it cancels.
def one_head(kernel):
    sign = -1.0 if kernel.sum() < 0 else 1.0
    part = (sign * kernel).clamp(min=0)
    total = part.sum()
    return (part / total, sign * total) if total else (kernel.clone().fill_(1 / len(kernel)), 0.0)


def two_heads(kernel):
    parts = torch.stack([kernel.clamp(min=0) + 1, (-kernel).clamp(min=0) + 1])
    total = parts.sum(dim=1, keepdim=True)
    return parts / total, total.flatten() * torch.tensor([1.0, -1.0], dtype=torch.float64)


# %% right="linear-program"
def one_head(kernel):
    import numpy as np
    from scipy.optimize import linprog

    n = len(kernel)
    best = None
    for sign in (1, -1):
        # u = the weights times the size of the factor, e at least |w - sign u|.
        eye = np.eye(n)
        rows = np.block([[sign * eye, -eye], [-sign * eye, -eye]])
        limits = np.concatenate([kernel.numpy(), -kernel.numpy()])
        found = linprog([0.0] * n + [1.0] * n, A_ub=rows, b_ub=limits, method="highs")
        if best is None or found.fun < best[0]:
            best = found.fun, sign, torch.from_numpy(found.x[:n])
    _, sign, u = best
    if u.sum() < 1e-9:
        return torch.full((n,), 1 / n), 0.0
    return u / u.sum(), sign * u.sum().item()


def two_heads(kernel):
    A = torch.stack([kernel.clamp(min=0), -kernel.clamp(max=0)])
    c = A.sum(1)
    A[c == 0] = 1.0
    return A / A.sum(1, keepdim=True), c * torch.tensor([1.0, -1.0])
