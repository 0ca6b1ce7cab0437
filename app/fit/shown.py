"""A stranger's picture as a page may show it: decoded and encoded anew, so that nothing of its bytes reaches a browser."""

from pathlib import Path

from app.model.media import Facts


def write_shown(path: Path, facts: Facts, out: Path, *, side_pixels: int, quality: int = 85) -> int:
    """Write a JPEG of what a picture shows, the first frame of an animation, to ``out``.

    Args:
        path: what came; read, never changed.
        facts: what ``probe_media`` said of it; a still or an animation.
        out: where to write.
        side_pixels: the longer side at most.
        quality: of the JPEG.

    Returns:
        the bytes written. MediaDamaged when no decoder gets through it.
    """
    from app.fit.codecs import FAST
    from app.fit.pixels import load_picture

    content = FAST.encode(load_picture(path, facts, side_pixels).pixels, quality)
    return out.write_bytes(content)
