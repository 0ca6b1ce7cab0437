"""A stranger's picture as a page may show it: decoded and encoded anew, so that nothing of its bytes reaches a browser."""

from pathlib import Path

from app.fit.codecs import PLAIN
from app.fit.pixels import load_picture
from app.model.media import Facts

_QUALITY = 85


def write_shown(path: Path, facts: Facts, out: Path, *, side_pixels: int) -> int:
    """Write a JPEG of what a picture shows, the first frame of an animation, to ``out``.

    Args:
        path: what came; read, never changed.
        facts: what ``probe_media`` said of it; a still or an animation.
        out: where to write.
        side_pixels: the longer side at most.

    Returns:
        the bytes written. MediaDamaged when no decoder gets through it.
    """
    content = PLAIN.encode(load_picture(path, facts, side_pixels).pixels, _QUALITY)
    return out.write_bytes(content)
