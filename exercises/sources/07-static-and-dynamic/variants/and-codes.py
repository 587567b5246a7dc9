# %% wrong="or" fails=["and-codes-truth", "and-codes-bound"] says="that is `or`"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([-code, code]), torch.stack([code, code])


# %% wrong="partner-always" fails=["and-codes-truth", "and-codes-bound"] says="every pixel looks at its partner"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([-code, -code]), torch.stack([code, code])


# %% wrong="itself-always" fails=["and-codes-truth", "and-codes-bound"] says="every pixel looks at itself"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([code, code]), torch.stack([code, code])


# %% wrong="no-place-for-a-zero" fails=["and-codes-truth", "and-codes-bound"] says="a pixel that holds 0 looks at all alike"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([0 * code, -code]), torch.stack([code, code])


# %% wrong="no-place-for-a-one" fails=["and-codes-truth", "and-codes-bound"] says="a pixel that holds 1 looks at all alike"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([code, 0 * code]), torch.stack([code, code])


# %% wrong="partners-side-by-side" fails=["and-codes-truth", "and-codes-bound"] says="yours are a and b"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([code, -code]), torch.stack([code, code])


# %% wrong="partners-from-the-ends" fails=["and-codes-truth", "and-codes-bound"] says="yours are a and d"
def and_codes(beta):
    code = torch.eye(4, dtype=torch.float64)
    return beta * torch.stack([code, code.flip(0)]), torch.stack([code, code])


# %% wrong="no-content-in-a-fixed-kernel" fails=["and-codes-truth", "and-codes-bound"] says="a fixed kernel"
# Half itself, half its partner: what an average can do.
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]], dtype=torch.float64)
    return beta * torch.stack([code, code]), torch.stack([code, code])


# %% wrong="zeros-anywhere" fails=["and-codes-truth", "and-codes-bound"] says="they look for a 0 anywhere"
# The content decides, but nobody knows his partner.
def and_codes(beta):
    query = torch.full((2, 4, 1), float(beta), dtype=torch.float64)
    key = torch.tensor([1.0, -1.0], dtype=torch.float64)[:, None, None].expand(2, 4, 1).clone()
    return query, key


# %% wrong="one-number-for-a-code" fails=["and-codes-truth", "and-codes-bound"] says="expected 0, got"
# On a line only its two ends can be pointed at.
def and_codes(beta):
    code = torch.tensor([[1.0], [1 / 3], [-1], [-1 / 3]], dtype=torch.float64)
    return beta * torch.stack([code, -code]), torch.stack([code, code])


# %% wrong="beta-forgotten" fails=["and-codes-truth", "and-codes-bound"] says="expected"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return torch.stack([code, -code]), torch.stack([code, code])


# %% wrong="beta-twice" fails=["and-codes-bound"] says="beta in the queries and in the keys"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([code, -code]), beta * torch.stack([code, code])


# %% wrong="beta-shared-by-roots-wrongly" fails=["and-codes-truth", "and-codes-bound"] says="expected"
# Half of beta in each: the product is a quarter of its square, too much or too little.
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta**0.25 * torch.stack([code, -code]), beta**0.25 * torch.stack([code, code])


# %% wrong="half-of-beta" fails=["and-codes-bound"] says="the largest scores are smaller than beta"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta / 2 * torch.stack([code, -code]), torch.stack([code, code])


# %% wrong="scaled-as-usual" fails=["and-codes-bound"] says="the largest scores are smaller than beta"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta / 2**0.5 * torch.stack([code, -code]), torch.stack([code, code])


# %% wrong="corners-of-length-root-two" fails=["and-codes-bound"] says="no score may be beyond"
def and_codes(beta):
    code = torch.tensor([[1.0, 1], [-1, 1], [-1, -1], [1, -1]], dtype=torch.float64)
    return beta * torch.stack([code, -code]), torch.stack([code, code])


# %% wrong="place-before-content" fails=["and-codes-truth", "and-codes-bound"] says="the content comes first"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([code, -code], dim=1), torch.stack([code, code], dim=1)


# %% wrong="keys-without-content" fails=["and-codes-truth", "and-codes-bound"] says="expected shape (2, 4, 2), got (4, 2)"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return beta * torch.stack([code, -code]), code


# %% wrong="minus-infinity" fails=["and-codes-truth", "and-codes-bound"] says="nan or inf"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    return torch.inf * torch.stack([code, -code]), torch.stack([code, code])


# %% wrong="all-zero" fails=["and-codes-truth", "and-codes-bound"] says="the mean of the four"
def and_codes(beta):
    return torch.zeros(2, 4, 2), torch.zeros(2, 4, 2)


# %% right="on-a-circle-by-angles"
def and_codes(beta):
    angle = torch.arange(4, dtype=torch.float64) * torch.pi / 2 + 0.3
    code = torch.stack([angle.cos(), angle.sin()], dim=-1)
    root = beta**0.5
    return torch.stack([root * code, -root * code]), torch.stack([root * code, root * code])


# %% right="one-hot"
# All other pixels are pushed away as far as the score allows.
def and_codes(beta):
    eye = torch.eye(4, dtype=torch.float64)
    sharp = 2 * eye - 1
    return beta * torch.stack([sharp, sharp.roll(2, dims=0)]), torch.stack([eye, eye])


# %% right="zeros-shine"
# The query knows its pair alone. In a pair the key of a 0 is the brighter one.
def and_codes(beta):
    pair = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]], dtype=torch.float64)
    one = torch.ones(4, 1, dtype=torch.float64)
    query = torch.cat([pair, one], dim=1).expand(2, 4, 3)
    # In the pair 2 beta - beta or beta - beta, elsewhere -beta.
    key = torch.stack([torch.cat([2 * beta * pair, -beta * one], 1), torch.cat([beta * pair, -beta * one], 1)])
    return query, key


# %% right="loops-and-float32"
def and_codes(beta):
    query, key = torch.zeros(2, 4, 5), torch.zeros(2, 4, 5)
    for content in (0, 1):
        for place in range(4):
            key[content, place, place] = 1
            for other in range(4):
                target = (place + 2) % 4 if content else place
                query[content, place, other] = beta if other == target else -beta / 2
    return [query, key]


# %% right="both-know-the-content"
def and_codes(beta):
    code = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    query = torch.stack([torch.cat([code, 0 * code], 1), torch.cat([0 * code, -code], 1)])
    return beta * query, torch.stack([torch.cat([code, code], 1)] * 2)
