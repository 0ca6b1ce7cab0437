"""How much is left of a picture: SSIM on luma."""

import cv2
import numpy as np
from numpy.typing import NDArray

_WINDOW = 8
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


def luma_ssim(reference: NDArray[np.uint8], candidate: NDArray[np.uint8]) -> float:
    """Compare two luma planes of the same size, H x W.

    The mean over 8 x 8 windows side by side, uniform weights, constants of Wang et al. 2004. Windows at the right and the
    lower edge that are not whole are left out; a picture smaller than a window is one window.

    Returns:
        1.0 for the same picture, towards 0 for nothing in common.
    """
    height, width = (side - side % _WINDOW or side for side in reference.shape)
    x = reference[:height, :width].astype(np.float32)
    y = candidate[:height, :width].astype(np.float32)
    size = (max(1, width // _WINDOW), max(1, height // _WINDOW))

    def mean(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    mean_x, mean_y = mean(x), mean(y)
    both = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    covariance = mean(x * y) - both
    variances = mean(x * x + y * y) - squares
    value = ((2 * both + _C1) * (2 * covariance + _C2)) / ((squares + _C1) * (variances + _C2))
    return round(float(value.mean()), 4)
