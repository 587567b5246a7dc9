# %% wrong="k-not-k-minus-one" fails=["field-ends-plain", "field-ends-dilation", "field-ends-stride"] says="K - 1 steps"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + dilation * kernel_size
    return first, last


# %% wrong="dilation-forgotten" fails=["field-ends-dilation", "field-ends-stride"] says="the dilation forgotten"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, _ in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + kernel_size - 1
    return first, last


# %% wrong="dilation-added" fails=["field-ends-dilation", "field-ends-stride"] says="the dilation added"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + kernel_size - 1 + dilation - 1
    return first, last


# %% wrong="dilated-kernel-of-dk" fails=["field-ends-dilation", "field-ends-stride"] says="not d K"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + dilation * kernel_size - 1
    return first, last


# %% wrong="padding-forgotten" fails=["field-ends-plain", "field-ends-dilation", "field-ends-stride"] says="the padding forgotten"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, _, dilation in reversed(layers):
        first = first * stride
        last = last * stride + dilation * (kernel_size - 1)
    return first, last


# %% wrong="padding-added" fails=["field-ends-plain", "field-ends-dilation", "field-ends-stride"] says="wrong sign"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride + padding
        last = last * stride + padding + dilation * (kernel_size - 1)
    return first, last


# %% wrong="padding-at-one-end" fails=["field-ends-plain", "field-ends-dilation", "field-ends-stride"] says="moves both ends"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        last = last * stride + dilation * (kernel_size - 1)
    return first, last


# %% wrong="padding-not-multiplied" fails=["field-ends-stride"] says="pixels of its own layer"
# Size and jump are right; the start adds up the padding as if all of it were in front of the image.
def field_ends(layers, p):
    size, jump, start = 1, 1, 0
    for kernel_size, stride, padding, dilation in layers:
        size += dilation * (kernel_size - 1) * jump
        start -= padding
        jump *= stride
    return start + jump * p, start + jump * p + size - 1


# %% wrong="first-layer-first" fails=["field-ends-stride"] says="the layers in the wrong order"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in layers:
        first = first * stride - padding
        last = last * stride - padding + dilation * (kernel_size - 1)
    return first, last


# %% wrong="strides-forgotten" fails=["field-ends-stride"] says="the strides forgotten"
def field_ends(layers, p):
    first = p - sum(padding for *_, padding, _ in layers)
    return first, first + sum(dilation * (kernel_size - 1) for kernel_size, _, _, dilation in layers)


# %% wrong="strides-for-p-alone" fails=["field-ends-stride"] says="p alone multiplied"
def field_ends(layers, p):
    first = -sum(padding for *_, padding, _ in layers)
    for _, stride, _, _ in layers:
        p *= stride
    return first + p, first + p + sum(dilation * (kernel_size - 1) for kernel_size, _, _, dilation in layers)


# %% wrong="stride-after-the-window" fails=["field-ends-stride"] says="for the layers above it"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = (first - padding) * stride
        last = (last - padding + dilation * (kernel_size - 1)) * stride
    return first, last


# %% wrong="centred" fails=["field-ends-plain", "field-ends-dilation", "field-ends-stride"] says="the window centred"
# What padding="same" would give.
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, _, dilation in reversed(layers):
        first = first * stride - dilation * (kernel_size // 2)
        last = last * stride + dilation * (kernel_size // 2)
    return first, last


# %% wrong="last-from-first" fails=["field-ends-plain", "field-ends-dilation", "field-ends-stride"] says="walked back by itself"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        last = first + dilation * (kernel_size - 1)
    return first, last


# %% wrong="end-excluded" fails=["field-ends-plain", "field-ends-dilation", "field-ends-stride"] says="one pixel past the last"
# As a range would have it.
def field_ends(layers, p):
    first, end = p, p + 1
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        end = (end - 1) * stride - padding + dilation * (kernel_size - 1) + 1
    return first, end


# %% wrong="no-layer-no-answer" fails=["field-ends-plain"] says="raises"
def field_ends(layers, p):
    kernel_size, stride, padding, dilation = layers[-1]
    first = p * stride - padding
    last = first + dilation * (kernel_size - 1)
    if len(layers) == 1:
        return first, last
    return field_ends(layers[:-1], first)[0], field_ends(layers[:-1], last)[1]


# %% wrong="cut-at-the-image" fails=["field-ends-dilation", "field-ends-stride"] says="pixels beside the image count"
def field_ends(layers, p):
    first = last = p
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + dilation * (kernel_size - 1)
    return max(0, first), last


# %% right="recursion"
def field_ends(layers, p):
    if not layers:
        return [p, p]
    *below, (kernel_size, stride, padding, dilation) = layers
    start = p * stride - padding
    return field_ends(below, start)[0], field_ends(below, start + dilation * (kernel_size - 1))[1]


# %% right="size-jump-start"
def field_ends(layers, p):
    size, jump, start = 1, 1, 0
    for kernel_size, stride, padding, dilation in layers:
        size += dilation * (kernel_size - 1) * jump
        start -= padding * jump
        jump *= stride
    return start + jump * p, start + jump * p + size - 1


# %% right="all-the-pixels"
# Collect every pixel that is read.
def field_ends(layers, p):
    seen = {p}
    for kernel_size, stride, padding, dilation in layers[::-1]:
        seen = {i * stride - padding + t * dilation for i in seen for t in range(kernel_size)}
    return min(seen), max(seen)


# %% right="by-gradient"
# A long strip, impulses of ones, and the gradient; the strip begins far in front of pixel 0.
def field_ends(layers, p):
    front, length = 0, 1
    for kernel_size, stride, padding, dilation in layers[::-1]:
        front, length = front * stride + padding, length * stride + dilation * (kernel_size - 1)
    jump = math.prod(stride for _, stride, _, _ in layers)
    x = torch.zeros(1, 1, front + jump * p + length + 50, dtype=torch.float64, requires_grad=True)
    y = x  # begins at pixel -front, so that no layer needs padding of its own
    for kernel_size, stride, _, dilation in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel_size, dtype=torch.float64), stride=stride, dilation=dilation)
    (gradient,) = torch.autograd.grad(y[0, 0, p], x)
    seen = gradient[0, 0].nonzero().flatten() - front
    return int(seen[0]), int(seen[-1])
