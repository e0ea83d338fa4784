"""Mistakes in spellings that no fingerprint was made from; `-`: no mistake that is declared."""

# %% shifts_from_centers: sign
def shifts_from_centers(cube):
    out = []
    for frame in cube:
        light = np.where(np.isfinite(frame) & (frame > 0), frame, 0.0)
        yy, xx = np.indices(light.shape)
        out.append([(light * yy).sum() / light.sum(), (light * xx).sum() / light.sum()])
    out = np.array(out)
    return out - out[0]

# %% shifts_from_centers: xy-order
def shifts_from_centers(cube):
    out = []
    for frame in cube:
        light = np.where(np.isfinite(frame) & (frame > 0), frame, 0.0)
        yy, xx = np.indices(light.shape)
        out.append([(light * xx).sum() / light.sum(), (light * yy).sum() / light.sum()])
    out = np.array(out)
    return out[0] - out

# %% shifts_from_centers: centers-returned
def shifts_from_centers(cube):
    from scipy import ndimage
    return np.array([ndimage.center_of_mass(np.nan_to_num(np.clip(f, 0, None))) for f in cube])

# %% shifts_from_correlation: -
def shifts_from_correlation(cube, upsample_factor=100):
    return np.zeros((len(cube), 2))

# %% shifts_from_correlation: sign
def shifts_from_correlation(cube, upsample_factor=100):
    from scipy.ndimage import gaussian_filter
    from skimage.registration import phase_cross_correlation
    s = [gaussian_filter(f, 1.5) for f in np.asarray(cube, float)]
    return np.array([phase_cross_correlation(f, s[0], upsample_factor=upsample_factor, normalization=None)[0] for f in s])

# %% shifts_from_correlation: whole-pixels
def shifts_from_correlation(cube, upsample_factor=100):
    from scipy.ndimage import median_filter
    from skimage.registration import phase_cross_correlation
    s = [median_filter(f, 3) for f in np.asarray(cube, float)]
    return np.array([phase_cross_correlation(s[0], f, normalization=None)[0] for f in s])

# %% center_of_mass: swapped
def center_of_mass(image):
    from scipy import ndimage
    return ndimage.center_of_mass(np.where(np.isfinite(image) & (image > 0), image, 0.0))

# %% align: -
def align(cube, shifts):
    return np.zeros_like(np.asarray(cube, float))
