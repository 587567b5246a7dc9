# %% wrong="mean-over-copies" fails=["kernel-gradient-inside", "kernel-gradient-border", "kernel-gradient-channels"] says="the mean over the copies"
def kernel_gradient(x, grad_y, kernel_size):
    (c_in, height, width), c_out = x.shape, len(grad_y)
    grad = x.new_zeros(c_out, c_in, kernel_size, kernel_size)
    padded, inside = (F.pad(image, [kernel_size // 2] * 4) for image in (x, torch.ones_like(x)))
    for i in range(kernel_size):
        for j in range(kernel_size):
            met = padded[:, i : i + height, j : j + width]
            copies = inside[0, i : i + height, j : j + width].sum().clamp(min=1)
            grad[:, :, i, j] = torch.einsum("ohw,chw->oc", grad_y, met) / copies
    return grad


# %% wrong="mean-over-pixels" fails=["kernel-gradient-inside", "kernel-gradient-border", "kernel-gradient-channels"] says="divided by the number of pixels"
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    windows = F.pad(x, [kernel_size // 2] * 4).unfold(1, height, 1).unfold(2, width, 1)
    return (grad_y[:, None, None, None] * windows).mean((-2, -1))


# %% wrong="flipped" fails=["kernel-gradient-inside", "kernel-gradient-border", "kernel-gradient-channels"] says="tap flipped"
def kernel_gradient(x, grad_y, kernel_size):
    (c_in, height, width), c_out = x.shape, len(grad_y)
    grad = x.new_zeros(c_out, c_in, kernel_size, kernel_size)
    reach = kernel_size // 2
    padded = F.pad(x, [reach] * 4)
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            met = padded[:, reach - i : reach - i + height, reach - j : reach - j + width]
            grad[:, :, i + reach, j + reach] = torch.einsum("ohw,chw->oc", grad_y, met)
    return grad


# %% wrong="the-other-one-moved" fails=["kernel-gradient-inside", "kernel-gradient-border", "kernel-gradient-channels"] says="tap flipped"
# The gradient is moved over the image, instead of the image over the gradient.
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    windows = F.pad(grad_y, [kernel_size // 2] * 4).unfold(1, height, 1).unfold(2, width, 1)
    return torch.einsum("oijpq,cpq->ocij", windows, x)


# %% wrong="taps-swapped" fails=["kernel-gradient-inside", "kernel-gradient-border", "kernel-gradient-channels"] says="rows and columns of the taps"
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    windows = F.pad(x, [kernel_size // 2] * 4).unfold(1, height, 1).unfold(2, width, 1)
    return torch.einsum("opq,cijpq->ocji", grad_y, windows)


# %% wrong="wrapped" fails=["kernel-gradient-border", "kernel-gradient-channels"] says="wrapped round"
def kernel_gradient(x, grad_y, kernel_size):
    reach = kernel_size // 2
    grad = x.new_zeros(len(grad_y), len(x), kernel_size, kernel_size)
    for i in range(kernel_size):
        for j in range(kernel_size):
            met = x.roll((reach - i, reach - j), (1, 2))
            grad[:, :, i, j] = torch.einsum("ohw,chw->oc", grad_y, met)
    return grad


# %% wrong="edge-repeated" fails=["kernel-gradient-border", "kernel-gradient-channels"] says="the edge repeated"
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    padded = F.pad(x[None], [kernel_size // 2] * 4, mode="replicate")[0]
    windows = padded.unfold(1, height, 1).unfold(2, width, 1)
    return torch.einsum("opq,cijpq->ocij", grad_y, windows)


# %% wrong="full-windows-only" fails=["kernel-gradient-border", "kernel-gradient-channels"] says="only the outputs whose whole window"
def kernel_gradient(x, grad_y, kernel_size):
    (c_in, height, width), c_out = x.shape, len(grad_y)
    reach = kernel_size // 2
    grad = x.new_zeros(c_out, c_in, kernel_size, kernel_size)
    rows, columns = max(height - 2 * reach, 0), max(width - 2 * reach, 0)
    inner = grad_y[:, reach : reach + rows, reach : reach + columns]
    for i in range(kernel_size):
        for j in range(kernel_size):
            met = x[:, i : i + rows, j : j + columns]
            grad[:, :, i, j] = torch.einsum("ohw,chw->oc", inner, met)
    return grad


# %% wrong="input-channels-summed" fails=["kernel-gradient-channels"] says="summed over the input channels"
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    windows = F.pad(x.sum(0), [kernel_size // 2] * 4).unfold(0, height, 1).unfold(1, width, 1)
    grad = torch.einsum("opq,ijpq->oij", grad_y, windows)
    return grad[:, None].expand(-1, len(x), -1, -1)


# %% wrong="channels-swapped" fails=["kernel-gradient-channels"] says="the output channel comes first"
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    windows = F.pad(x, [kernel_size // 2] * 4).unfold(1, height, 1).unfold(2, width, 1)
    return torch.einsum("opq,cijpq->coij", grad_y, windows)


# %% wrong="channels-reshaped" fails=["kernel-gradient-channels"] says="reshape does not swap"
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    windows = F.pad(x, [kernel_size // 2] * 4).unfold(1, height, 1).unfold(2, width, 1)
    grad = torch.einsum("opq,cijpq->coij", grad_y, windows)
    return grad.reshape(len(grad_y), len(x), kernel_size, kernel_size)


# %% wrong="one-channel-only" fails=["kernel-gradient-channels"] says="expected shape"
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    windows = F.pad(x[0], [kernel_size // 2] * 4).unfold(0, height, 1).unfold(1, width, 1)
    return (grad_y[0] * windows).sum((-2, -1))[None, None]


# %% wrong="one-output-alone" fails=["kernel-gradient-inside", "kernel-gradient-border", "kernel-gradient-channels"] says="expected"
# The gradient of one copy: what the tap gets from the pixel in the middle.
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    padded = F.pad(x, [kernel_size // 2] * 4)
    i, j = height // 2, width // 2
    window = padded[:, i : i + kernel_size, j : j + kernel_size]
    return grad_y[:, i, j, None, None, None] * window


# %% right="autograd"
def kernel_gradient(x, grad_y, kernel_size):
    weight = x.new_zeros(len(grad_y), len(x), kernel_size, kernel_size, requires_grad=True)
    F.conv2d(x, weight, padding=kernel_size // 2).backward(grad_y)
    return weight.grad


# %% right="torch's-own-function-in-float32"
def kernel_gradient(x, grad_y, kernel_size):
    shape = (len(grad_y), len(x), kernel_size, kernel_size)
    return torch.nn.grad.conv2d_weight(x[None].float(), shape, grad_y[None].float(), padding=kernel_size // 2)


# %% right="a-convolution-itself"
# The image is convolved with the gradient; the channels of the image take the place of the batch.
def kernel_gradient(x, grad_y, kernel_size):
    return F.conv2d(x[:, None], grad_y[:, None], padding=kernel_size // 2).transpose(0, 1)


# %% right="loops-over-the-pixels"
def kernel_gradient(x, grad_y, kernel_size):
    height, width = x.shape[1:]
    padded = F.pad(x, [kernel_size // 2] * 4)
    grad = 0
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + kernel_size, j : j + kernel_size]
            grad = grad + grad_y[:, i, j, None, None, None] * window
    return grad


# %% right="unfold-and-matrix-product"
def kernel_gradient(x, grad_y, kernel_size):
    columns = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return (grad_y.flatten(1) @ columns.T).unflatten(1, (len(x), kernel_size, kernel_size))


# %% right="sum-over-the-copies-in-the-matrix"
def kernel_gradient(x, grad_y, kernel_size):
    (c_in, height, width), c_out = x.shape, len(grad_y)
    dense = torch.einsum("ohw,cij->ochwij", grad_y, x)  # the gradient of D, entry by entry
    reach = kernel_size // 2
    grad = x.new_zeros(c_out, c_in, kernel_size, kernel_size)
    for i in range(-min(reach, height - 1), min(reach, height - 1) + 1):
        for j in range(-min(reach, width - 1), min(reach, width - 1) + 1):
            grad[:, :, i + reach, j + reach] = dense.diagonal(i, 2, 4).diagonal(j, 2, 3).sum((-2, -1))
    return grad
