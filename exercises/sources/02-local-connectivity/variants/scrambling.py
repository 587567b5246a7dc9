# %% wrong="identity" fails=["scrambling-small", "scrambling-wide"] says="nothing is moved"
def scrambling(height, width, kernel_size):
    return torch.arange(height * width)


# %% wrong="random" fails=["scrambling-small", "scrambling-wide"] says="within reach 1 before and after"
def scrambling(height, width, kernel_size):
    return torch.randperm(height * width, generator=torch.Generator().manual_seed(0))


# %% wrong="transposed" fails=["scrambling-small", "scrambling-wide"] says="transposed, neighbours stay neighbours"
def scrambling(height, width, kernel_size):
    return torch.arange(height * width).reshape(height, width).T.flatten()


# %% wrong="upside-down" fails=["scrambling-small", "scrambling-wide"] says="within reach"
def scrambling(height, width, kernel_size):
    return torch.arange(height * width).flip(0)


# %% wrong="rolled" fails=["scrambling-small", "scrambling-wide"] says="within reach"
def scrambling(height, width, kernel_size):
    pixel = torch.arange(height * width).reshape(height, width)
    return pixel.roll((height // 2, width // 2), dims=(0, 1)).flatten()


# %% wrong="columns-alone" fails=["scrambling-small", "scrambling-wide"] says="columns are moved, but rows stay"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    column = torch.cat([torch.arange(start, width, step) for start in range(step)])
    return (torch.arange(height)[:, None] * width + column).flatten()


# %% wrong="rows-alone" fails=["scrambling-small", "scrambling-wide"] says="rows are moved, but columns stay"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    row = torch.cat([torch.arange(start, height, step) for start in range(step)])
    return (row[:, None] * width + torch.arange(width)).flatten()


# %% wrong="every-other" fails=["scrambling-wide"] says="within reach 2 before and after"
# Good for a reach of 1 and for no other.
def scrambling(height, width, kernel_size):
    row = torch.cat([torch.arange(0, height, 2), torch.arange(1, height, 2)])
    column = torch.cat([torch.arange(0, width, 2), torch.arange(1, width, 2)])
    return (row[:, None] * width + column).flatten()


# %% wrong="step-of-the-reach" fails=["scrambling-small", "scrambling-wide"] says="nothing is moved"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2
    row = torch.cat([torch.arange(start, height, step) for start in range(step)])
    column = torch.cat([torch.arange(start, width, step) for start in range(step)])
    return (row[:, None] * width + column).flatten()


# %% wrong="not-all-pixels" fails=["scrambling-small", "scrambling-wide"] says="every pixel from 0 to 35 once"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    row = torch.arange(height) * step % height
    column = torch.arange(width) * step % width
    return (row[:, None] * width + column).flatten()


# %% wrong="height-for-the-width" fails=["scrambling-small", "scrambling-wide"] says="once"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    row = torch.cat([torch.arange(start, height, step) for start in range(step)])
    column = torch.cat([torch.arange(start, width, step) for start in range(step)])
    return (row[:, None] * height + column).flatten()


# %% wrong="a-table" fails=["scrambling-small", "scrambling-wide"] says="expected shape (36,), got (6, 6)"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    row = torch.cat([torch.arange(start, height, step) for start in range(step)])
    column = torch.cat([torch.arange(start, width, step) for start in range(step)])
    return row[:, None] * width + column


# %% wrong="floats" fails=["scrambling-small", "scrambling-wide"] says="as an index has it"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    row = torch.cat([torch.arange(start, height, step) for start in range(step)])
    column = torch.cat([torch.arange(start, width, step) for start in range(step)])
    return (row[:, None] * width + column).flatten().double()


# %% right="the-inverse"
# The condition is the same in both directions.
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    row = torch.tensor([i for start in range(step) for i in range(start, height, step)])
    column = torch.tensor([j for start in range(step) for j in range(start, width, step)])
    return (row[:, None] * width + column).flatten().argsort()


# %% right="a-table-read-by-columns"
# Write the numbers into rows of R + 1, and read the columns; what is missing in the last row is left out.
def scrambling(height, width, kernel_size):
    def spread(n):
        step = kernel_size // 2 + 1
        table = F.pad(torch.arange(n), [0, -n % step], value=-1).reshape(-1, step)
        order = table.T.flatten()
        return order[order >= 0]

    return torch.cartesian_prod(spread(height), spread(width)) @ torch.tensor([width, 1])


# %% right="sorted-by-remainder"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    pixels = [(i, j) for i in range(height) for j in range(width)]
    rows = sorted(range(height), key=lambda i: (i % step, i))
    columns = sorted(range(width), key=lambda j: (j % step, j))
    return torch.tensor([rows[i] * width + columns[j] for i, j in pixels])


# %% right="larger-steps-than-needed"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 2

    def spread(n, step):
        order = torch.cat([torch.arange(start, n, step) for start in range(step)])
        reach = kernel_size // 2
        fits = all((order[d:] - order[:-d]).abs().min() > reach for d in range(1, reach + 1))
        return order if fits else spread(n, step - 1)

    return (spread(height, step)[:, None] * width + spread(width, step)).flatten()


# %% right="repair-by-swaps"
# Chance, and then repair: line by line, a random order whose bad places are swapped until none is left.
def scrambling(height, width, kernel_size):
    reach, gen = kernel_size // 2, torch.Generator().manual_seed(0)

    def faults(order):
        return sum(int(((order[d:] - order[:-d]).abs() <= reach).sum()) for d in range(1, reach + 1))

    def spread(n):
        order = torch.randperm(n, generator=gen)
        best = faults(order)
        while best:
            i, j = torch.randint(n, (2,), generator=gen).tolist()
            order[[i, j]] = order[[j, i]]
            found = faults(order)
            if found > best and torch.rand((), generator=gen) > 0.02:
                order[[i, j]] = order[[j, i]]
            else:
                best = found
        return order

    return (spread(height)[:, None] * width + spread(width)).flatten()


# %% right="every-so-many-pixels"
# Every 2nd, 3rd, … of the pixels' numbers, over the ends of the rows. At these sizes that will do, too.
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    return torch.cat([torch.arange(start, height * width, step) for start in range(step)])


# %% right="one-run-over-all-pixels"
def scrambling(height, width, kernel_size):
    step = kernel_size // 2 + 1
    pixels = torch.arange(height * width)
    return torch.cat([pixels[start::step] for start in range(step)])
