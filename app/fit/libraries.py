"""Libraries that do better than Pillow, where they are installed; None where one is missing, and Pillow does its work.

Both are in the lock, so a lost picture that is made again comes out with the same bytes; a platform without a wheel of one
of them still fits everything, under the same guarantees.
"""

import importlib
from typing import Any


def _find(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


OPENCV: Any = _find("cv2")
"""OpenCV: pixels scaled, turned and compared several times as fast."""
SIMPLEJPEG: Any = _find("simplejpeg")
"""libjpeg-turbo without a detour: a JPEG decoded at n/8 of its size, or encoded, in half the time."""

if OPENCV is not None:
    OPENCV.setNumThreads(1)  # the pool of processes is the parallelism
