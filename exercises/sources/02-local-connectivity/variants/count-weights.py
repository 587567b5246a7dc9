# %% wrong="border-forgotten" fails=["count-weights-one-channel", "count-weights-channels"] says="border forgotten"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    channels = in_channels * out_channels
    return channels * (height * width) ** 2, channels * height * width * kernel_size**2


# %% wrong="inner-pixels-alone" fails=["count-weights-one-channel", "count-weights-channels"] says="inner pixels alone"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    channels = in_channels * out_channels
    inner = max(height - kernel_size + 1, 0) * max(width - kernel_size + 1, 0)
    return channels * (height * width) ** 2, channels * inner * kernel_size**2


# %% wrong="channels-forgotten" fails=["count-weights-channels"] says="the channels forgotten"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    rows, columns = (kernel_size * n - reach * (reach + 1) for n in (height, width))
    return (height * width) ** 2, rows * columns


# %% wrong="channels-forgotten-in-the-local-layer" fails=["count-weights-channels"] says="local: expected"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    rows, columns = (kernel_size * n - reach * (reach + 1) for n in (height, width))
    return in_channels * out_channels * (height * width) ** 2, out_channels * rows * columns


# %% wrong="channels-added" fails=["count-weights-one-channel", "count-weights-channels"] says="channels added"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    rows, columns = (kernel_size * n - reach * (reach + 1) for n in (height, width))
    channels = in_channels + out_channels
    return channels * (height * width) ** 2, channels * rows * columns


# %% wrong="rows-alone" fails=["count-weights-one-channel", "count-weights-channels"] says="rows alone counted"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    channels = in_channels * out_channels
    return channels * (height * width) ** 2, channels * (kernel_size * height - reach * (reach + 1))


# %% wrong="square-images-alone" fails=["count-weights-one-channel", "count-weights-channels"] says="the height taken for the width"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    channels = in_channels * out_channels
    rows = kernel_size * height - reach * (reach + 1)
    return channels * (height * width) ** 2, channels * rows**2


# %% wrong="one-kernel-for-all" fails=["count-weights-one-channel", "count-weights-channels"] says="that is a convolution"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    channels = in_channels * out_channels
    return channels * (height * width) ** 2, channels * kernel_size**2


# %% wrong="one-input-for-each-output" fails=["count-weights-one-channel", "count-weights-channels"] says="reads every input pixel"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    rows, columns = (kernel_size * n - reach * (reach + 1) for n in (height, width))
    channels = in_channels * out_channels
    return channels * height * width, channels * rows * columns


# %% wrong="bias-counted" fails=["count-weights-one-channel", "count-weights-channels"] says="a bias counted too"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    rows, columns = (kernel_size * n - reach * (reach + 1) for n in (height, width))
    channels, biases = in_channels * out_channels, out_channels * height * width
    return channels * (height * width) ** 2 + biases, channels * rows * columns + biases


# %% wrong="the-other-order" fails=["count-weights-one-channel", "count-weights-channels"] says="dense comes first"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    rows, columns = (kernel_size * n - reach * (reach + 1) for n in (height, width))
    channels = in_channels * out_channels
    return channels * rows * columns, channels * (height * width) ** 2


# %% wrong="one-end-of-the-line" fails=["count-weights-one-channel", "count-weights-channels"] says="each line has two ends"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach = kernel_size // 2
    rows, columns = (kernel_size * n - reach * (reach + 1) // 2 for n in (height, width))
    channels = in_channels * out_channels
    return channels * (height * width) ** 2, channels * rows * columns


# %% wrong="the-example-by-heart" fails=["count-weights-one-channel", "count-weights-channels"] says="expected 1225, got 81"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    return 81 * in_channels * out_channels, 49 * in_channels * out_channels


# %% wrong="one-row-of-all-pixels" fails=["count-weights-one-channel", "count-weights-channels"] says="the rule for one row"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    channels, reach, n = in_channels * out_channels, kernel_size // 2, height * width
    return channels * n**2, channels * (kernel_size * n - reach * (reach + 1))


# %% right="by-the-mask"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    place = torch.arange(height * width)
    row, column = place // width, place % width
    near = (row - row[:, None]).abs().maximum((column - column[:, None]).abs()) <= kernel_size // 2
    channels = in_channels * out_channels
    return channels * near.numel(), channels * int(near.sum())


# %% right="pixel-by-pixel"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    reach, local = kernel_size // 2, 0
    for i in range(height):
        for j in range(width):
            rows = min(i + reach, height - 1) - max(i - reach, 0) + 1
            columns = min(j + reach, width - 1) - max(j - reach, 0) + 1
            local += rows * columns * in_channels * out_channels
    return height * width * in_channels * height * width * out_channels, local


# %% right="convolution-of-ones"
# Each output of a convolution of ones with ones is the number of pixels it reads.
def count_weights(height, width, kernel_size, in_channels, out_channels):
    ones = torch.ones(1, 1, height, width, dtype=torch.float64)
    kernel = torch.ones(1, 1, kernel_size, kernel_size, dtype=torch.float64)
    pairs = F.conv2d(ones, kernel, padding="same").sum()
    return [torch.tensor(in_channels * out_channels * (height * width) ** 2), pairs * in_channels * out_channels]


# %% right="the-package"
def count_weights(height, width, kernel_size, in_channels, out_channels):
    import conv2attn

    conv = torch.nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
    counts = conv2attn.count_weights(conv, (height, width))
    return counts.fully_connected, counts.locally_connected
