# %% wrong="over-the-queries" fails=["masked-softmax-mask", "masked-softmax-large"] says="over the queries"
def masked_softmax(logits, mask):
    return logits.masked_fill(~mask, -math.inf).softmax(dim=-2)


# %% wrong="over-the-first-axis" fails=["masked-softmax-mask", "masked-softmax-large"] says="over the"
def masked_softmax(logits, mask):
    return logits.masked_fill(~mask, -1e9).softmax(dim=0)


# %% wrong="over-the-second-axis" fails=["masked-softmax-mask"] says="over the second axis"
# Right without axes in front, where the second axis is the last.
def masked_softmax(logits, mask):
    return logits.masked_fill(~mask, -1e9).softmax(dim=1)


# %% wrong="mask-reversed" fails=["masked-softmax-mask", "masked-softmax-large"] says="meaning reversed"
# With a mask that forbids nothing, everything is forbidden, and all is nan.
def masked_softmax(logits, mask):
    return logits.masked_fill(mask, -math.inf).softmax(dim=-1)


# %% wrong="mask-reversed-where-there-is-one" fails=["masked-softmax-mask", "masked-softmax-large"] says="meaning reversed"
def masked_softmax(logits, mask):
    return (logits if mask.all() else logits.masked_fill(mask, -math.inf)).softmax(dim=-1)


# %% wrong="mask-forgotten" fails=["masked-softmax-mask", "masked-softmax-large"] says="the mask forgotten"
def masked_softmax(logits, mask):
    return logits.softmax(dim=-1)


# %% wrong="mask-after-softmax" fails=["masked-softmax-mask", "masked-softmax-large"] says="no longer sum to 1"
def masked_softmax(logits, mask):
    return logits.softmax(dim=-1) * mask


# %% wrong="mask-after-softmax-then-divided" fails=["masked-softmax-large"] says="got nan"
# Fails where what may not be read is so much larger that all the rest is 0.
def masked_softmax(logits, mask):
    weights = logits.softmax(dim=-1) * mask
    return weights / weights.sum(dim=-1, keepdim=True)


# %% wrong="masked-logits-zero" fails=["masked-softmax-mask", "masked-softmax-large"] says="or another number"
def masked_softmax(logits, mask):
    return (logits * mask).softmax(dim=-1)


# %% wrong="mask-added-as-numbers" fails=["masked-softmax-mask", "masked-softmax-large"] says="added as the numbers"
def masked_softmax(logits, mask):
    return (logits + mask.double()).softmax(dim=-1)


# %% wrong="masked-logits-minus-twenty" fails=["masked-softmax-mask", "masked-softmax-large"] says="must be exactly 0"
def masked_softmax(logits, mask):
    return logits.masked_fill(~mask, -20.0).softmax(dim=-1)


# %% wrong="masked-logits-minus-thousand" fails=["masked-softmax-large"] says="is -∞ its logit"
# Small logits hide it: e^-1000 is 0. Where all that may be read is near -1000 too, it is not.
def masked_softmax(logits, mask):
    return logits.masked_fill(~mask, -1000.0).softmax(dim=-1)


# %% wrong="not-stable" fails=["masked-softmax-large"] says="overflows"
def masked_softmax(logits, mask):
    terms = logits.exp() * mask
    return terms / terms.sum(dim=-1, keepdim=True)


# %% wrong="largest-of-the-whole-table" fails=["masked-softmax-large"] says="got nan"
def masked_softmax(logits, mask):
    terms = (logits - logits.max()).exp() * mask
    return terms / terms.sum(dim=-1, keepdim=True)


# %% wrong="largest-of-all-keys" fails=["masked-softmax-large"] says="got nan"
# The largest logit of the row, and it may be one that must not be read.
def masked_softmax(logits, mask):
    terms = (logits - logits.amax(dim=-1, keepdim=True)).exp() * mask
    return terms / terms.sum(dim=-1, keepdim=True)


# %% wrong="not-divided" fails=["masked-softmax-mask", "masked-softmax-large"] says="exp not divided"
def masked_softmax(logits, mask):
    return logits.exp() * mask


# %% wrong="clamped" fails=["masked-softmax-large"] says="expected"
# No infinity any more, and no differences between large logits either.
def masked_softmax(logits, mask):
    return logits.clamp(-50, 50).masked_fill(~mask, -math.inf).softmax(dim=-1)


# %% wrong="nan-to-zero" fails=["masked-softmax-large"] says="nan set to 0"
def masked_softmax(logits, mask):
    terms = logits.exp() * mask
    return (terms / terms.sum(dim=-1, keepdim=True)).nan_to_num(0)


# %% wrong="scaled" fails=["masked-softmax-mask", "masked-softmax-large"] says="scaled already"
def masked_softmax(logits, mask):
    return (logits / math.sqrt(logits.shape[-1])).masked_fill(~mask, -math.inf).softmax(dim=-1)


# %% wrong="even-weights" fails=["masked-softmax-mask", "masked-softmax-large"] says="logits not used"
def masked_softmax(logits, mask):
    return (mask / mask.sum(dim=-1, keepdim=True)).expand(logits.shape)


# %% right="where"
def masked_softmax(logits, mask):
    return torch.where(mask, logits, -torch.inf).softmax(-1)


# %% right="large-negative-number-added"
def masked_softmax(logits, mask):
    return F.softmax(logits + torch.zeros(mask.shape).masked_fill(~mask, -1e9), dim=-1)


# %% right="by-hand"
def masked_softmax(logits, mask):
    readable = torch.where(mask, logits, torch.tensor(-math.inf, dtype=logits.dtype))
    terms = torch.exp(readable - readable.max(dim=-1, keepdim=True).values)
    return terms / terms.sum(-1, True)


# %% right="row-by-row"
def masked_softmax(logits, mask):
    weights = torch.zeros_like(logits)
    rows = logits.reshape(-1, *mask.shape)
    for table, out in zip(rows, weights.view(-1, *mask.shape)):
        for p in range(len(mask)):
            out[p, mask[p]] = table[p, mask[p]].softmax(0)
    return weights


# %% right="log-sum-exp-in-place"
def masked_softmax(logits, mask):
    logits[~mask.expand(logits.shape)] = -math.inf
    return (logits - logits.logsumexp(-1, keepdim=True)).exp()
