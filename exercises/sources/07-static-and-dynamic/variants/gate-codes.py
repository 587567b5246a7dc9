# %% wrong="gates-exchanged" fails=["gate-codes-truth", "gate-codes-bound"] says="the other way round"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([-zero, zero]), torch.stack([code, code])


# %% wrong="and-everywhere" fails=["gate-codes-truth", "gate-codes-bound"] says="b and d want `or`"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([code, -code]), torch.stack([code, code])


# %% wrong="or-everywhere" fails=["gate-codes-truth", "gate-codes-bound"] says="a and c want `and`"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([-code, code]), torch.stack([code, code])


# %% wrong="partner-always" fails=["gate-codes-truth", "gate-codes-bound"] says="every pixel looks at its partner"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([-code, -code]), torch.stack([code, code])


# %% wrong="itself-always" fails=["gate-codes-truth", "gate-codes-bound"] says="every pixel looks at itself"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([code, code]), torch.stack([code, code])


# %% wrong="no-place-for-a-zero" fails=["gate-codes-truth", "gate-codes-bound"] says="a pixel that holds 0 looks at all alike"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([0 * zero, -zero]), torch.stack([code, code])


# %% wrong="no-place-for-a-one" fails=["gate-codes-truth", "gate-codes-bound"] says="a pixel that holds 1 looks at all alike"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([zero, 0 * zero]), torch.stack([code, code])


# %% wrong="partners-side-by-side" fails=["gate-codes-truth", "gate-codes-bound"] says="yours are a and b"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([zero, -zero]), torch.stack([code, code])


# %% wrong="partners-from-the-ends" fails=["gate-codes-truth", "gate-codes-bound"] says="yours are a and d"
def gate_codes(beta):
    code = torch.eye(4, dtype=torch.float64)
    other = code.flip(0)
    first = torch.tensor([[True], [False], [True], [False]])
    return beta * torch.stack([torch.where(first, code, other), torch.where(first, other, code)]), torch.stack([code, code])


# %% wrong="no-content-in-a-fixed-kernel" fails=["gate-codes-truth", "gate-codes-bound"] says="a fixed kernel"
# Half itself, half its partner: what an average can do.
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]], dtype=torch.float64)
    return beta * torch.stack([code, code]), torch.stack([code, code])


# %% wrong="zeros-anywhere" fails=["gate-codes-truth", "gate-codes-bound"] says="they look for a 0 anywhere"
# The content decides, but nobody knows his partner.
def gate_codes(beta):
    query = torch.full((2, 4, 1), float(beta), dtype=torch.float64)
    key = torch.tensor([1.0, -1.0], dtype=torch.float64)[:, None, None].expand(2, 4, 1).clone()
    return query, key


# %% wrong="one-number-for-a-code" fails=["gate-codes-truth", "gate-codes-bound"] says="expected 1, got"
# On a line only its two ends can be pointed at.
def gate_codes(beta):
    code = torch.tensor([[1.0], [1 / 3], [-1], [-1 / 3]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([zero, -zero]), torch.stack([code, code])


# %% wrong="beta-forgotten" fails=["gate-codes-truth", "gate-codes-bound"] says="expected"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return torch.stack([zero, -zero]), torch.stack([code, code])


# %% wrong="beta-twice" fails=["gate-codes-bound"] says="beta in the queries and in the keys"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([zero, -zero]), beta * torch.stack([code, code])


# %% wrong="beta-shared-by-roots-wrongly" fails=["gate-codes-truth", "gate-codes-bound"] says="expected"
# Half of beta in each: the product is a quarter of its square, too much or too little.
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta**0.25 * torch.stack([zero, -zero]), beta**0.25 * torch.stack([code, code])


# %% wrong="half-of-beta" fails=["gate-codes-bound"] says="the largest scores are smaller than beta"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta / 2 * torch.stack([zero, -zero]), torch.stack([code, code])


# %% wrong="scaled-as-usual" fails=["gate-codes-bound"] says="the largest scores are smaller than beta"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta / 2**0.5 * torch.stack([zero, -zero]), torch.stack([code, code])


# %% wrong="corners-of-length-root-two" fails=["gate-codes-bound"] says="no score may be beyond"
def gate_codes(beta):
    code = torch.tensor([[1.0, 1], [-1, 1], [-1, -1], [1, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([zero, -zero]), torch.stack([code, code])


# %% wrong="place-before-content" fails=["gate-codes-truth", "gate-codes-bound"] says="the content comes first"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([zero, -zero], dim=1), torch.stack([code, code], dim=1)


# %% wrong="keys-without-content" fails=["gate-codes-truth", "gate-codes-bound"] says="expected shape (2, 4, 2), got (4, 2)"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return beta * torch.stack([zero, -zero]), code


# %% wrong="minus-infinity" fails=["gate-codes-truth", "gate-codes-bound"] says="nan or inf"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    zero = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64) * code
    return torch.inf * torch.stack([zero, -zero]), torch.stack([code, code])


# %% wrong="all-zero" fails=["gate-codes-truth", "gate-codes-bound"] says="the mean of the four"
def gate_codes(beta):
    return torch.zeros(2, 4, 2), torch.zeros(2, 4, 2)


# %% right="on-a-circle-by-angles"
def gate_codes(beta):
    angle = torch.arange(4, dtype=torch.float64) * torch.pi / 2 + 0.3
    code = torch.stack([angle.cos(), angle.sin()], dim=-1)
    gate = torch.tensor([1, -1, 1, -1])[:, None]
    root = beta**0.5
    return torch.stack([root * gate * code, -root * gate * code]), torch.stack([root * code, root * code])


# %% right="one-hot"
# All other pixels are pushed away as far as the score allows.
def gate_codes(beta):
    eye = torch.eye(4, dtype=torch.float64)
    itself = 2 * eye - 1
    partner = itself.roll(2, dims=0)
    query = torch.empty(2, 4, 4, dtype=torch.float64)
    query[0, 0::2], query[1, 0::2] = itself[0::2], partner[0::2]
    query[0, 1::2], query[1, 1::2] = partner[1::2], itself[1::2]
    return beta * query, torch.stack([eye, eye])


# %% right="bright-keys"
# The query knows its pair alone. In a pair the key that decides is the brighter one: a 0 for `and`, a 1 for `or`.
def gate_codes(beta):
    pair = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]], dtype=torch.float64)
    one = torch.ones(4, 1, dtype=torch.float64)
    query = torch.cat([pair, one], dim=1).expand(2, 4, 3)
    # In the pair 2 beta - beta or beta - beta, elsewhere -beta.
    bright = torch.cat([2 * beta * pair, -beta * one], 1)
    dull = torch.cat([beta * pair, -beta * one], 1)
    decides = pair[:, :1] > 0
    return query, torch.stack([torch.where(decides, bright, dull), torch.where(decides, dull, bright)])


# %% right="loops-and-float32"
def gate_codes(beta):
    query, key = torch.zeros(2, 4, 5), torch.zeros(2, 4, 5)
    for content in (0, 1):
        for place in range(4):
            key[content, place, place] = 1
            away = content == 1 if place in (0, 2) else content == 0
            for other in range(4):
                target = (place + 2) % 4 if away else place
                query[content, place, other] = beta if other == target else -beta / 2
    return [query, key]


# %% right="both-know-the-content"
def gate_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    sign = torch.tensor([[1.0], [-1], [1], [-1]], dtype=torch.float64)
    query = torch.stack([torch.cat([sign * code, 0 * code], 1), torch.cat([0 * code, -sign * code], 1)])
    return beta * query, torch.stack([torch.cat([code, code], 1)] * 2)
