# %% wrong="always-none" fails=["counter-example-one-channel", "counter-example-channels", "counter-example-none"] says="got None"
def counter_example(weight):
    return None


# %% wrong="never-none" fails=["counter-example-none"] says="expected None"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    taps = beside.nonzero().tolist() or [[0, 0, 0, 0]]
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[taps[0][1], taps[0][2], taps[0][3]] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="none-when-the-centre-counts" fails=["counter-example-one-channel", "counter-example-channels", "counter-example-none"] says="got None"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    if kernel_size == 1 or not weight.any() or weight[:, :, centre, centre].any():
        return None
    _, channel, i, j = weight.nonzero()[0].tolist()
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[channel, i, j] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="none-when-the-rest-sums-to-zero" fails=["counter-example-one-channel", "counter-example-channels", "counter-example-none"] says="got None"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if beside.sum() == 0:
        return None
    _, channel, i, j = beside.nonzero()[0].tolist()
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[channel, i, j] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="first-output-only" fails=["counter-example-channels", "counter-example-none"] says="got None"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight[0].clone()
    beside[:, centre, centre] = 0
    if not beside.any():
        return None
    channel, i, j = beside.nonzero()[0].tolist()
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[channel, i, j] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="channels-alike" fails=["counter-example-channels"] says="channels cancel"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    _, _, i, j = beside.nonzero()[0].tolist()
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[:, i, j] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="tap-mirrored" fails=["counter-example-one-channel", "counter-example-channels"] says="mirrored"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    _, channel, i, j = beside.nonzero()[0].tolist()
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[channel, kernel_size - 1 - i, kernel_size - 1 - j] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="rows-and-columns-swapped" fails=["counter-example-one-channel", "counter-example-channels"] says="rows and columns of the tap"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    _, channel, i, j = beside.nonzero()[0].tolist()
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[channel, j, i] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="constant-image" fails=["counter-example-one-channel", "counter-example-channels"] says="same window"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    return torch.ones(c_in, 20, 20, dtype=torch.float64), (8, 8), (11, 11)


# %% wrong="blames-the-border" fails=["counter-example-one-channel", "counter-example-channels"] says="not an inner pixel"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    x = torch.ones(c_in, 2 * kernel_size, 2 * kernel_size, dtype=torch.float64)
    return x, (0, 0), (kernel_size, kernel_size)


# %% wrong="contents-differ" fails=["counter-example-one-channel", "counter-example-channels"] says="differ in content"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[:, centre, centre] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="right-neighbour-only" fails=["counter-example-one-channel", "counter-example-channels"] says="windows differ only where"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[0, centre, centre + 1] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="three-by-three-only" fails=["counter-example-channels", "counter-example-none"] says="not an inner pixel"
def counter_example(weight):
    beside = weight.clone()
    beside[:, :, 1:2, 1:2] = 0
    if weight.shape[-1] == 1 or not beside.any():
        return None
    _, channel, i, j = beside.nonzero()[0].tolist()
    x = torch.zeros(weight.shape[1], 5, 10, dtype=torch.float64)
    x[channel, i, j] = 1
    return x, (1, 1), (1, 6)


# %% wrong="one-channel-only" fails=["counter-example-channels"] says="expected x of shape (3, H, W)"
def counter_example(weight):
    centre = kernel_size = weight.shape[-1]
    centre //= 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    _, _, i, j = beside.nonzero()[0].tolist()
    x = torch.zeros(1, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[0, i, j] = 1
    return x, (centre, centre), (centre, centre + kernel_size)


# %% wrong="not-integers" fails=["counter-example-one-channel", "counter-example-channels"] says="integers from -9 to 9"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    x = torch.randn(c_in, 12, 24, dtype=torch.float64)
    x[:, 5, 5] = x[:, 5, 17] = 0
    return x, (5, 5), (5, 17)


# %% wrong="token-numbers" fails=["counter-example-one-channel", "counter-example-channels"] says="two integers (row, column)"
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    beside = weight.clone()
    beside[:, :, centre, centre] = 0
    if not beside.any():
        return None
    _, channel, i, j = beside.nonzero()[0].tolist()
    x = torch.zeros(c_in, kernel_size, 2 * kernel_size, dtype=torch.float64)
    x[channel, i, j] = 1
    p = centre * 2 * kernel_size + centre
    return x, p, p + kernel_size


# %% right="search"
# Draw images with few values until two inner pixels of the middle row do.
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    if weight.flatten(2).count_nonzero() == weight[:, :, reach, reach].count_nonzero():
        return None
    generator = torch.Generator().manual_seed(0)
    while True:
        x = torch.randint(-1, 2, (c_in, 12, 12), generator=generator).double()
        y = F.conv2d(x, weight, padding="same")
        inner = [(i, j) for i in range(reach, 12 - reach) for j in range(reach, 12 - reach)]
        p = inner[0]
        for q in inner[1:]:
            if (x[:, *p] == x[:, *q]).all() and (y[:, *p] != y[:, *q]).any():
                return x, p, q


# %% right="impulse-far-away"
# One 1 in a large empty image; p beside it, q out of reach. An integer image, pixels as tensors.
def counter_example(weight):
    kernel_size = weight.shape[-1]
    for o, channel, i, j in weight.nonzero():
        offset = torch.stack([i, j]) - kernel_size // 2
        if offset.any():
            x = torch.zeros(weight.shape[1], 40, 40, dtype=torch.int64)
            x[channel, 10, 10] = 1
            return x, torch.tensor([10, 10]) - offset, torch.tensor([30, 30])


# %% right="both-windows-full"
# The kernel's own signs in the left window, their opposite in the right one.
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    centre = kernel_size // 2
    for kernel in weight:
        signs = kernel.sign()
        signs[:, centre, centre] = 0
        if signs.any():
            return [torch.cat([signs, -signs], dim=2), [centre, centre], [centre, centre + kernel_size]]
    return None


# %% right="every-tap-in-turn"
# Try a 1 under each tap, and let the convolution say whether it is seen.
def counter_example(weight):
    _, c_in, kernel_size, _ = weight.shape
    p = (kernel_size // 2, kernel_size // 2)
    q = (kernel_size // 2, 5 * kernel_size - 1)
    for channel in range(c_in):
        for i in range(kernel_size):
            for j in range(kernel_size):
                x = torch.zeros(c_in, kernel_size, 6 * kernel_size, dtype=torch.float64)
                x[channel, i, j] = -3
                x[:, *q] = x[:, *p]
                y = F.conv2d(x, weight, padding="same")
                if (i, j) != p and not torch.equal(y[:, *p], y[:, *q]):
                    return x, p, q
    return None
