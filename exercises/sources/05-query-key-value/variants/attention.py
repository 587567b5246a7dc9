# %% wrong="no-scale" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="scale forgotten"
def attention(query, key, value, mask=None):
    logits = query @ key.mT
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="divided-by-D" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="not by its root"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / query.shape[-1]
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="root-of-the-number-of-keys" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="√N_k"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(key.shape[-2])
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="scale-after-softmax" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="after the softmax"
def attention(query, key, value, mask=None):
    logits = query @ key.mT
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1) / math.sqrt(query.shape[-1])
    return weights @ value, weights


# %% wrong="over-the-queries" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="over the queries"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-2)
    return weights @ value, weights


# %% wrong="over-the-second-axis" fails=["attention-heads", "attention-boolean", "attention-float"] says="not over the keys"
# Without axes in front the second axis is the last. With one of them, it is that of the queries.
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=1)
    return weights @ value, weights


# %% wrong="no-softmax" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="softmax forgotten"
def attention(query, key, value, mask=None):
    weights = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        weights = weights.masked_fill(~mask, 0) if mask.dtype == torch.bool else weights + mask
    return weights @ value, weights


# %% wrong="transpose-of-all-axes" fails=["attention-heads", "attention-boolean", "attention-float"] says="your code raises"
def attention(query, key, value, mask=None):
    logits = query @ key.permute(*reversed(range(key.ndim))) / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="the-output-alone" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="expected two tensors"
def attention(query, key, value, mask=None):
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


# %% wrong="weights-first" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="the other order"
def attention(query, key, value, mask=None):
    eye = torch.eye(key.shape[-2]).double().expand(*key.shape[:-2], -1, -1)
    torch_ = F.scaled_dot_product_attention
    return torch_(query, key, eye, mask), torch_(query, key, value, mask)


# %% wrong="mask-forgotten" fails=["attention-boolean", "attention-float"] says="the mask forgotten"
def attention(query, key, value, mask=None):
    weights = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return weights @ value, weights


# %% wrong="mask-reversed" fails=["attention-boolean"] says="meaning reversed"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = logits.masked_fill(mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="mask-always-added" fails=["attention-boolean"] says="added as the numbers 0 and 1"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    weights = (logits if mask is None else logits + mask).softmax(dim=-1)
    return weights @ value, weights


# %% wrong="mask-always-boolean" fails=["attention-float"] says="0 changes nothing"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = logits.masked_fill(mask == 0, -math.inf)
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="float-mask-for-infinities-only" fails=["attention-float"] says="are to be added too"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        allowed = mask if mask.dtype == torch.bool else ~mask.isinf()
        logits = logits.masked_fill(~allowed, -math.inf)
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="logarithm-of-the-mask" fails=["attention-float"] says="the logarithm of a float mask"
# Right for booleans: log 1 is 0, and log 0 is -∞.
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = logits + mask.log()
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="mask-before-the-scale" fails=["attention-float"] says="before the scale"
# -∞ is -∞ after the scale too, so that boolean masks hide it.
def attention(query, key, value, mask=None):
    logits = query @ key.mT
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = (logits / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return weights @ value, weights


# %% wrong="mask-after-softmax" fails=["attention-boolean"] says="no longer sum to 1"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None and mask.dtype != torch.bool:
        logits = logits + mask
    weights = logits.softmax(dim=-1)
    if mask is not None and mask.dtype == torch.bool:
        weights = weights * mask
    return weights @ value, weights


# %% wrong="mask-multiplied" fails=["attention-boolean", "attention-float"] says="multiplied with the mask"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    weights = (logits if mask is None else logits * mask).softmax(dim=-1)
    return weights @ value, weights


# %% wrong="masked-scores-zero" fails=["attention-boolean"] says="only that of -∞ is 0"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = logits.masked_fill(~mask, 0) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="mask-for-two-axes-only" fails=["attention-boolean"] says="your code raises"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None and mask.dtype == torch.bool:
        logits[..., ~mask] = -math.inf
    elif mask is not None:
        logits = logits + mask
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="asks-whether-the-mask-is-true" fails=["attention-boolean", "attention-float"] says="your code raises"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1)
    return weights @ value, weights


# %% wrong="output-without-the-mask" fails=["attention-boolean", "attention-float"] says="the mask forgotten"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    output = logits.softmax(dim=-1) @ value
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    return output, logits.softmax(dim=-1)


# %% wrong="output-a-mean" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="sum to 1 already"
def attention(query, key, value, mask=None):
    logits = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    weights = logits.softmax(dim=-1)
    return (weights.unsqueeze(-1) * value.unsqueeze(-3)).mean(dim=-2), weights


# %% wrong="zeros" fails=["attention-plain", "attention-heads", "attention-boolean", "attention-float"] says="got 0"
def attention(query, key, value, mask=None):
    weights = torch.zeros(*query.shape[:-1], key.shape[-2])
    return weights.double() @ value, weights


# %% right="torch-with-the-identity-as-values"
def attention(query, key, value, mask=None):
    eye = torch.eye(key.shape[-2], dtype=key.dtype).expand(*key.shape[:-2], -1, -1)
    weights = F.scaled_dot_product_attention(query, key, eye, attn_mask=mask)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask), weights


# %% right="einsum"
def attention(query, key, value, mask=None):
    logits = torch.einsum("...pd,...qd->...pq", query, key) * query.size(-1) ** -0.5
    if mask is None:
        mask = torch.zeros(())
    if mask.dtype is torch.bool:
        mask = torch.zeros(mask.shape).masked_fill_(mask.logical_not(), float("-inf"))
    weights = torch.softmax(logits + mask, -1)
    return torch.einsum("...pq,...qv->...pv", weights, value), weights


# %% right="scale-first-in-place"
def attention(query, key, value, mask=None):
    query /= math.sqrt(query.shape[-1])
    weights = query @ key.transpose(-1, -2)
    if mask is not None and mask.dtype == torch.bool:
        weights = torch.where(mask, weights, -1e9)
    elif mask is not None:
        weights += mask
    weights = (weights - weights.amax(-1, keepdim=True)).exp_()
    weights /= weights.sum(-1, keepdim=True)
    return [torch.matmul(weights, value), weights]


# %% right="a-query-at-a-time"
def attention(query, key, value, mask=None):
    shape = (*query.shape[:-1], key.shape[-2])
    weights = torch.empty(shape, dtype=torch.float64)
    mask = torch.tensor(True) if mask is None else mask
    mask = mask.expand(shape)
    for p in range(query.shape[-2]):
        logits = (query[..., p, :].unsqueeze(-2) * key).sum(-1) / math.sqrt(key.shape[-1])
        row = mask[..., p, :]
        logits = logits + (row.double().log() if row.dtype == torch.bool else row)
        weights[..., p, :] = logits.softmax(-1)
    return (weights.unsqueeze(-1) * value.unsqueeze(-3)).sum(-2), weights


# %% right="earlier-answers-in-float32"
def attention(query, key, value, mask=None):
    logits = scores(query.float(), key.float())
    if mask is None or mask.dtype != torch.bool:
        weights = (logits if mask is None else logits + mask).softmax(-1)
    else:
        weights = masked_softmax(logits, mask.expand(logits.shape))
    return weights.double() @ value, weights
