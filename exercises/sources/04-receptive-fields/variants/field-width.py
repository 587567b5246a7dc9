# %% wrong="rows-and-columns-swapped" fails=["field-width-law", "field-width-any"] says="rows and columns swapped"
def field_width(field):
    share = field / field.sum()
    widths = []
    for axis in (0, 1):
        profile = share.sum(axis)
        position = torch.arange(len(profile), dtype=field.dtype)
        mean = (profile * position).sum()
        widths.append(4 * (profile * (position - mean) ** 2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="one-sigma" fails=["field-width-law", "field-width-any"] says="one standard deviation"
def field_width(field):
    share = field / field.sum()
    widths = []
    for axis in (0, 1):
        profile = share.sum(1 - axis)
        position = torch.arange(len(profile), dtype=field.dtype)
        mean = (profile * position).sum()
        widths.append((profile * (position - mean) ** 2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="variance" fails=["field-width-law", "field-width-any"] says="the variance, not its root"
def field_width(field):
    share = field / field.sum()
    widths = []
    for axis in (0, 1):
        profile = share.sum(1 - axis)
        position = torch.arange(len(profile), dtype=field.dtype)
        mean = (profile * position).sum()
        widths.append(4 * (profile * (position - mean) ** 2).sum().item())
    return tuple(widths)


# %% wrong="not-normalised" fails=["field-width-any"] says="divided by its sum"
def field_width(field):
    widths = []
    for axis in (0, 1):
        profile = field.sum(1 - axis)
        position = torch.arange(len(profile), dtype=field.dtype)
        mean = (profile * position).sum()
        widths.append(4 * (profile * (position - mean) ** 2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="divided-by-the-largest" fails=["field-width-law", "field-width-any"] says="divided by the largest value"
def field_width(field):
    share = field / field.max()
    widths = []
    for axis in (0, 1):
        profile = share.sum(1 - axis)
        position = torch.arange(len(profile), dtype=field.dtype)
        mean = (profile * position).sum() / profile.sum()
        widths.append(4 * (profile * (position - mean) ** 2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="mean-alone-normalised" fails=["field-width-any"] says="divide by the sum of the field"
def field_width(field):
    widths = []
    for axis in (0, 1):
        profile = field.sum(1 - axis)
        position = torch.arange(len(profile), dtype=field.dtype)
        mean = (profile * position).sum() / profile.sum()
        widths.append(4 * (profile * (position - mean) ** 2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="about-the-middle" fails=["field-width-any"] says="about the middle of the picture"
def field_width(field):
    share = field / field.sum()
    widths = []
    for axis in (0, 1):
        profile = share.sum(1 - axis)
        position = torch.arange(len(profile), dtype=field.dtype) - (len(profile) - 1) / 2
        widths.append(4 * (profile * position**2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="about-zero" fails=["field-width-law", "field-width-any"] says="about pixel 0"
def field_width(field):
    share = field / field.sum()
    widths = []
    for axis in (0, 1):
        profile = share.sum(1 - axis)
        position = torch.arange(len(profile), dtype=field.dtype)
        widths.append(4 * (profile * position**2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="about-the-peak" fails=["field-width-any"] says="about the largest value"
def field_width(field):
    share = field / field.sum()
    widths = []
    for axis in (0, 1):
        profile = share.sum(1 - axis)
        position = torch.arange(len(profile), dtype=field.dtype) - profile.argmax()
        widths.append(4 * (profile * position**2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="spread-of-the-values" fails=["field-width-law", "field-width-any"] says="the standard deviation of the values"
def field_width(field):
    return tuple(4 * field.sum(1 - axis).std(correction=0).item() for axis in (0, 1))


# %% wrong="middle-lines" fails=["field-width-any"] says="the middle row and column alone"
# The row and the column through the middle: enough for a product of two profiles, and for nothing else.
def field_width(field):
    height, width = field.shape
    widths = []
    for profile in (field[:, width // 2], field[height // 2]):
        profile = profile / profile.sum()
        position = torch.arange(len(profile), dtype=field.dtype)
        mean = (profile * position).sum()
        widths.append(4 * (profile * (position - mean) ** 2).sum().sqrt().item())
    return tuple(widths)


# %% wrong="pixels-counted" fails=["field-width-law", "field-width-any"] says="the number of pixels with a gradient"
def field_width(field):
    return tuple(float((field.sum(1 - axis) > 0).sum()) for axis in (0, 1))


# %% wrong="square-root-law" fails=["field-width-law", "field-width-any"] says="expected"
# The law for averages of 3, whatever the field is.
def field_width(field):
    return tuple(4 * math.sqrt((n - 1) / 2 * 8 / 12) for n in field.shape)


# %% right="moments"
def field_width(field):
    rows, columns = (torch.arange(n, dtype=field.dtype) for n in field.shape)
    total = field.sum()
    moment = [(field * (r**2)).sum() / total - ((field * r).sum() / total) ** 2 for r in (rows[:, None], columns)]
    return 4 * moment[0].clamp(min=0).sqrt(), 4 * moment[1].clamp(min=0).sqrt()


# %% right="a-tensor"
def field_width(field):
    position = torch.cartesian_prod(*map(torch.arange, field.shape)).double()  # (N, 2)
    share = field.flatten() / field.sum()
    mean = share @ position
    return 4 * (share @ (position - mean) ** 2).sqrt()


# %% right="covariance"
def field_width(field):
    position = torch.cartesian_prod(*map(torch.arange, field.shape)).double().T
    return 4 * torch.cov(position, aweights=field.flatten(), correction=0).diagonal().sqrt()


# %% right="numpy"
def field_width(field):
    import numpy as np

    values = field.numpy()
    widths = []
    for axis, n in enumerate(values.shape):
        weights = values.sum(axis=1 - axis)
        mean = np.average(np.arange(n), weights=weights)
        widths.append(4 * np.sqrt(np.average((np.arange(n) - mean) ** 2, weights=weights)))
    return widths


# %% right="loops"
def field_width(field):
    total = mean_i = mean_j = 0.0
    height, width = field.shape
    for i in range(height):
        for j in range(width):
            total += field[i, j].item()
            mean_i += i * field[i, j].item()
            mean_j += j * field[i, j].item()
    mean_i, mean_j = mean_i / total, mean_j / total
    var_i = sum((i - mean_i) ** 2 * field[i, j].item() for i in range(height) for j in range(width)) / total
    var_j = sum((j - mean_j) ** 2 * field[i, j].item() for i in range(height) for j in range(width)) / total
    return 4 * var_i**0.5, 4 * var_j**0.5
