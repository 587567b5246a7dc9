# %% wrong="wraps-around" fails=["local-mask-small", "local-mask-sizes"] says="rows wrap around"
def local_mask(height, width, kernel_size):
    reach = kernel_size // 2
    pixel = torch.arange(height * width)
    apart = pixel[None, :] - pixel[:, None]
    mask = torch.zeros(height * width, height * width, dtype=torch.bool)
    for rows in range(-reach, reach + 1):
        for columns in range(-reach, reach + 1):
            mask |= apart == rows * width + columns
    return mask


# %% wrong="a-band" fails=["local-mask-small", "local-mask-sizes"] says="distance of the pixels' numbers"
def local_mask(height, width, kernel_size):
    pixel = torch.arange(height * width)
    return (pixel[None, :] - pixel[:, None]).abs() <= kernel_size // 2


# %% wrong="manhattan" fails=["local-mask-small", "local-mask-sizes"] says="the window is a square"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return (position[None] - position[:, None]).abs().sum(dim=-1) <= kernel_size // 2


# %% wrong="euclidean" fails=["local-mask-small", "local-mask-sizes"] says="window is a square"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    return torch.cdist(position, position) <= kernel_size // 2 + 1e-9


# %% wrong="euclidean-to-the-corner" fails=["local-mask-sizes"] says="(84 of 900 pairs differ)"
# A circle through the window's corners: right for 3×3 and 5×5, too large for 7×7.
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    return torch.cdist(position, position) <= 2**0.5 * (kernel_size // 2) + 1e-9


# %% wrong="rows-or-columns" fails=["local-mask-small", "local-mask-sizes"] says="it must be both"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return ((position[None] - position[:, None]).abs() <= kernel_size // 2).any(dim=-1)


# %% wrong="rows-alone" fails=["local-mask-small", "local-mask-sizes"] says="near in rows alone"
def local_mask(height, width, kernel_size):
    row = torch.arange(height * width) // width
    return (row[None, :] - row[:, None]).abs() <= kernel_size // 2


# %% wrong="kernel-size-for-the-reach" fails=["local-mask-small", "local-mask-sizes"] says="kernel_size taken for the reach"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return (position[None] - position[:, None]).abs().amax(dim=-1) <= kernel_size


# %% wrong="outer-ring-missing" fails=["local-mask-small", "local-mask-sizes"] says="outermost ring"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return (position[None] - position[:, None]).abs().amax(dim=-1) < kernel_size // 2


# %% wrong="always-3-by-3" fails=["local-mask-sizes"] says="a reach of 1 for every kernel size"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return (position[None] - position[:, None]).abs().amax(dim=-1) <= 1


# %% wrong="divided-by-the-height" fails=["local-mask-small", "local-mask-sizes"] says="height and width swapped"
def local_mask(height, width, kernel_size):
    pixel = torch.arange(height * width)
    row, column = pixel // height, pixel % height
    near_rows = (row[None, :] - row[:, None]).abs() <= kernel_size // 2
    return near_rows & ((column[None, :] - column[:, None]).abs() <= kernel_size // 2)


# %% wrong="forbidden" fails=["local-mask-small", "local-mask-sizes"] says="what is forbidden"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return (position[None] - position[:, None]).abs().amax(dim=-1) > kernel_size // 2


# %% wrong="window-from-its-corner" fails=["local-mask-small", "local-mask-sizes"] says="from its corner"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    delta = position[None] - position[:, None]
    return ((delta >= 0) & (delta < kernel_size)).all(dim=-1)


# %% wrong="zeros-and-ones" fails=["local-mask-small", "local-mask-sizes"] says="expected dtype torch.bool"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return ((position[None] - position[:, None]).abs().amax(dim=-1) <= kernel_size // 2).double()


# %% wrong="image-of-images" fails=["local-mask-small", "local-mask-sizes"] says="expected shape (12, 12), got (3, 4, 3, 4)"
def local_mask(height, width, kernel_size):
    position = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), dim=-1)
    delta = position[None, None] - position[:, :, None, None]
    return delta.abs().amax(dim=-1) <= kernel_size // 2


# %% wrong="abs-forgotten" fails=["local-mask-small", "local-mask-sizes"] says="without .abs()"
def local_mask(height, width, kernel_size):
    pixel = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return (pixel - pixel[:, None] <= kernel_size // 2).all(-1)


# %% right="maximum-of-both"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return (position[None] - position[:, None]).abs().amax(dim=-1) <= kernel_size // 2


# %% right="loops"
def local_mask(height, width, kernel_size):
    mask = torch.zeros(height * width, height * width, dtype=torch.bool)
    for i in range(height):
        for j in range(width):
            for a in range(height):
                for b in range(width):
                    near = abs(a - i) <= kernel_size // 2 and abs(b - j) <= kernel_size // 2
                    mask[i * width + j, a * width + b] = near
    return mask


# %% right="kronecker"
# A mask of rows times a mask of columns.
def local_mask(height, width, kernel_size):
    def band(n):
        return torch.ones(n, n).triu(-(kernel_size // 2)).tril(kernel_size // 2)

    return torch.kron(band(height), band(width)).bool()


# %% right="a-convolution-of-ones"
# Where a kernel of ones sends an impulse, there is a weight.
def local_mask(height, width, kernel_size):
    pixels = height * width
    impulses = torch.eye(pixels).reshape(pixels, 1, height, width)
    return F.conv2d(impulses, torch.ones(1, 1, kernel_size, kernel_size), padding="same").flatten(1) > 0.5


# %% right="cdist"
def local_mask(height, width, kernel_size):
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    return torch.cdist(position, position, p=float("inf")) < kernel_size / 2
