"""The boxes that an MP4 or 3GP is made of, read without decoding."""

import mmap
import struct
from collections.abc import Iterator


def walk_boxes(data: bytes | mmap.mmap, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Walk the boxes in a span: kind, where the body begins, where it ends.

    Raises:
        ValueError: a box is longer than what holds it.
    """
    while begin + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, begin)
        body = begin + 8
        if length == 1:
            length, body = struct.unpack_from(">Q", data, body)[0], body + 8
        elif length == 0:
            length = end - begin
        if length < body - begin or begin + length > end:
            raise ValueError(f"the box {kind!r} is cut off")
        yield kind, body, begin + length
        begin += length
