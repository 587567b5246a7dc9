# %% wrong="always-none" fails=["shift-breaker-plain", "shift-breaker-narrow", "shift-breaker-none"] says="got None"
def shift_breaker(layer, size):
    return None


# %% wrong="never-none" fails=["shift-breaker-narrow", "shift-breaker-none"] says="both sides are equal"
# One impulse, in the corner, and a shift by a column.
def shift_breaker(layer, size):
    x = torch.zeros(size, dtype=torch.float64)
    x[0, 0] = 1
    return x, (0, 1)


# %% wrong="columns-only" fails=["shift-breaker-narrow", "shift-breaker-none"] says="got None"
def shift_breaker(layer, size):
    for pixel in range(size[0] * size[1]):
        x = torch.zeros(size, dtype=torch.float64)
        x.view(-1)[pixel] = 1
        if not layer(x.roll((0, 1), (0, 1))).equal(layer(x).roll((0, 1), (0, 1))):
            return x, (0, 1)
    return None


# %% wrong="rows-only" fails=["shift-breaker-plain", "shift-breaker-narrow", "shift-breaker-none"] says="got None"
def shift_breaker(layer, size):
    for pixel in range(size[0] * size[1]):
        x = torch.zeros(size, dtype=torch.float64)
        x.view(-1)[pixel] = 1
        if not layer(x.roll((1, 0), (0, 1))).equal(layer(x).roll((1, 0), (0, 1))):
            return x, (1, 0)
    return None


# %% wrong="diagonal-shift-only" fails=["shift-breaker-narrow"] says="got None"
def shift_breaker(layer, size):
    for pixel in range(size[0] * size[1]):
        x = torch.zeros(size, dtype=torch.float64)
        x.view(-1)[pixel] = 1
        if not layer(x.roll((1, 1), (0, 1))).equal(layer(x).roll((1, 1), (0, 1))):
            return x, (1, 1)
    return None


# %% wrong="one-impulse-two-shifts" fails=["shift-breaker-narrow"] says="got None"
# An impulse in the corner sees what happens at the corner and its neighbours, and no farther.
def shift_breaker(layer, size):
    x = torch.zeros(size, dtype=torch.float64)
    x[0, 0] = 1
    for shift in [(1, 0), (0, 1)]:
        if not layer(x.roll(shift, (0, 1))).equal(layer(x).roll(shift, (0, 1))):
            return x, shift
    return None


# %% wrong="constant-image" fails=["shift-breaker-plain", "shift-breaker-narrow", "shift-breaker-none"] says="its own roll"
def shift_breaker(layer, size):
    return torch.ones(size, dtype=torch.float64), (1, 1)


# %% wrong="shift-once-round" fails=["shift-breaker-plain", "shift-breaker-narrow", "shift-breaker-none"] says="no shift at all"
def shift_breaker(layer, size):
    x = torch.zeros(size, dtype=torch.float64)
    x[0, 0] = 1
    return x, size


# %% wrong="random-decimals" fails=["shift-breaker-plain", "shift-breaker-narrow"] says="integers from -9 to 9"
def shift_breaker(layer, size):
    torch.manual_seed(0)
    x = torch.randn(size, dtype=torch.float64)
    for shift in [(1, 0), (0, 1)]:
        if not torch.allclose(layer(x.roll(shift, (0, 1))), layer(x).roll(shift, (0, 1))):
            return x, shift
    return None


# %% wrong="compared-with-the-image" fails=["shift-breaker-plain", "shift-breaker-narrow", "shift-breaker-none"] says="both sides are equal"
# Asks whether the layer gives something else for the shifted image. Nearly every layer does, and should.
def shift_breaker(layer, size):
    for pixel in range(size[0] * size[1]):
        x = torch.zeros(size, dtype=torch.float64)
        x.view(-1)[pixel] = 1
        for shift in [(1, 0), (0, 1)]:
            if not layer(x.roll(shift, (0, 1))).equal(layer(x)):
                return x, shift
    return None


# %% wrong="rolled-back-the-wrong-way" fails=["shift-breaker-plain", "shift-breaker-narrow", "shift-breaker-none"] says="both sides are equal"
def shift_breaker(layer, size):
    for pixel in range(size[0] * size[1]):
        x = torch.zeros(size, dtype=torch.float64)
        x.view(-1)[pixel] = 1
        for shift in [(1, 0), (0, 1)]:
            back = (-shift[0], -shift[1])
            if not layer(x.roll(shift, (0, 1))).equal(layer(x).roll(back, (0, 1))):
                return x, shift
    return None


# %% wrong="the-shift-alone" fails=["shift-breaker-plain", "shift-breaker-narrow"] says="expected a tensor, got int"
def shift_breaker(layer, size):
    for pixel in range(size[0] * size[1]):
        x = torch.zeros(size, dtype=torch.float64)
        x.view(-1)[pixel] = 1
        for shift in [(1, 0), (0, 1)]:
            if not layer(x.roll(shift, (0, 1))).equal(layer(x).roll(shift, (0, 1))):
                return shift
    return None


# %% wrong="sums-compared" fails=["shift-breaker-plain", "shift-breaker-narrow"] says="got None"
# A roll keeps the sum, so the sums tell little of the layer.
def shift_breaker(layer, size):
    for pixel in range(size[0] * size[1]):
        x = torch.zeros(size, dtype=torch.float64)
        x.view(-1)[pixel] = 1
        for shift in [(2, 0), (0, 2)]:
            if layer(x.roll(shift, (0, 1))).sum() != layer(x).roll(shift, (0, 1)).sum():
                return x, shift
    return None


# %% right="matrix-and-its-rolls"
def shift_breaker(layer, size):
    height, width = size
    n = height * width
    eye = torch.eye(n, dtype=torch.float64).reshape(n, height, width)
    D = torch.stack([layer(x) for x in eye])  # (input, output row, output column)
    for i in range(height):
        for j in range(width):
            moved = torch.stack([layer(x) for x in eye.roll((i, j), (1, 2))])
            bad = (moved != D.roll((i, j), (1, 2))).flatten(1).any(1).nonzero()
            if len(bad):
                return eye[int(bad[0])], (i, j)
    return None


# %% right="one-impulse-all-shifts"
# Column 0 of D, moved about, must give all the others.
def shift_breaker(layer, size):
    x = torch.zeros(size, dtype=torch.float64)
    x[0, 0] = 1
    for i in range(size[0]):
        for j in range(size[1]):
            if not layer(x.roll((i, j), (0, 1))).equal(layer(x).roll((i, j), (0, 1))):
                return [x, [i, j]]
    return None


# %% right="random-images"
def shift_breaker(layer, size):
    generator = torch.Generator().manual_seed(1)
    for _ in range(30):
        x = torch.randint(-9, 10, size, generator=generator).double()
        for shift in [(-1, 0), (0, -1)]:
            if (layer(x.roll(shift, (0, 1))) != layer(x).roll(shift, (0, 1))).any():
                return x, shift
    return None


# %% right="nearest-circular-convolution"
# The circular convolution with the layer's own answer at the corner: if it is the layer, there is nothing to find.
def shift_breaker(layer, size):
    height, width = size
    corner = torch.zeros(size, dtype=torch.float64)
    corner[0, 0] = 1
    answer = layer(corner)
    for i in range(height):
        for j in range(width):
            x = torch.zeros(size, dtype=torch.float64)
            x[i, j] = 1
            if not layer(x).equal(answer.roll((i, j), (0, 1))):
                return corner, (i, j)
    return None


# %% right="float32-and-numpy-integers"
def shift_breaker(layer, size):
    import numpy as np

    for pixel in np.ndindex(size):
        x = torch.zeros(size)
        x[pixel] = 9
        for shift in np.eye(2, dtype=int):
            step = tuple(int(s) for s in shift)
            wide = x.double()
            if not layer(wide.roll(step, (0, 1))).equal(layer(wide).roll(step, (0, 1))):
                return x, shift
    return None
