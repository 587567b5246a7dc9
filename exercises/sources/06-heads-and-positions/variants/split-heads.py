# %% wrong="reshape-alone" fails=["split-heads-values"] says="cuts through the tokens"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.reshape(*x.shape[:-2], num_heads, x.shape[-2], -1)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="heads-before-the-batch" fails=["split-heads-values"] says="count the axes from the end"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return torch.stack(x.chunk(num_heads, dim=-1))


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="first-axes-exchanged" fails=["split-heads-values"] says="not 0 and 1"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(0, 1)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="merged-without-exchange" fails=["split-heads-merge"] says="tokens and D in one row"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.flatten(-2)


# %% wrong="axes-not-exchanged" fails=["split-heads-values"] says="still before the heads"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1))


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="dealt-like-cards" fails=["split-heads-values"] says="dealt out one by one"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return torch.stack([x[..., h::num_heads] for h in range(num_heads)], dim=-3)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="head-dim-and-heads-exchanged" fails=["split-heads-values"] says="not num_heads heads of D"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (-1, num_heads)).transpose(-3, -2)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="heads-reversed" fails=["split-heads-values"] says="in reverse order"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2).flip(-3)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="tokens-last" fails=["split-heads-values"] says="tokens and channels of a head exchanged"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).movedim(-3, -1)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="no-batch" fails=["split-heads-values"] says="expected shape"
# Right for one image, wrong or an error for a batch.
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.reshape(x.shape[0], num_heads, -1).transpose(0, 1)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="transpose-counted-from-the-front" fails=["split-heads-values"] says="expected shape"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(0, 1)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="float32" fails=["split-heads-values"] says="dtype"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.float().unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="list-of-heads" fails=["split-heads-values", "split-heads-uneven"] says="expected a tensor, got list"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return [x[..., h * x.shape[-1] // num_heads : (h + 1) * x.shape[-1] // num_heads] for h in range(num_heads)]


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="not-returned" fails=["split-heads-values", "split-heads-uneven"] says="did you forget to return"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="error-left-to-torch" fails=["split-heads-uneven"] says="got RuntimeError: test it yourself"
def split_heads(x, num_heads):
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="chunk-never-complains" fails=["split-heads-uneven"] says="4 does not divide 6; got a tensor"
# chunk gives fewer heads, or a last one that is smaller.
def split_heads(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=-3)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="rest-cut-off" fails=["split-heads-uneven"] says="does not divide"
def split_heads(x, num_heads):
    head_dim = x.shape[-1] // num_heads
    x = x[..., : head_dim * num_heads]
    return x.reshape(*x.shape[:-1], num_heads, head_dim).transpose(-3, -2)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="assertion" fails=["split-heads-uneven"] says="got AssertionError"
def split_heads(x, num_heads):
    assert x.shape[-1] % num_heads == 0
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="tokens-tested-not-channels" fails=["split-heads-uneven"] says="expected a ValueError"
def split_heads(x, num_heads):
    if x.shape[-2] * x.shape[-1] % num_heads:
        raise ValueError("the heads do not divide the tokens")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="always-refuses" fails=["split-heads-values", "split-heads-uneven"] says="your code raises ValueError"
def split_heads(x, num_heads):
    raise ValueError(num_heads)


def merge_heads(heads):
    return heads.transpose(-3, -2).flatten(-2)


# %% wrong="merged-by-reshape-alone" fails=["split-heads-merge"] says="several tokens of one head"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.reshape(*heads.shape[:-3], heads.shape[-2], -1)


# %% wrong="merged-in-turn" fails=["split-heads-merge"] says="in turn from each head"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.movedim(-3, -1).flatten(-2)


# %% wrong="merged-below-each-other" fails=["split-heads-merge"] says="below each other"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.flatten(-3, -2)


# %% wrong="merged-by-sum" fails=["split-heads-merge"] says="added up"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.sum(-3)


# %% wrong="merged-by-mean" fails=["split-heads-merge"] says="averaged"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return heads.mean(-3)


# %% wrong="merged-in-reverse" fails=["split-heads-merge"] says="in reverse order"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return torch.cat(list(heads.unbind(-3))[::-1], dim=-1)


# %% wrong="merged-without-batch" fails=["split-heads-merge"] says="expected shape"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(f"{num_heads} heads do not divide {x.shape[-1]} channels")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(heads):
    return torch.cat(list(heads), dim=-1)


# %% wrong="all-zero" fails=["split-heads-values", "split-heads-merge"] says="got 0"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError(num_heads)
    return torch.zeros(*x.shape[:-2], num_heads, x.shape[-2], x.shape[-1] // num_heads, dtype=x.dtype)


def merge_heads(heads):
    return torch.zeros(*heads.shape[:-3], heads.shape[-2], heads.shape[-3] * heads.shape[-1], dtype=heads.dtype)


# %% right="chunks"
def split_heads(x, num_heads):
    if x.shape[-1] % num_heads != 0:
        raise ValueError("uneven")
    return torch.stack(x.chunk(num_heads, dim=-1), dim=-3)


def merge_heads(heads):
    return torch.cat(heads.unbind(dim=-3), dim=-1)


# %% right="view-and-movedim"
def split_heads(x, num_heads):
    head_dim, rest = divmod(x.shape[-1], num_heads)
    if rest:
        raise ValueError(f"{rest} channels are left over")
    return x.view(*x.shape[:-1], num_heads, head_dim).movedim(-2, -3)


def merge_heads(heads):
    return heads.movedim(-3, -2).reshape(*heads.shape[:-3], heads.shape[-2], -1)


# %% right="loops"
def split_heads(x, num_heads):
    *front, tokens, channels = x.shape
    if channels // num_heads * num_heads != channels:
        raise ValueError(num_heads)
    d = channels // num_heads
    out = torch.empty(*front, num_heads, tokens, d, dtype=x.dtype)
    for h in range(num_heads):
        for i in range(d):
            out[..., h, :, i] = x[..., h * d + i]
    return out


def merge_heads(heads):
    *front, num_heads, tokens, d = heads.shape
    out = heads.new_zeros(*front, tokens, num_heads * d)
    for h in range(num_heads):
        out[..., h * d : (h + 1) * d] += heads[..., h, :, :]
    return out


# %% right="own-error-class"
class Uneven(ValueError):
    pass


def split_heads(x, num_heads):
    if x.shape[-1] % num_heads:
        raise Uneven()
    flat = x.reshape(-1, x.shape[-2], num_heads, x.shape[-1] // num_heads)
    return flat.permute(0, 2, 1, 3).reshape(*x.shape[:-2], num_heads, x.shape[-2], -1).contiguous()


def merge_heads(heads):
    return torch.einsum("...hnd->...nhd", heads).flatten(start_dim=-2)


# %% right="numpy"
import numpy as np


def split_heads(x, num_heads):
    try:
        return torch.from_numpy(np.stack(np.split(x.numpy(), num_heads, axis=-1), axis=-3))
    except ValueError as error:
        raise ValueError("np.split wants equal parts") from error


def merge_heads(heads):
    return torch.from_numpy(np.concatenate(np.moveaxis(heads.numpy(), -3, 0), axis=-1))
