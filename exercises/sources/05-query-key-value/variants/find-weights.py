# %% wrong="always-none" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="got None"
def find_weights(output, value):
    return None


# %% wrong="even-weights" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="even weights"
def find_weights(output, value):
    return torch.full((len(value),), 1 / len(value))


# %% wrong="equations-only" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="signs not looked at"
# More values than equations: one solution of many, and its signs are what they are.
def find_weights(output, value):
    A = torch.cat([value.T, torch.ones(1, len(value)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    return torch.linalg.pinv(A) @ b


# %% wrong="equations-then-signs" fails=["find-weights-inside", "find-weights-edge"] says="got None"
# One solution of many is tried, and its signs decide.
def find_weights(output, value):
    A = torch.cat([value.T, torch.ones(1, len(value)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    weights = torch.linalg.pinv(A) @ b
    return weights if weights.min() > -1e-7 and (A @ weights - b).abs().max() < 1e-7 else None


# %% wrong="clipped" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="set to 0"
def find_weights(output, value):
    A = torch.cat([value.T, torch.ones(1, len(value)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    return (torch.linalg.pinv(A) @ b).clamp(min=0)


# %% wrong="clipped-and-divided" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="the rest divided by its sum"
def find_weights(output, value):
    A = torch.cat([value.T, torch.ones(1, len(value)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    weights = (torch.linalg.pinv(A) @ b).clamp(min=0)
    return weights / weights.sum()


# %% wrong="sum-forgotten" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="sum is missing"
def find_weights(output, value):
    weights, error = nnls(value.T.numpy(), output.numpy())
    return torch.from_numpy(weights) if error < 1e-6 else None


# %% wrong="divided-by-the-sum" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="then divided by it"
# Solved without the sum, which is put right afterwards; then the output is wrong.
def find_weights(output, value):
    weights, error = nnls(value.T.numpy(), output.numpy())
    return torch.from_numpy(weights / max(weights.sum(), 1e-9)) if error < 1e-6 else None


# %% wrong="error-not-looked-at" fails=["find-weights-outside", "find-weights-edge"] says="expected None"
def find_weights(output, value):
    A = torch.cat([value.T, torch.ones(1, len(value)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    return torch.from_numpy(nnls(A.numpy(), b.numpy())[0])


# %% wrong="in-the-box" fails=["find-weights-outside"] says="in the box"
# None only where a coordinate is below or above those of all values.
def find_weights(output, value):
    if (output < value.amin(0) - 1e-9).any() or (output > value.amax(0) + 1e-9).any():
        return None
    A = torch.cat([value.T, torch.ones(1, len(value)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    return torch.from_numpy(nnls(A.numpy(), b.numpy())[0])


# %% wrong="nearest-value" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="nearest value alone"
def find_weights(output, value):
    nearest = (value - output).norm(dim=-1).argmin()
    return F.one_hot(nearest, len(value)).double()


# %% wrong="softmax-of-products" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="softmax of the dot products"
def find_weights(output, value):
    return (value @ output).softmax(0)


# %% wrong="softmax-by-descent" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="None, but"
# A softmax comes near a corner and never reaches it; a few steps come near nothing.
def find_weights(output, value):
    logits = torch.zeros(len(value), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        loss = (logits.softmax(0) @ value - output).square().sum()
        loss.backward()
        optimizer.step()
    return logits.softmax(0).detach() if loss < 1e-8 else None


# %% wrong="sum-at-most-one" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="not to 1"
def find_weights(output, value):
    result = linprog(
        torch.ones(len(value)).numpy(),
        A_ub=torch.ones(1, len(value)).numpy(),
        b_ub=[1],
        A_eq=value.T.numpy(),
        b_eq=output.numpy(),
    )
    return torch.from_numpy(result.x) if result.status == 0 else None


# %% wrong="linprog-without-bounds" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="below 0"
def find_weights(output, value):
    A = torch.cat([value.T, torch.ones(1, len(value)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    result = linprog(torch.arange(len(value)).numpy(), A_eq=A.numpy(), b_eq=b.numpy(), bounds=(-10, 10))
    return torch.from_numpy(result.x) if result.status == 0 else None


# %% wrong="first-values-only" fails=["find-weights-inside", "find-weights-outside", "find-weights-edge"] says="got None"
# A triangle, or what it is in more dimensions: the other values are not tried.
def find_weights(output, value):
    few = value[: value.shape[1] + 1]
    A = torch.cat([few.T, torch.ones(1, len(few)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    weights, error = nnls(A.numpy(), b.numpy())
    if error > 1e-6:
        return None
    return torch.cat([torch.from_numpy(weights), torch.zeros(len(value) - len(few))])


# %% wrong="inside-only" fails=["find-weights-edge"] says="got None"
# Softmax never gives 0, but a hull has an edge, and a mask gives 0.
def find_weights(output, value):
    A = torch.cat([value.T, torch.ones(1, len(value)).double()]).numpy()
    b = torch.cat([output, torch.ones(1).double()]).numpy()
    least = linprog([0] * len(value) + [-1], A_eq=[[*row, 0] for row in A], b_eq=b,
                    A_ub=[[-(i == j) * 1.0 for j in range(len(value))] + [1] for i in range(len(value))],
                    b_ub=[0] * len(value))
    inside = least.status == 0 and least.x[-1] > 1e-6
    return torch.from_numpy(least.x[:-1]) if inside else None


# %% wrong="distance-to-the-mean" fails=["find-weights-inside", "find-weights-outside"] says="got None"
# A ball is not a hull.
def find_weights(output, value):
    mean = value.mean(0)
    if (output - mean).norm() > (value - mean).norm(dim=-1).mean():
        return None
    A = torch.cat([value.T, torch.ones(1, len(value)).double()])
    b = torch.cat([output, torch.ones(1).double()])
    return torch.from_numpy(nnls(A.numpy(), b.numpy())[0])


# %% right="linprog"
def find_weights(output, value):
    result = linprog(
        [0.0] * len(value),
        A_eq=torch.cat([value, torch.ones(len(value), 1)], dim=1).T.numpy(),
        b_eq=[*output.tolist(), 1],
    )
    return torch.tensor(result.x) if result.status == 0 else None


# %% right="linprog-with-a-cost-and-bounds"
def find_weights(output, value):
    import numpy as np

    A = np.vstack([value.numpy().T, np.ones(len(value))])
    b = np.append(output.numpy(), 1)
    result = linprog(np.arange(len(value)), A_eq=A, b_eq=b, bounds=[(0, 1)] * len(value), method="highs-ds")
    return torch.from_numpy(result.x) if result.success else None


# %% right="nnls-and-checked"
def find_weights(output, value):
    A = torch.nn.functional.pad(value, (0, 1), value=1.0).T
    b = torch.nn.functional.pad(output, (0, 1), value=1.0)
    weights = torch.as_tensor(nnls(A.numpy(), b.numpy())[0])
    weights = weights / weights.sum()
    return weights if torch.allclose(weights @ value, output, atol=1e-7) else None


# %% right="nearest-point-of-the-hull-in-differences"
# The differences value - output have to mix to 0.
def find_weights(output, value):
    A = torch.cat([(value - output).T, torch.ones(1, len(value), dtype=torch.float64)])
    b = torch.zeros(len(A), dtype=torch.float64)
    b[-1] = 1
    weights, error = nnls(A.numpy(), b.numpy())
    return None if error > 1e-5 else torch.tensor(weights.tolist(), dtype=torch.float64)


# %% right="all-small-groups-of-values"
# Carathéodory: a point of the hull is a mixture of D_v + 1 values, or of fewer.
def find_weights(output, value):
    from itertools import combinations

    b = torch.cat([output, torch.ones(1, dtype=torch.float64)])
    A = torch.cat([value.T, torch.ones(1, len(value), dtype=torch.float64)])
    for size in range(1, min(len(value), len(b)) + 1):
        for group in map(list, combinations(range(len(value)), size)):
            some = torch.linalg.pinv(A[:, group]) @ b
            if some.min() >= -1e-7 and (A[:, group] @ some - b).abs().max() < 1e-7:
                weights = torch.zeros(len(value), dtype=torch.float64)
                weights[group] = some
                return weights
    return None
