# %% wrong="doubling" fails=["dilations-without-holes-wide"] says="the field ends at"
def dilations_without_holes(size, kernel_sizes):
    if size > math.prod(kernel_sizes):
        return None
    return [2**layer for layer in range(len(kernel_sizes))]


# %% wrong="none-where-doubling-ends" fails=["dilations-without-holes-wide", "dilations-without-holes-none"] says="got None"
def dilations_without_holes(size, kernel_sizes):
    dilations = [2**layer for layer in range(len(kernel_sizes))]
    field = 1 + sum(d * (k - 1) for d, k in zip(dilations, kernel_sizes))
    return dilations if field >= size else None


# %% wrong="large-enough-field" fails=["dilations-without-holes-near", "dilations-without-holes-wide"] says="with a hole"
# The field's size is right, and what is inside it is forgotten.
def dilations_without_holes(size, kernel_sizes):
    if size > math.prod(kernel_sizes):
        return None
    return [size] * len(kernel_sizes)


# %% wrong="no-dilation" fails=["dilations-without-holes-near", "dilations-without-holes-wide"] says="the field ends at"
def dilations_without_holes(size, kernel_sizes):
    return None if size > math.prod(kernel_sizes) else [1] * len(kernel_sizes)


# %% wrong="powers-of-the-first-kernel" fails=["dilations-without-holes-wide"] says="with a hole"
# Right where all kernels are equal.
def dilations_without_holes(size, kernel_sizes):
    if size > math.prod(kernel_sizes):
        return None
    return [kernel_sizes[0] ** layer for layer in range(len(kernel_sizes))]


# %% wrong="powers-of-its-own-kernel" fails=["dilations-without-holes-near", "dilations-without-holes-wide"] says="never see offset"
def dilations_without_holes(size, kernel_sizes):
    if size > math.prod(kernel_sizes):
        return None
    return [k**layer for layer, k in enumerate(kernel_sizes, start=1)]


# %% wrong="products-with-its-own" fails=["dilations-without-holes-near", "dilations-without-holes-wide"] says="never see offset 1"
# Each dilation takes in its own kernel too, so that none is 1.
def dilations_without_holes(size, kernel_sizes):
    dilations, seen = [], 1
    for k in kernel_sizes:
        seen *= k
        dilations.append(seen)
    return dilations if size <= seen else None


# %% wrong="products-the-other-way" fails=["dilations-without-holes-wide"] says="never see offset"
# The products of the kernels' sizes, but taken from the other end and given to the wrong layers.
def dilations_without_holes(size, kernel_sizes):
    dilations, seen = [], 1
    for k in reversed(kernel_sizes):
        dilations.append(seen)
        seen *= k
    return dilations if size <= seen else None


# %% wrong="reach-in-place-of-window" fails=["dilations-without-holes-near", "dilations-without-holes-wide"] says="the field ends at"
def dilations_without_holes(size, kernel_sizes):
    dilations, seen = [], 1
    for k in kernel_sizes:
        dilations.append(seen)
        seen *= max(k // 2, 1)
    return dilations if size <= math.prod(kernel_sizes) else None


# %% wrong="one-too-far" fails=["dilations-without-holes-near", "dilations-without-holes-wide"] says="with a hole"
# The copies leave one pixel free between them.
def dilations_without_holes(size, kernel_sizes):
    if size > math.prod(kernel_sizes):
        return None
    dilations, seen = [], 1
    for k in kernel_sizes:
        dilations.append(seen if not dilations else seen + 1)
        seen *= k
    return dilations


# %% wrong="never-none" fails=["dilations-without-holes-none"] says="expected None"
def dilations_without_holes(size, kernel_sizes):
    return [math.prod(kernel_sizes[:layer]) for layer in range(len(kernel_sizes))]


# %% wrong="always-none" fails=["dilations-without-holes-near", "dilations-without-holes-wide", "dilations-without-holes-none"] says="got None"
def dilations_without_holes(size, kernel_sizes):
    return None


# %% wrong="none-when-just-reached" fails=["dilations-without-holes-near", "dilations-without-holes-wide", "dilations-without-holes-none"] says="got None"
def dilations_without_holes(size, kernel_sizes):
    if size >= math.prod(kernel_sizes):
        return None
    return [math.prod(kernel_sizes[:layer]) for layer in range(len(kernel_sizes))]


# %% wrong="product-of-reaches" fails=["dilations-without-holes-near", "dilations-without-holes-wide", "dilations-without-holes-none"] says="got None"
# The sum of the windows in place of the product of the taps.
def dilations_without_holes(size, kernel_sizes):
    if size > 1 + sum(k - 1 for k in kernel_sizes):
        return None
    return [math.prod(kernel_sizes[:layer]) for layer in range(len(kernel_sizes))]


# %% wrong="stops-when-enough" fails=["dilations-without-holes-near"] says="one for each layer"
def dilations_without_holes(size, kernel_sizes):
    dilations, seen = [], 1
    for k in kernel_sizes:
        if seen >= size:
            break
        dilations.append(seen)
        seen *= k
    return dilations if size <= seen else None


# %% right="from-the-last-layer"
# The other way round: the last layer has dilation 1.
def dilations_without_holes(size, kernel_sizes):
    dilations, seen = [], 1
    for k in reversed(kernel_sizes):
        dilations.insert(0, seen)
        seen *= k
    return tuple(dilations) if size <= seen else None


# %% right="no-wider-than-asked"
# Once enough is seen, the other layers add a little or nothing.
def dilations_without_holes(size, kernel_sizes):
    if size > math.prod(kernel_sizes):
        return None
    dilations, seen = [], 1
    for k in kernel_sizes:
        dilations.append(seen if seen < size else 1)
        seen += (k - 1) * dilations[-1]
    return dilations


# %% right="as-tensor"
def dilations_without_holes(size, kernel_sizes):
    ends = torch.tensor(kernel_sizes).cumprod(0)
    return None if size > ends[-1] else ends // torch.tensor(kernel_sizes)


# %% right="search-with-the-widest-step"
# Each layer takes the largest dilation that leaves no hole, found by trying.
def dilations_without_holes(size, kernel_sizes):
    dilations, reach = [], 0
    for k in kernel_sizes:
        d = 1
        while True:
            seen = {c * (d + 1) + o for c in range(-(k // 2), k // 2 + 1) for o in range(-reach, reach + 1)}
            if len(seen) < 2 * max(seen) + 1 or d > size:
                break
            d += 1
        dilations.append(d)
        reach += d * (k // 2)
    return dilations if 2 * reach + 1 >= size else None


# %% right="sorted-by-kernel"
# The largest kernels take the smallest steps; any order of the layers does.
def dilations_without_holes(size, kernel_sizes):
    dilations, seen = [1] * len(kernel_sizes), 1
    for layer in sorted(range(len(kernel_sizes)), key=lambda i: -kernel_sizes[i]):
        dilations[layer] = seen
        seen *= kernel_sizes[layer]
    return None if seen < size else dilations
