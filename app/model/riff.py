"""The length that a RIFF file (WAV, AVI) tells: pure, so that probe (where does it end) and confine (how to open it) agree."""

from app.model.jpeg import Data

_LEAST_PLACEHOLDER = 0x7FFF_0000


def says_no_length(head: Data) -> bool:
    """Tell whether it was streamed: what writes to a pipe cannot go back, and leaves 0, or the most that its counter holds."""
    length = int.from_bytes(head[4:8], "little")
    return head[:4] in {b"RIFF", b"RF64"} and (length == 0 or length >= _LEAST_PLACEHOLDER)
