# %% wrong="reshaped" fails=["to-tokens-order", "to-tokens-back"] says="reshape alone keeps the order of memory"
def to_tokens(x):
    return x.reshape(-1, x.shape[0])


def to_image(tokens, height, width):
    return tokens.reshape(-1, height, width)


# %% wrong="a-row-for-each-channel" fails=["to-tokens-order"] says="one row a channel"
def to_tokens(x):
    return x.flatten(1)


def to_image(tokens, height, width):
    return tokens.T.reshape(tokens.shape[1], height, width)


# %% wrong="down-the-columns" fails=["to-tokens-order", "to-tokens-back"] says="down the columns"
# The two undo each other, and are wrong together.
def to_tokens(x):
    return x.permute(2, 1, 0).reshape(-1, x.shape[0])


def to_image(tokens, height, width):
    return tokens.reshape(width, height, -1).permute(2, 1, 0)


# %% wrong="axes-not-joined" fails=["to-tokens-order", "to-tokens-back"] says="not yet joined"
def to_tokens(x):
    return x.permute(1, 2, 0)


def to_image(tokens, height, width):
    return tokens.permute(2, 0, 1)


# %% wrong="height-and-width-swapped" fails=["to-tokens-back"] says="height and width swapped"
def to_tokens(x):
    return x.flatten(1).T


def to_image(tokens, height, width):
    return tokens.T.reshape(-1, width, height)


# %% wrong="channels-last" fails=["to-tokens-back"] says="channels last"
def to_tokens(x):
    return x.movedim(0, -1).reshape(-1, x.shape[0])


def to_image(tokens, height, width):
    return tokens.reshape(height, width, -1)


# %% wrong="not-an-image-yet" fails=["to-tokens-back"] says="each is still one long row"
def to_tokens(x):
    return x.flatten(1).T


def to_image(tokens, height, width):
    return tokens.T


# %% wrong="example-by-heart" fails=["to-tokens-order", "to-tokens-back"] says="expected shape (12, 2), got (3, 2)"
def to_tokens(x):
    return torch.tensor([[1, 10], [2, 20], [3, 30]])


def to_image(tokens, height, width):
    return torch.tensor([[[1, 2, 3]], [[10, 20, 30]]])


# %% wrong="one-channel" fails=["to-tokens-order", "to-tokens-back"] says="expected shape (12, 2), got (12, 1)"
def to_tokens(x):
    return x[0].reshape(-1, 1)


def to_image(tokens, height, width):
    return tokens[:, 0].reshape(1, height, width)


# %% right="movedim"
def to_tokens(x):
    return x.movedim(0, -1).flatten(0, 1)


def to_image(tokens, height, width):
    return tokens.unflatten(0, (height, width)).movedim(-1, 0)


# %% right="loops"
def to_tokens(x):
    channels, height, width = x.shape
    tokens = torch.empty(height * width, channels, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            tokens[i * width + j] = x[:, i, j]
    return tokens


def to_image(tokens, height, width):
    image = torch.empty(tokens.shape[1], height, width, dtype=tokens.dtype)
    for t, token in enumerate(tokens):
        image[:, t // width, t % width] = token
    return image


# %% right="einsum"
def to_tokens(x):
    return torch.einsum("chw->hwc", x).reshape(-1, len(x))


def to_image(tokens, height, width):
    return torch.einsum("hwc->chw", tokens.reshape(height, width, -1))


# %% right="unfold"
# A window of one pixel is a token.
def to_tokens(x):
    return F.unfold(x[None], 1)[0].T


def to_image(tokens, height, width):
    return F.fold(tokens.T[None], (height, width), 1)[0]


# %% right="view-of-a-transpose"
# Cutting one axis in two needs no copy, so that even view may do it.
def to_tokens(x):
    return x.flatten(1).T


def to_image(tokens, height, width):
    return tokens.T.view(-1, height, width)
