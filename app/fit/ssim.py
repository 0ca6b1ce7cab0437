"""How much is left of a picture: SSIM on luma."""

import numpy as np
from numpy.typing import NDArray

from app.fit.arrays import luma_of, means_of_blocks

_WINDOW = 8
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


def luma_ssim(reference: NDArray[np.uint8], luma: NDArray[np.uint8]) -> float:
    """Compare the luma of a decoded result, H x W, with the RGB pixels that went into its encoder, H x W x 3.

    The mean over 8 x 8 windows side by side: uniform weights, constants of Wang et al. 2004. Windows at the right and the
    lower edge that are not whole are left out; a picture smaller than a window is one window.

    Returns:
        1.0 for the same picture, towards 0 for nothing in common.
    """
    height, width = (side - side % _WINDOW or side for side in luma.shape)
    gray = luma_of(reference)
    x, y = gray[:height, :width].astype(np.float32), luma[:height, :width].astype(np.float32)
    mean_x, mean_y = means_of_blocks(x, _WINDOW), means_of_blocks(y, _WINDOW)
    both = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    covariance = means_of_blocks(x * y, _WINDOW) - both
    variances = means_of_blocks(x * x + y * y, _WINDOW) - squares
    value = ((2 * both + _C1) * (2 * covariance + _C2)) / ((squares + _C1) * (variances + _C2))
    return round(float(value.mean()), 4)
