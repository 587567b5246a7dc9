# %% wrong="outputs-summed-first" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="output channels summed first"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    (gradient,) = torch.autograd.grad(y.sum(), image)
    return gradient.square().sum(0).sqrt()


# %% wrong="inputs-summed-first" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="input channels summed first"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    squares = 0
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        squares = squares + gradient.sum(0).square()
    return squares.sqrt()


# %% wrong="absolute-values" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="absolute values summed"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    field = torch.zeros_like(x[0])
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        field += gradient.abs().sum(0)
    return field


# %% wrong="root-forgotten" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="the root forgotten"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    squares = torch.zeros_like(x[0])
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        squares += gradient.square().sum(0)
    return squares


# %% wrong="root-for-each-output" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="one root over all squares"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    field = torch.zeros_like(x[0])
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        field += gradient.norm(dim=0)
    return field


# %% wrong="first-output-alone" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="the first output channel alone"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    value = layer(image[None])[0, 0, pixel[0], pixel[1]]
    (gradient,) = torch.autograd.grad(value, image)
    return gradient.square().sum(0).sqrt()


# %% wrong="signed" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="where the norm is asked"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    (gradient,) = torch.autograd.grad(y.sum(), image)
    return gradient.sum(0)


# %% wrong="row-and-column-swapped" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="row and column of the pixel"
def gradient_field(layer, x, pixel):
    column, row = pixel
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, row, column]
    squares = torch.zeros_like(x[0])
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        squares += gradient.square().sum(0)
    return squares.sqrt()


# %% wrong="all-pixels" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="all output pixels"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(image[None]).sum(), image)
    return gradient.square().sum(0).sqrt()


# %% wrong="at-zeros" fails=["gradient-field-nonlinear"] says="an image of zeros"
# Enough for a linear layer: its gradient is the same at every image.
def gradient_field(layer, x, pixel):
    image = torch.zeros_like(x).requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    squares = torch.zeros_like(x[0])
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        squares += gradient.square().sum(0)
    return squares.sqrt()


# %% wrong="impulses" fails=["gradient-field-nonlinear"] says="probed by impulses"
# The matrix, by probing: right for linear layers alone.
def gradient_field(layer, x, pixel):
    impulses = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
    with torch.no_grad():
        y = (layer(impulses) - layer(torch.zeros_like(x[None])))[:, :, pixel[0], pixel[1]]
    return y.square().sum(1).reshape(x.shape).sum(0).sqrt()


# %% wrong="channels-kept" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="over the input channels too"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    squares = torch.zeros_like(x)
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        squares += gradient.square()
    return squares.sqrt()


# %% wrong="the-caller's-image" fails=["gradient-field-clean"] says="you changed the caller's image"
def gradient_field(layer, x, pixel):
    x.requires_grad_()
    y = layer(x[None])[0, :, pixel[0], pixel[1]]
    squares = torch.zeros_like(x[0])
    for value in y:
        (gradient,) = torch.autograd.grad(value, x, retain_graph=True)
        squares += gradient.square().sum(0)
    return squares.sqrt().detach()


# %% wrong="gradients-pile-up" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="still in .grad"
# backward() adds to what the channels before have left in .grad.
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    squares = torch.zeros_like(x[0])
    for value in y:
        value.backward(retain_graph=True)
        squares += image.grad.square().sum(0)
    return squares.sqrt()


# %% wrong="weights-get-gradients" fails=["gradient-field-clean"] says="the layer's weights have a .grad"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    squares = torch.zeros_like(x[0])
    for value in y:
        image.grad = None
        value.backward(retain_graph=True)
        squares += image.grad.square().sum(0)
    return squares.sqrt()


# %% wrong="layer-frozen" fails=["gradient-field-clean"] says="your function changes the layer"
def gradient_field(layer, x, pixel):
    layer.requires_grad_(False)
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    squares = torch.zeros_like(x[0])
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        squares += gradient.square().sum(0)
    return squares.sqrt()


# %% wrong="history-kept" fails=["gradient-field-clean"] says="carries a history"
def gradient_field(layer, x, pixel):
    image = x.detach().clone().requires_grad_()
    y = layer(image[None])[0, :, pixel[0], pixel[1]]
    squares = 0
    for value in y:
        (gradient,) = torch.autograd.grad(value, image, create_graph=True)
        squares = squares + (gradient.square() + 0 * image).sum(0)
    return squares.sqrt()


# %% wrong="gradient-of-the-norm" fails=["gradient-field-linear", "gradient-field-nonlinear", "gradient-field-clean"] says="the gradient of the norm"
def gradient_field(layer, x, pixel):
    row, column = pixel
    image = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(image[None])[0, :, row, column].norm(), image)
    return gradient.square().sum(0).sqrt()


# %% right="jacobian"
def gradient_field(layer, x, pixel):
    jacobian = torch.autograd.functional.jacobian(lambda image: layer(image[None])[0, :, *pixel], x)
    return jacobian.flatten(0, 1).norm(dim=0).detach()


# %% right="a-copy-for-each-output"
# The image as often as there are output channels: one backward pass does for all of them.
def gradient_field(layer, x, pixel):
    with torch.no_grad():
        channels = layer(x[None]).shape[1]
    images = x.detach().expand(channels, *x.shape).clone().requires_grad_()
    y = layer(images)[:, :, pixel[0], pixel[1]]
    (gradient,) = torch.autograd.grad(y.diagonal().sum(), images)
    return gradient.square().sum((0, 1)).sqrt()


# %% right="functional-transform"
def gradient_field(layer, x, pixel):
    jacobian = torch.func.jacrev(lambda image: layer(image[None])[0][(slice(None), *pixel)])(x)
    return torch.linalg.vector_norm(jacobian, dim=(0, 1)).detach()


# %% right="backward-on-copies"
def gradient_field(layer, x, pixel):
    import copy

    squares = 0
    channels = layer(x[None]).shape[1]
    for o in range(channels):
        twin, image = copy.deepcopy(layer), x.clone().requires_grad_(True)
        twin(image.unsqueeze(0))[0, o, pixel[0], pixel[1]].backward()
        squares = squares + (image.grad**2).sum(dim=0)
    return squares**0.5
