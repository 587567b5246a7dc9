# %% wrong="first-two-exchanged" fails=["breaks-order-hidden"] says="no order that leaves the last token alone"
# An exchange of two tokens leaves all others where they are.
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.tensor([1, 0, *range(2, num_tokens)])
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="shifts-alone" fails=["breaks-order-hidden"] says="no shift of all tokens shows it"
# A convolution on a ring is a layer that commutes with them.
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.arange(num_tokens).roll(int(torch.randint(num_tokens, ())))
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="reverse-alone" fails=["breaks-order-hidden"] says="neither a shift of all tokens nor their reverse"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.arange(num_tokens).flip(0)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="identity" fails=["breaks-order-plain", "breaks-order-hidden", "breaks-order-none"] says="got None"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.arange(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="output-not-put-in-order" fails=["breaks-order-hidden", "breaks-order-none"] says="put in the same order"
def breaks_order(layer, num_tokens, channels):
    torch.manual_seed(3)
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if not torch.allclose(layer(x[order]), layer(x), atol=0.01):
            return x, order
    return None


# %% wrong="output-put-back" fails=["breaks-order-hidden", "breaks-order-none"] says="put in the same order"
# Putting the output back takes the inverse order, not the same again.
def breaks_order(layer, num_tokens, channels):
    torch.manual_seed(3)
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order])[order] - layer(x)).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="exact-equality" fails=["breaks-order-none"] says="is that rounding?"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if not torch.equal(layer(x[order]), layer(x)[order]):
            return x, order
    return None


# %% wrong="mean-of-the-differences" fails=["breaks-order-hidden"] says="the differences add up to 0"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).mean() > 0.01:
            return x, order
    return None


# %% wrong="sum-of-the-differences" fails=["breaks-order-hidden"] says="the differences add up to 0"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).sum() > 0.01:
            return x, order
    return None


# %% wrong="one-try" fails=["breaks-order-hidden"] says="did you try all numbers up to 9"
def breaks_order(layer, num_tokens, channels):
    torch.manual_seed(3)
    for _ in range(1):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="small-numbers" fails=["breaks-order-hidden"] says="did you try all numbers up to 9"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-1, 2, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="positive-numbers" fails=["breaks-order-hidden"] says="did you try all numbers down to -9"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(0, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="upper-end-left-out" fails=["breaks-order-hidden"] says="did you try all numbers up to 9"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-7, 8, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="equal-tokens" fails=["breaks-order-plain", "breaks-order-hidden"] says="got None"
# Zeros around an image and a place of its own are seen even then.
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (1, channels)).double().expand(num_tokens, channels)
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="zeros" fails=["breaks-order-plain", "breaks-order-hidden", "breaks-order-none"] says="got None"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.zeros(num_tokens, channels).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="fractions" fails=["breaks-order-plain", "breaks-order-hidden", "breaks-order-none"] says="expected x to hold whole numbers"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = 9 * torch.rand(num_tokens, channels).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="channels-in-another-order" fails=["breaks-order-plain", "breaks-order-hidden", "breaks-order-none"] says="order: expected shape (12,), got (2,)"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(channels)
        if (layer(x[:, order]) - layer(x)).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="repeated-tokens" fails=["breaks-order-plain", "breaks-order-hidden", "breaks-order-none"] says="once"
# An order with repetitions loses tokens.
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randint(num_tokens, (num_tokens,))
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
    return None


# %% wrong="float-order" fails=["breaks-order-plain", "breaks-order-hidden", "breaks-order-none"] says="expected dtype torch.int64"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order.double()
    return None


# %% wrong="shuffled-image-returned" fails=["breaks-order-plain", "breaks-order-hidden", "breaks-order-none"] says="expected two tensors (x, order)"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x[order]
    return None


# %% wrong="none-in-the-loop" fails=["breaks-order-hidden"] says="often enough?"
def breaks_order(layer, num_tokens, channels):
    torch.manual_seed(3)
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        order = torch.randperm(num_tokens)
        if (layer(x[order]) - layer(x)[order]).abs().max() > 0.01:
            return x, order
        return None


# %% wrong="always-none" fails=["breaks-order-plain", "breaks-order-hidden", "breaks-order-none"] says="got None"
def breaks_order(layer, num_tokens, channels):
    return None


# %% wrong="always-a-pair" fails=["breaks-order-hidden", "breaks-order-none"] says="The order is a shift of all tokens"
def breaks_order(layer, num_tokens, channels):
    x = torch.arange(num_tokens * channels).reshape(num_tokens, channels).double() % 10
    return x, torch.arange(num_tokens).roll(1)


# %% right="numpy-draws"
import numpy as np


def breaks_order(layer, num_tokens, channels):
    rng = np.random.default_rng(0)
    for _ in range(250):
        x = torch.from_numpy(rng.integers(-9, 10, (num_tokens, channels)).astype(float))
        order = torch.from_numpy(rng.permutation(num_tokens))
        if not np.allclose(layer(x[order]), layer(x)[order], atol=0.011, rtol=0):
            return x, order


# %% right="same-x-for-several-orders"
def breaks_order(layer, num_tokens, channels):
    for _ in range(100):
        x = torch.randint(-9, 10, (num_tokens, channels), dtype=torch.float64)
        y = layer(x)
        for _ in range(4):
            order = torch.rand(num_tokens).argsort()
            difference = layer(x[order]) - y[order]
            if difference.max() > 0.01 or difference.min() < -0.01:
                return [x, order]
    return None


# %% right="put-back-with-the-inverse"
def breaks_order(layer, num_tokens, channels):
    generator = torch.Generator().manual_seed(7)
    found = None
    for _ in range(200):
        x = torch.randint(-9, 10, (num_tokens, channels), generator=generator).double()
        order = torch.randperm(num_tokens, generator=generator)
        back = order.argsort()
        if float((layer(x[order])[back] - layer(x)).abs().amax()) > 0.01:
            found = (x, order)
    return found


# %% right="permutation-matrix"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels)).double()
        P = torch.eye(num_tokens, dtype=torch.float64)[torch.randperm(num_tokens)]
        if (layer(P @ x) - P @ layer(x)).norm(p=torch.inf) > 0.01:
            return x, P.argmax(dim=1)
    return None


# %% right="integers-in-x"
def breaks_order(layer, num_tokens, channels):
    for _ in range(300):
        x = torch.randint(-9, 10, (num_tokens, channels))
        order = torch.randperm(num_tokens)
        if ((layer(x.double()[order]) - layer(x.double())[order]).abs() > 0.01).any():
            return x.float(), order
    return None
