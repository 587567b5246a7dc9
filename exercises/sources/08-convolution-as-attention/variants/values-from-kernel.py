# %% wrong="kernel-flipped" fails=["values-from-kernel-matrices"] says="kernel flipped"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - kernel_size // 2
    shift = torch.cartesian_prod(offset, offset)
    W = weight.flip(2, 3).permute(2, 3, 1, 0).reshape(kernel_size**2, c_in, c_out).clone()
    return shift, W


# %% wrong="shifts-negated" fails=["values-from-kernel-matrices"] says="kernel flipped"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = kernel_size // 2 - torch.arange(kernel_size)
    shift = torch.cartesian_prod(offset, offset)
    return shift, weight.permute(2, 3, 1, 0).reshape(kernel_size**2, c_in, c_out).clone()


# %% wrong="rows-and-columns-swapped" fails=["values-from-kernel-matrices"] says="rows and columns"
def values_from_kernel(weight):
    reach = weight.shape[-1] // 2
    shift, matrices = [], []
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            shift.append((j - reach, i - reach))  # as x and y
            matrices.append(weight[:, :, i, j].T)
    return torch.tensor(shift), torch.stack(matrices)


# %% wrong="not-transposed" fails=["values-from-kernel-matrices"] says="transpose"
def values_from_kernel(weight):
    reach = weight.shape[-1] // 2
    offset = torch.arange(-reach, reach + 1)
    shift = torch.cartesian_prod(offset, offset)
    return shift, torch.stack([weight[:, :, i + reach, j + reach] for i, j in shift.tolist()])


# %% wrong="reshape-without-permute" fails=["values-from-kernel-matrices"] says="reshape does not move axes"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - kernel_size // 2
    shift = torch.cartesian_prod(offset, offset)
    return shift, weight.reshape(kernel_size**2, c_in, c_out).clone()


# %% wrong="counted-from-the-corner" fails=["values-from-kernel-shifts", "values-from-kernel-matrices"] says="corner"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size)
    shift = torch.cartesian_prod(offset, offset)
    return shift, weight.permute(2, 3, 1, 0).reshape(kernel_size**2, c_in, c_out).clone()


# %% wrong="float-shifts" fails=["values-from-kernel-shifts"] says="expected dtype torch.int64, got torch.float32"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - (kernel_size - 1) / 2
    shift = torch.cartesian_prod(offset, offset)
    return shift, weight.permute(2, 3, 1, 0).reshape(kernel_size**2, c_in, c_out).clone()


# %% wrong="three-by-three-only" fails=["values-from-kernel-shifts", "values-from-kernel-matrices"] says="expected shape (1, 2), got (9, 2)"
def values_from_kernel(weight):
    shift = torch.tensor([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    return shift, weight.permute(2, 3, 1, 0).flatten(0, 1).clone()


# %% wrong="view" fails=["values-from-kernel-copy"] says="a view"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - kernel_size // 2
    shift = torch.cartesian_prod(offset, offset)
    return shift, weight.permute(2, 3, 1, 0).reshape(kernel_size**2, c_in, c_out)


# %% wrong="contiguous-is-not-clone" fails=["values-from-kernel-copy"] says="copy only where they must"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - kernel_size // 2
    shift = torch.cartesian_prod(offset, offset)
    return shift, weight.permute(2, 3, 1, 0).contiguous().view(kernel_size**2, c_in, c_out)


# %% wrong="eats-the-kernel" fails=["values-from-kernel-copy"] says="changes weight itself"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - kernel_size // 2
    shift = torch.cartesian_prod(offset, offset)
    W = torch.zeros(kernel_size**2, c_in, c_out, dtype=weight.dtype)
    for h in range(kernel_size**2):
        W[h] = weight[:, :, h // kernel_size, h % kernel_size].T
        weight[:, :, h // kernel_size, h % kernel_size] = 0  # done with it
    return shift, W


# %% wrong="all-zero" fails=["values-from-kernel-matrices", "values-from-kernel-copy"] says="got 0"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - kernel_size // 2
    return torch.cartesian_prod(offset, offset), torch.zeros(kernel_size**2, c_in, c_out, dtype=weight.dtype)


# %% wrong="order-of-the-pair" fails=["values-from-kernel-shifts", "values-from-kernel-matrices", "values-from-kernel-copy"] says="other order"
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - kernel_size // 2
    shift = torch.cartesian_prod(offset, offset)
    return weight.permute(2, 3, 1, 0).reshape(kernel_size**2, c_in, c_out).clone(), shift


# %% wrong="no-return" fails=["values-from-kernel-shifts", "values-from-kernel-matrices", "values-from-kernel-copy"] says="got None"
def values_from_kernel(weight):
    kernel_size = weight.shape[-1]
    offset = torch.arange(kernel_size) - kernel_size // 2
    shift = torch.cartesian_prod(offset, offset)
    W = weight.permute(2, 3, 1, 0).flatten(0, 1).clone()


# %% right="loops"
def values_from_kernel(weight):
    reach = weight.shape[-1] // 2
    shift, matrices = [], []
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            shift.append((i - reach, j - reach))
            matrices.append(weight[:, :, i, j].T)
    return torch.tensor(shift), torch.stack(matrices)


# %% right="column-by-column"
# Another order of the heads, and a list in place of a tuple.
def values_from_kernel(weight):
    c_out, c_in, kernel_size, _ = weight.shape
    offset = torch.arange(kernel_size) - kernel_size // 2
    shift = torch.cartesian_prod(offset, offset).flip(1)
    return [shift, weight.permute(3, 2, 1, 0).flatten(0, 1).clone()]


# %% right="flatten-and-transpose"
def values_from_kernel(weight):
    kernel_size = weight.shape[-1]
    head = torch.arange(kernel_size**2)
    shift = torch.stack([head // kernel_size, head % kernel_size], dim=1) - kernel_size // 2
    return shift, weight.clone().flatten(2).transpose(0, 2)


# %% right="einsum"
# A sum over one-hot rows: the result is new memory.
def values_from_kernel(weight):
    kernel_size = weight.shape[-1]
    one_hot = torch.eye(kernel_size**2, dtype=weight.dtype)
    W = torch.einsum("ht,oct->hco", one_hot, weight.flatten(2))
    shift = (one_hot.unflatten(1, (kernel_size, kernel_size)) > 0).nonzero()[:, 1:] - kernel_size // 2
    return shift, W


# %% right="advanced-indexing"
# Centre first, then outwards; indexing with tensors copies.
def values_from_kernel(weight):
    reach = weight.shape[-1] // 2
    taps = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
    shift = torch.tensor(sorted(taps, key=lambda tap: tap[0] ** 2 + tap[1] ** 2), dtype=torch.int64)
    i, j = (shift + reach).T
    return shift, weight[:, :, i, j].permute(2, 1, 0)


# %% right="numpy"
def values_from_kernel(weight):
    import numpy as np

    kernel_size = weight.shape[-1]
    shift = np.argwhere(np.ones((kernel_size, kernel_size))) - kernel_size // 2
    W = np.moveaxis(weight.numpy(), (2, 3), (0, 1)).reshape(kernel_size**2, *weight.shape[:2])
    return torch.from_numpy(shift), torch.from_numpy(W.swapaxes(1, 2).copy())
