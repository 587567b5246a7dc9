# %% wrong="where-it-is-now" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="also where it came from"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        return ((p < reach) | (p >= n - reach)) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="where-it-came-from" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="also where it is now"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = (torch.arange(n) - s) % n
        return ((p < reach) | (p >= n - reach)) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="rolled-backwards" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="roll moves p - shift to p"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < reach) | (p >= n - reach)
        return (edge | edge[(p + s) % n]) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="not-round-the-torus" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="meant round the torus"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        here = (p < reach) | (p >= n - reach)
        there = (p - s < reach) | (p - s >= n - reach)
        return (here | there) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="top-and-left-only" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="the border has two sides, yours is at the top"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        return ((p < reach) | ((p - s) % n < reach)) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="one-pixel-wide" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="one pixel wide"
def unequal_pixels(height, width, kernel_size, shift):
    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p == 0) | (p == n - 1)
        return (edge | edge[(p - s) % n]) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="k-pixels-wide" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="K pixels wide"
def unequal_pixels(height, width, kernel_size, shift):
    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < kernel_size) | (p >= n - kernel_size)
        return (edge | edge[(p - s) % n]) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="axes-swapped" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="rows and columns of the shift"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < reach) | (p >= n - reach)
        return (edge | edge[(p - s) % n]) & (s % n != 0)

    return on_axis(height, shift[1])[:, None] | on_axis(width, shift[0])


# %% wrong="the-axis-that-rests" fails=["unequal-pixels-one-axis", "unequal-pixels-round"] says="an axis that is not shifted"
# A whole ring, though the image moved along its rows only.
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2
    inner = torch.zeros(height, width, dtype=torch.bool)
    inner[reach : height - reach, reach : width - reach] = height > 2 * reach and width > 2 * reach
    if shift[0] % height == 0 and shift[1] % width == 0:
        return torch.zeros_like(inner)
    return ~(inner & inner.roll(shift, (0, 1)))


# %% wrong="once-round-is-a-shift" fails=["unequal-pixels-round"] says="once round the torus"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < reach) | (p >= n - reach)
        return (edge | edge[(p - s) % n]) & (s != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="both-at-the-border" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="at the border is enough"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < reach) | (p >= n - reach)
        return (edge & edge[(p - s) % n]) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="both-axes-needed" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="both axes at once"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < reach) | (p >= n - reach)
        return (edge | edge[(p - s) % n]) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] & on_axis(width, shift[1])


# %% wrong="what-came-round" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="the pixels that came round"
def unequal_pixels(height, width, kernel_size, shift):
    def on_axis(n, s):
        p, s = torch.arange(n), s % n
        if s == 0:
            return p < 0
        return p < s if s <= n // 2 else p >= s

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% wrong="true-where-equal" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="True is for the pixels that may differ"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < reach) | (p >= n - reach)
        return (edge | edge[(p - s) % n]) & (s % n != 0)

    return ~(on_axis(height, shift[0])[:, None] | on_axis(width, shift[1]))


# %% wrong="constant-image" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="one image and one kernel"
# One image, all ones, and a kernel of ones: where as many pixels are cut off on either side, nothing is seen.
def unequal_pixels(height, width, kernel_size, shift):
    x = torch.ones(1, 1, height, width)
    kernel = torch.ones(1, 1, kernel_size, kernel_size)
    first = F.conv2d(x.roll(shift, (2, 3)), kernel, padding=kernel_size // 2)
    last = F.conv2d(x, kernel, padding=kernel_size // 2).roll(shift, (2, 3))
    return (first != last)[0, 0]


# %% wrong="numbers-not-bool" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="expected dtype torch.bool"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < reach) | (p >= n - reach)
        return (edge | edge[(p - s) % n]) & (s % n != 0)

    return (on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])).int()


# %% wrong="far-side-one-short" fails=["unequal-pixels-one-axis", "unequal-pixels-two-axes", "unequal-pixels-round"] says="begins at n - R"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2

    def on_axis(n, s):
        p = torch.arange(n)
        edge = (p < reach) | (p > n - reach)
        return (edge | edge[(p - s) % n]) & (s % n != 0)

    return on_axis(height, shift[0])[:, None] | on_axis(width, shift[1])


# %% right="random-kernel-and-image"
# Enough digits that nothing cancels by chance.
def unequal_pixels(height, width, kernel_size, shift):
    torch.manual_seed(0)
    x = torch.randint(1, 1000, (10, 1, height, width)).double()
    kernel = torch.randint(1, 1000, (10, 1, kernel_size, kernel_size)).double()
    first = F.conv2d(x.roll(shift, (2, 3)), kernel, padding=kernel_size // 2)
    last = F.conv2d(x, kernel, padding=kernel_size // 2).roll(shift, (2, 3))
    return (first != last).any(0).any(0)


# %% right="the-taps-that-fall-outside"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2
    ones = torch.ones(1, 1, height, width)
    # Each tap by itself: 1 where it meets a pixel.
    inside = F.unfold(ones, kernel_size, padding=reach).reshape(-1, height, width)
    return (inside != inside.roll(shift, (1, 2))).any(0)


# %% right="matrices"
def unequal_pixels(height, width, kernel_size, shift):
    n = height * width
    taps = torch.arange(1, kernel_size**2 + 1).double().reshape(1, 1, kernel_size, kernel_size)
    eye = torch.eye(n, dtype=torch.float64).reshape(n, 1, height, width)
    D = F.conv2d(eye, taps, padding=kernel_size // 2).flatten(1).T
    P = eye.roll(shift, (2, 3)).flatten(1).T
    if kernel_size <= min(height, width):
        return (D @ P != P @ D).any(1).reshape(height, width)
    lost = [(torch.where(D == t, 1, 0) @ P.long() != P.long() @ torch.where(D == t, 1, 0)).any(1) for t in taps.flatten()]
    return torch.stack(lost).any(0).reshape(height, width)


# %% right="loops-over-the-pixels"
def unequal_pixels(height, width, kernel_size, shift):
    reach = kernel_size // 2
    mask = torch.zeros(height, width, dtype=torch.bool)

    def lost(p, n):
        return max(reach - p, 0), max(p + reach - n + 1, 0)

    for i in range(height):
        for j in range(width):
            i0, j0 = (i - shift[0]) % height, (j - shift[1]) % width
            mask[i, j] = lost(i, height) != lost(i0, height) or lost(j, width) != lost(j0, width)
    return mask
