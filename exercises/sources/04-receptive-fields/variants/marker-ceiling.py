# %% wrong="guess-forgotten" fails=["marker-ceiling-corner", "marker-ceiling-inside", "marker-ceiling-guess"] says="a guess is right in some cases"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    seen = min(position, reach) + min(n - 1 - position, reach)
    return seen / (n - 1)


# %% wrong="guesses-one" fails=["marker-ceiling-guess"] says="more likely"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    seen = min(position, reach) + min(n - 1 - position, reach)
    return (seen + (n - 1 - seen) * prior) / (n - 1)


# %% wrong="guesses-evenly" fails=["marker-ceiling-guess"] says="better than even"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    seen = min(position, reach) + min(n - 1 - position, reach)
    return (seen + (n - 1 - seen) / 2) / (n - 1)


# %% wrong="guesses-in-proportion" fails=["marker-ceiling-guess"] says="guessing in proportion"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    seen = min(position, reach) + min(n - 1 - position, reach)
    return (seen + (n - 1 - seen) * (prior**2 + (1 - prior) ** 2)) / (n - 1)


# %% wrong="depth-times-k" fails=["marker-ceiling-corner", "marker-ceiling-inside", "marker-ceiling-guess"] says="depth times K:"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * kernel_size
    seen = min(position, reach) + min(n - 1 - position, reach)
    return (seen + (n - 1 - seen) * max(prior, 1 - prior)) / (n - 1)


# %% wrong="whole-field-to-each-side" fails=["marker-ceiling-corner", "marker-ceiling-inside", "marker-ceiling-guess"] says="depth times K - 1"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size - 1)
    seen = min(position, reach) + min(n - 1 - position, reach)
    return (seen + (n - 1 - seen) * max(prior, 1 - prior)) / (n - 1)


# %% wrong="both-sides-always" fails=["marker-ceiling-corner", "marker-ceiling-inside", "marker-ceiling-guess"] says="depth times K - 1"
# At the first pixel this cannot be told from a reach that is twice as large.
def marker_ceiling(n, position, depth, kernel_size, prior):
    seen = min(2 * depth * (kernel_size // 2), n - 1)
    return (seen + (n - 1 - seen) * max(prior, 1 - prior)) / (n - 1)


# %% wrong="one-side-only" fails=["marker-ceiling-inside", "marker-ceiling-guess"] says="one side only"
def marker_ceiling(n, position, depth, kernel_size, prior):
    seen = min(depth * (kernel_size // 2), n - 1)
    return (seen + (n - 1 - seen) * max(prior, 1 - prior)) / (n - 1)


# %% wrong="right-side-alone" fails=["marker-ceiling-inside", "marker-ceiling-guess"] says="side"
def marker_ceiling(n, position, depth, kernel_size, prior):
    seen = min(depth * (kernel_size // 2), n - 1 - position)
    return (seen + (n - 1 - seen) * max(prior, 1 - prior)) / (n - 1)


# %% wrong="not-capped" fails=["marker-ceiling-inside"] says="both sides"
def marker_ceiling(n, position, depth, kernel_size, prior):
    seen = depth * (kernel_size // 2) * (1 if position == 0 else 2)
    return (seen + (n - 1 - seen) * max(prior, 1 - prior)) / (n - 1)


# %% wrong="n-places" fails=["marker-ceiling-corner", "marker-ceiling-inside", "marker-ceiling-guess"] says="n pixels counted"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    seen = min(position, reach) + min(n - 1 - position, reach)
    return (seen + (n - seen) * max(prior, 1 - prior)) / n


# %% wrong="own-pixel-counted" fails=["marker-ceiling-corner", "marker-ceiling-inside", "marker-ceiling-guess"] says="own pixel counted"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    seen = sum(abs(q - position) <= reach for q in range(n))
    return (seen + (n - seen) * max(prior, 1 - prior)) / n


# %% wrong="strictly-inside" fails=["marker-ceiling-corner", "marker-ceiling-inside", "marker-ceiling-guess"] says="one pixel of the field too few"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    seen = sum(0 < abs(q - position) < reach for q in range(n))
    return (seen + (n - 1 - seen) * max(prior, 1 - prior)) / (n - 1)


# %% wrong="rounded" fails=["marker-ceiling-corner", "marker-ceiling-inside", "marker-ceiling-guess"] says="expected"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    seen = min(position, reach) + min(n - 1 - position, reach)
    return round((seen + (n - 1 - seen) * max(prior, 1 - prior)) / (n - 1), 2)


# %% right="pixel-by-pixel"
def marker_ceiling(n, position, depth, kernel_size, prior):
    total = 0
    for place in range(n):
        if place != position:
            seen = abs(place - position) <= depth * (kernel_size - 1) / 2
            total += 1 if seen else max(prior, 1 - prior)
    return total / (n - 1)


# %% right="fractions"
def marker_ceiling(n, position, depth, kernel_size, prior):
    from fractions import Fraction

    reach = depth * (kernel_size // 2)
    seen = Fraction(min(position, reach) + min(n - 1 - position, reach), n - 1)
    return seen + (1 - seen) * Fraction(max(prior, 1 - prior))


# %% right="loss-of-not-seeing"
def marker_ceiling(n, position, depth, kernel_size, prior):
    reach = depth * (kernel_size // 2)
    hidden = max(position - reach, 0) + max(n - 1 - position - reach, 0)
    return torch.tensor(1 - hidden / (n - 1) * min(prior, 1 - prior), dtype=torch.float64)


# %% right="gradient-of-a-stack"
# The field of averages says which pixels are seen.
def marker_ceiling(n, position, depth, kernel_size, prior):
    x = torch.zeros(1, 1, n, dtype=torch.float64)
    x[0, 0, position] = 1
    for _ in range(depth):
        x = F.conv1d(x, torch.ones(1, 1, kernel_size, dtype=torch.float64), padding=kernel_size // 2).clamp(max=1)
    right = torch.where(x[0, 0] > 0, 1.0, max(prior, 1 - prior)).double()
    right[position] = 0
    return right.sum() / (n - 1)
