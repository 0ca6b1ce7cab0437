"""Flat art without loss: a picture of few colours as a PNG with a palette."""

import io

import numpy as np
from PIL import Image

from app.fit.codecs import Pixels

_MOST_COLORS = 256
_SAMPLE_STEP = 97  # prime to usual widths, so that the sample is not one column


def encode_flat_png(pixels: Pixels) -> bytes | None:
    """Encode H x W x 3 pixels of at most 256 colours as a palette PNG without loss; None when there are more."""
    packed = pixels[..., 0].astype(np.uint32) << 16 | pixels[..., 1].astype(np.uint32) << 8 | pixels[..., 2]
    if np.unique(packed.ravel()[::_SAMPLE_STEP]).size > _MOST_COLORS:
        return None
    colors, indices = np.unique(packed, return_inverse=True)
    if colors.size > _MOST_COLORS:
        return None
    image = Image.fromarray(indices.reshape(packed.shape).astype(np.uint8), "P")
    image.putpalette(np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
