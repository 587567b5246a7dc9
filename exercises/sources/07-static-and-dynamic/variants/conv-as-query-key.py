# %% wrong="kernel-flipped" fails=["conv-as-query-key-product"] says="kernel flipped"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return windows.T, weight.flip(2, 3).flatten(1)


# %% wrong="no-padding" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="windows are missing at the border"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    if kernel_size > min(x.shape[1:]):
        return x.new_zeros(0, weight[0].numel()), weight.flatten(1)
    return F.unfold(x[None], kernel_size)[0].T, weight.flatten(1)


# %% wrong="padded-by-one" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="padded by 1, whatever the kernel"
def conv_as_query_key(x, weight):
    return F.unfold(x[None], weight.shape[-1], padding=1)[0].T, weight.flatten(1)


# %% wrong="not-transposed" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="transpose what F.unfold gives"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    return F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0], weight.flatten(1)


# %% wrong="batch-left" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="an axis for the batch"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    return F.unfold(x[None], kernel_size, padding=kernel_size // 2).mT, weight.flatten(1)


# %% wrong="reshape-for-transpose" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="cut anew by reshape: transpose"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)
    return windows.reshape(-1, weight[0].numel()), weight.flatten(1)


# %% wrong="keys-transposed" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="one row for each filter"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return windows.T, weight.flatten(1).T


# %% wrong="filters-mixed" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="reshape does not move axes"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return windows.T, weight.reshape(-1, len(weight)).T


# %% wrong="input-channels-first" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="flattened with C_in first"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return windows.T, weight.transpose(0, 1).reshape(len(weight), -1)


# %% wrong="channels-last-in-the-keys" fails=["conv-as-query-key-product"] says="K counts the channels last"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return windows.T, weight.permute(0, 2, 3, 1).flatten(1)


# %% wrong="channels-last-in-the-queries" fails=["conv-as-query-key-product"] says="Q counts the channels last"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    _, height, width = x.shape
    padded = F.pad(x, [kernel_size // 2] * 4)
    Q = [
        padded[:, i : i + kernel_size, j : j + kernel_size].permute(1, 2, 0).flatten()
        for i in range(height)
        for j in range(width)
    ]
    return torch.stack(Q), weight.flatten(1)


# %% wrong="rows-and-columns-swapped" fails=["conv-as-query-key-product"] says="rows and columns of the filter swapped"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return windows.T, weight.mT.flatten(1)


# %% wrong="border-repeated" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="its border is repeated"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    padded = F.pad(x[None], [kernel_size // 2] * 4, mode="replicate")
    return F.unfold(padded, kernel_size)[0].T, weight.flatten(1)


# %% wrong="wrapped" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="which is wrapped"
def conv_as_query_key(x, weight):
    reach = weight.shape[-1] // 2
    shifts = [(-i, -j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
    taps = torch.stack([x.roll(shift, dims=(1, 2)).flatten(1) for shift in shifts], dim=1)  # (C, k², N)
    return taps.flatten(0, 1).T, weight.flatten(1)


# %% wrong="down-the-columns" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="down the columns"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    _, height, width = x.shape
    padded = F.pad(x, [kernel_size // 2] * 4)
    Q = [
        padded[:, i : i + kernel_size, j : j + kernel_size].flatten() for j in range(width) for i in range(height)
    ]
    return torch.stack(Q), weight.flatten(1)


# %% wrong="off-by-half-a-window" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="the window begins at the pixel"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    padded = F.pad(x, [0, kernel_size - 1, 0, kernel_size - 1])
    return F.unfold(padded[None], kernel_size)[0].T, weight.flatten(1)


# %% wrong="scaled" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="there is no scale here"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return windows.T / weight[0].numel() ** 0.5, weight.flatten(1)


# %% wrong="other-order" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="Q and K are in the other order"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    windows = F.unfold(x[None], kernel_size, padding=kernel_size // 2)[0]
    return weight.flatten(1), windows.T


# %% wrong="three-by-three-only" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="expected shape"
def conv_as_query_key(x, weight):
    return F.unfold(x[None], 3, padding=1)[0].T, weight.flatten(1)


# %% wrong="product-hidden-in-one-column" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="expected"
def conv_as_query_key(x, weight):
    Q = torch.zeros(x[0].numel(), weight[0].numel(), dtype=x.dtype)
    K = torch.zeros_like(weight.flatten(1))
    y = F.conv2d(x, weight, padding="same").flatten(1).T
    Q[:, :1], K[:, 0] = y[:, :1], 1
    return Q, K


# %% wrong="all-zero" fails=["conv-as-query-key-rows", "conv-as-query-key-product"] says="got 0"
def conv_as_query_key(x, weight):
    return torch.zeros(x[0].numel(), weight[0].numel()), weight.flatten(1)


# %% right="loops"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    padded = F.pad(x, [kernel_size // 2] * 4)
    Q = []
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            Q.append(padded[:, i : i + kernel_size, j : j + kernel_size].flatten())
    return torch.stack(Q), torch.stack([filter_.flatten() for filter_ in weight])


# %% right="tensor-unfold-with-channels-last"
def conv_as_query_key(x, weight):
    kernel_size = weight.shape[-1]
    padded = F.pad(x, [kernel_size // 2] * 4)
    windows = padded.unfold(1, kernel_size, 1).unfold(2, kernel_size, 1)  # (C, H, W, k, k)
    return windows.permute(1, 2, 3, 4, 0).flatten(2).flatten(0, 1), weight.permute(0, 2, 3, 1).flatten(1)


# %% right="impulse-kernels"
# A convolution with one-hot filters cuts the windows; both are turned over, in a list.
def conv_as_query_key(x, weight):
    length = weight[0].numel()
    one_hot = torch.eye(length, dtype=x.dtype).reshape(length, *weight.shape[1:])
    windows = F.conv2d(x, one_hot, padding="same").flatten(1).T
    return [windows.flip(1), weight.flatten(1).flip(1)]


# %% right="einsum-and-float32"
# Whole numbers this small are exact in float32.
def conv_as_query_key(x, weight):
    reach = weight.shape[-1] // 2
    height, width = x.shape[1:]
    padded = F.pad(x.float(), [reach] * 4)
    taps = [padded[:, i : i + height, j : j + width] for i in range(2 * reach + 1) for j in range(2 * reach + 1)]
    Q = torch.einsum("tchw->hwct", torch.stack(taps)).reshape(height * width, -1)
    return Q, weight.float().flatten(1)
