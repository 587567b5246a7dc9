# %% wrong="only-positive-vectors" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="do linprog's bounds allow it"
# What linprog's bounds are made of if only the 1 is thought of.
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = (0, 1)
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin


# %% wrong="bounds-forgotten" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="do linprog's bounds allow it"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others)).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin


# %% wrong="too-short" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="v must be longer"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64)


# %% wrong="ten-times" fails=["pointing-vector-curved", "pointing-vector-any"] says="v must be longer"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * 10


# %% wrong="margin-of-all-others-forgotten" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="v must be longer"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * 1 / margin


# %% wrong="never-none" fails=["pointing-vector-linear", "pointing-vector-any"] says="expected None, no vector can"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    return torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin


# %% wrong="ties-allowed" fails=["pointing-vector-linear", "pointing-vector-any"] says="expected None, no vector can"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < -1e-6:
        return None
    return torch.tensor(v, dtype=torch.float64) * 1e4


# %% wrong="sign-of-the-differences" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="v has the wrong sign"
def pointing_vector(encoding, tap):
    others = encoding[tap] - torch.cat([encoding[:tap], encoding[tap + 1 :]])
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin


# %% wrong="tap-among-the-others" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="got None"
def pointing_vector(encoding, tap):
    others = encoding - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin


# %% wrong="its-own-direction" fails=["pointing-vector-curved", "pointing-vector-any"] says="need not point along r itself"
# Right for a circle around the origin, and for the corners of a window.
def pointing_vector(encoding, tap):
    v = 100 * encoding[tap]
    weights = (encoding @ v).softmax(dim=-1)
    return v if weights[tap] >= 0.99 else None


# %% wrong="away-from-the-mean" fails=["pointing-vector-curved", "pointing-vector-any"] says="got None"
# Right for a circle and for the quadratic encoding on 3 × 3, and not for 1 × 5 or a stretched cloud.
def pointing_vector(encoding, tap):
    v = 1000 * (encoding[tap] - encoding.mean(0))
    weights = (encoding @ v).softmax(dim=-1)
    return v if weights[tap] >= 0.99 else None


# %% wrong="least-squares" fails=["pointing-vector-curved", "pointing-vector-any"] says="got None"
def pointing_vector(encoding, tap):
    v = 1000 * torch.linalg.pinv(encoding)[:, tap]
    weights = (encoding @ v).softmax(dim=-1)
    return v if weights[tap] >= 0.99 else None


# %% wrong="extreme-in-one-coordinate" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="got None"
def pointing_vector(encoding, tap):
    for axis in range(encoding.shape[1]):
        for sign in (-1, 1):
            v = torch.zeros(encoding.shape[1], dtype=torch.float64)
            v[axis] = sign * 1e4
            if (encoding @ v).softmax(dim=-1)[tap] >= 0.99:
                return v
    return None


# %% wrong="largest-is-enough" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="v is 0"
# v = 0 keeps every score from being larger.
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    found = linprog([0.0] * encoding.shape[1], others.numpy(), [0.0] * len(others), bounds=(None, None))
    return torch.tensor(found.x, dtype=torch.float64) * 1000


# %% wrong="a-few-random-tries" fails=["pointing-vector-curved", "pointing-vector-any"] says="got None"
def pointing_vector(encoding, tap):
    generator = torch.Generator().manual_seed(0)
    for v in 1e5 * torch.randn(20, encoding.shape[1], generator=generator, dtype=torch.float64):
        if (encoding @ v).softmax(dim=-1)[tap] >= 0.99:
            return v
    return None


# %% wrong="margin-of-a-tenth" fails=["pointing-vector-curved", "pointing-vector-any"] says="the margin is small, and v long"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.1:
        return None
    return torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin


# %% wrong="divided-by-the-root" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="v must be longer"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin * encoding.shape[1] ** -0.5 / 2


# %% wrong="with-the-margin" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="expected shape"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    v = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    margin = v[-1]
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin


# %% wrong="weights-returned" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="expected shape (2,), got (9,)"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    v = torch.tensor(v, dtype=torch.float64) * math.log(200 * len(others)) / margin
    return (encoding @ v).softmax(dim=-1)


# %% wrong="infinite" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="finite"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    if margin < 0.0005:
        return None
    return torch.tensor(v, dtype=torch.float64) * math.inf


# %% wrong="always-none" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="got None"
def pointing_vector(encoding, tap):
    return None


# %% wrong="all-zero" fails=["pointing-vector-linear", "pointing-vector-curved", "pointing-vector-any"] says="v is 0"
def pointing_vector(encoding, tap):
    return torch.zeros(encoding.shape[1], dtype=torch.float64)


# %% right="feasible-or-not"
# Ask for the margin that is needed, and let the solver say whether there is one.
def pointing_vector(encoding, tap):
    keep = torch.arange(len(encoding)) != tap
    A_ub = (encoding[keep] - encoding[tap]).numpy()
    need = math.log(100 * len(encoding))
    found = linprog([0] * encoding.shape[1], A_ub=A_ub, b_ub=[-need] * len(A_ub), bounds=(None, None))
    return torch.from_numpy(found.x) if found.status == 0 else None


# %% right="nearest-point-of-the-hull"
# The hull's point nearest to the tap, by non-negative least squares: v points away from it.
from scipy.optimize import nnls


def pointing_vector(encoding, tap):
    keep = torch.arange(len(encoding)) != tap
    differences = (encoding[keep] - encoding[tap]).numpy()
    ones = torch.ones(1, len(differences)).double().numpy()
    weights, _ = nnls(torch.tensor([*differences.T.tolist(), *ones.tolist()]).double().numpy(), [0.0] * encoding.shape[1] + [1.0])
    v = -torch.from_numpy(weights @ differences)
    margin = float((encoding[tap] - encoding[keep]).mv(v).min())
    if margin < 1e-12:
        return None
    return v * (math.log(100 * len(encoding)) / margin)


# %% right="differences-in-a-loop"
def pointing_vector(encoding, tap):
    import numpy as np

    r = encoding.numpy()
    d = r.shape[1]
    rows = [np.append(r[t] - r[tap], 1.0) for t in range(len(r)) if t != tap]
    best = linprog(np.append(np.zeros(d), -1.0), np.array(rows), np.zeros(len(rows)), bounds=[(-1, 1)] * d + [(0, None)])
    v, margin = best.x[:d], best.x[d]
    return torch.tensor(v * (30 / margin)) if margin > 1e-4 else None


# %% right="smallest-vector"
# v as a difference of two vectors that are not negative, so linprog's own bounds will do.
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    pair = torch.cat([others, -others], dim=1).numpy()
    found = linprog([1.0] * pair.shape[1], pair, [-20.0] * len(pair))
    if not found.success:
        return None
    plus, minus = torch.from_numpy(found.x).chunk(2)
    return plus - minus


# %% right="float32"
def pointing_vector(encoding, tap):
    others = torch.cat([encoding[:tap], encoding[tap + 1 :]]) - encoding[tap]
    A_ub = torch.cat([others, torch.ones(len(others), 1, dtype=torch.float64)], dim=1)
    cost = [0.0] * encoding.shape[1] + [-1.0]
    bounds = [(-1, 1)] * encoding.shape[1] + [(None, None)]
    *v, margin = linprog(cost, A_ub.numpy(), [0.0] * len(others), bounds=bounds).x
    return None if margin < 0.0005 else torch.tensor(v).float() * 15 / margin
