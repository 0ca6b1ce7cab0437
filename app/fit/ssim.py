"""How much is left of a picture: SSIM on luma."""

import cv2
import numpy as np
from numpy.typing import NDArray

_WINDOW = 8
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2

Plane = NDArray[np.float32]


def luma_ssim(reference: NDArray[np.uint8], luma: NDArray[np.uint8]) -> float:
    """Compare the luma of a decoded result, H x W, with the RGB pixels that went into its encoder, H x W x 3.

    The mean over 8 x 8 windows side by side: uniform weights, constants of Wang et al. 2004. Windows at the right and the
    lower edge that are not whole are left out; a picture smaller than a window is one window.

    Returns:
        1.0 for the same picture, towards 0 for nothing in common.
    """
    height, width = (side - side % _WINDOW or side for side in luma.shape)
    gray = np.asarray(cv2.cvtColor(reference, cv2.COLOR_RGB2GRAY))
    x, y = gray[:height, :width].astype(np.float32), luma[:height, :width].astype(np.float32)
    size = (max(1, width // _WINDOW), max(1, height // _WINDOW))

    def mean(plane: Plane) -> Plane:
        return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    mean_x, mean_y = mean(x), mean(y)
    both = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    covariance = mean(x * y) - both
    variances = mean(x * x + y * y) - squares
    value = ((2 * both + _C1) * (2 * covariance + _C2)) / ((squares + _C1) * (variances + _C2))
    return round(float(value.mean()), 4)
