# %% wrong="twice-as-long" fails=["rival-key-positive", "rival-key-others"] says="does not turn a key"
def rival_key(query, key):
    return 2 * key


# %% wrong="towards-the-query" fails=["rival-key-positive", "rival-key-others"] says="turn the key away"
# Longer, and more similar.
def rival_key(query, key):
    return key + query


# %% wrong="away-from-the-query" fails=["rival-key-positive", "rival-key-others"] says="make the key longer"
def rival_key(query, key):
    return key - query / 2


# %% wrong="a-step-across" fails=["rival-key-positive", "rival-key-others"] says="does not change it"
def rival_key(query, key):
    along = (query @ key) / (query @ query) * query
    return along + 3 * (key - along)


# %% wrong="opposite" fails=["rival-key-positive", "rival-key-others"] says="turn it less"
def rival_key(query, key):
    return -key


# %% wrong="always-none" fails=["rival-key-positive", "rival-key-others"] says="got None"
def rival_key(query, key):
    return None


# %% wrong="positive-only" fails=["rival-key-others"] says="got None"
# Believes that a negative product cannot be beaten by a less similar key.
def rival_key(query, key):
    dot, size = query @ key, len(query)
    if dot <= 0:
        return None
    along = dot / (query @ query) * query
    across = torch.zeros_like(query)
    i = int(query.abs().argmax())
    across[i], across[i - 1] = -query[i - 1], query[i]
    return 2 * along + 1000 * across


# %% wrong="longer-also-when-negative" fails=["rival-key-others"] says="make the key shorter"
# The right turn, and the length that helps with a positive product.
def rival_key(query, key):
    dot = query @ key
    parallel = dot**2 == (query @ query) * (key @ key)
    if dot == 0 or (dot < 0 and parallel):
        return None
    along = dot / (query @ query) * query
    across = key - along
    if parallel:
        across = torch.zeros_like(query)
        i = int(query.abs().argmax())
        across[i], across[i - 1] = -query[i - 1], query[i]
    return 2 * along + 4 * across if dot > 0 else 2 * along + across


# %% wrong="parallel-not-seen" fails=["rival-key-positive"] says="does not turn a key"
def rival_key(query, key):
    dot = query @ key
    along = dot / (query @ query) * query
    across = key - along
    if dot > 0:
        return 2 * along + 4 * across
    if dot == 0 or dot**2 == (query @ query) * (key @ key):
        return None
    return along / 2 + across / 4


# %% wrong="parallel-is-none" fails=["rival-key-positive"] says="got None"
# A cosine of 1 is the easiest to make smaller.
def rival_key(query, key):
    dot = query @ key
    if dot == 0 or dot**2 == (query @ query) * (key @ key):
        return None
    along = dot / (query @ query) * query
    across = key - along
    return 2 * along + 4 * across if dot > 0 else along / 2 + across / 4


# %% wrong="never-none" fails=["rival-key-others"] says="expected None"
def rival_key(query, key):
    dot = query @ key
    along = dot / (query @ query) * query
    across = torch.zeros_like(query)
    i = int(query.abs().argmax())
    across[i], across[i - 1] = -query[i - 1], query[i]
    if dot > 0:
        return 2 * along + 99 * across
    return along / 2 + (key - along) / 4


# %% wrong="perpendicular-not-none" fails=["rival-key-others"] says="expected None"
# A step along the query makes the product larger, and the cosine too.
def rival_key(query, key):
    dot = query @ key
    if dot < 0 and dot**2 == (query @ query) * (key @ key):
        return None
    along = dot / (query @ query) * query
    across = key - along
    if dot > 0 and not across.abs().max() > 1e-9:
        across = torch.zeros_like(query)
        i = int(query.abs().argmax())
        across[i], across[i - 1] = -query[i - 1], query[i]
    if dot == 0:
        return key + query / 9
    return 2 * along + 4 * across if dot > 0 else along / 2 + across / 4


# %% wrong="opposite-by-a-wide-tolerance" fails=["rival-key-others"] says="got None"
# "The cosine is about -1": nearly opposite keys have a rival too.
def rival_key(query, key):
    dot = query @ key
    cosine = F.cosine_similarity(query, key, dim=0)
    along = dot / (query @ query) * query
    across = key - along
    if dot > 0:
        if cosine > 0.9999999:
            across = torch.zeros_like(query)
            i = int(query.abs().argmax())
            across[i], across[i - 1] = -query[i - 1], query[i]
        return 2 * along + 4 * across
    return along / 2 + across / 4 if -0.99 < cosine < 0 else None


# %% wrong="zeros" fails=["rival-key-positive", "rival-key-others"] says="not all zeros"
def rival_key(query, key):
    return torch.zeros_like(key)


# %% wrong="yes-or-no" fails=["rival-key-positive", "rival-key-others"] says="expected a tensor"
def rival_key(query, key):
    return bool(query @ key)


# %% wrong="no-larger-than-nine" fails=["rival-key-positive", "rival-key-others"] says="longer"
# Entries cut off at 9, as those of the key are.
def rival_key(query, key):
    dot = query @ key
    if dot == 0 or (dot < 0 and dot**2 == (query @ query) * (key @ key)):
        return None
    along = dot / (query @ query) * query
    across = key - along
    if across.abs().max() < 1e-9:
        across = torch.zeros_like(query)
        i = int(query.abs().argmax())
        across[i], across[i - 1] = -query[i - 1], query[i]
    return (2 * along + 4 * across).clamp(-9, 9) if dot > 0 else along / 2 + across / 4


# %% right="angles-in-a-plane"
# Where a vector of length 1 has the component c along the query, c is the cosine.
def rival_key(query, key):
    dot, long = query @ key, query.norm()
    old = dot / long / key.norm()
    if dot == 0 or dot * dot == (query @ query) * (key @ key) and dot < 0:
        return None
    new = old / 2 if dot > 0 else (old - 1) / 2
    i = int(query.abs().argmax())
    across = torch.zeros_like(query)
    across[i - 1] = 1
    across = across - (across @ query) / (query @ query) * query
    rival = new * query / long + (1 - new**2).sqrt() * across / across.norm()
    length = dot / long / new
    return rival * length * (2 if dot > 0 else 0.5)


# %% right="random-search"
def rival_key(query, key):
    dot = query @ key
    if dot == 0 or (dot < 0 and dot**2 == (query @ query) * (key @ key)):
        return None
    cosine = F.cosine_similarity(query, key, dim=0)
    for _ in range(10_000):
        rival = key / key.norm() + torch.randn_like(key) * 10 ** (-4 * torch.rand(()))
        rival *= abs(dot / (rival @ query)) * (1.5 if dot > 0 else 0.5)
        if query @ rival > dot + 1e-6 and F.cosine_similarity(query, rival, dim=0) < cosine - 1e-8:
            return rival


# %% right="very-long-and-nearly-across"
def rival_key(query, key):
    d = query @ key
    if d > 0:
        side = torch.linalg.svd(query[None]).Vh[-1]
        return 2 * d / (query @ query) * query + 1e4 * side
    away = key - d / (query @ query) * query
    if d == 0 or (query @ query) * (key @ key) - d**2 == 0:
        return None
    return (d / (query @ query) * query + away / 2) / 100


# %% right="in-float32"
def rival_key(query, key):
    d = (query @ key).item()
    n = (query @ query).item()
    if d == 0 or d < 0 and d * d == n * (key @ key).item():
        return None
    along = d / n * query
    across = key - along
    if d < 0:
        return (along / 2 + across / 4).float()
    if not across.abs().max() > 1e-6:
        across = torch.linalg.qr(torch.stack([query, torch.randn_like(query)], 1)).Q[:, 1]
    return (2 * along + 5 * across).float()
