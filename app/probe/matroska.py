"""Where a Matroska or WebM file ends (RFC 9559, 8794): pure, as ``ends`` is."""

from app.model.jpeg import Data

_SEGMENT, _CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_ANYWHERE = frozenset({b"\xec", b"\xbf"})  # padding, a checksum
_IN_SEGMENT = _ANYWHERE | {
    bytes.fromhex(each)
    for each in ("114d9b74", "1549a966", "1654ae6b", "1f43b675", "1c53bb6b", "1941a469", "1043a770", "1254c367")
}
_IN_CLUSTER = _ANYWHERE | {bytes.fromhex(each) for each in ("e7", "5854", "a7", "ab", "a3", "a0", "af")}


def matroska_end(data: Data) -> int:
    """Find the end of the segment; one that was recorded live does not say its length and ends with its last known element.

    Raises:
        ValueError: it ends too early.
    """
    _, at, length = _read_element(data, 0)
    name, begin, length = _read_element(data, at + (length or 0))
    end = begin + length if length is not None else _live_end(data, begin) if name == _SEGMENT else begin
    if end > len(data):
        raise ValueError(f"{end} bytes announced, {len(data)} are here")
    return end


def _live_end(data: Data, at: int) -> int:
    """Go from element to element, into clusters; what is none that may stand there is the end."""
    while at < len(data):
        name, begin, length = _read_element(data, at)
        if name not in _IN_SEGMENT | _IN_CLUSTER:
            break
        # Of a cluster only its head is passed, so that a block of it that is cut off is seen.
        at = begin if name == _CLUSTER else begin + (length or 0)
    return at


def _read_element(data: Data, at: int) -> tuple[bytes, int, int | None]:
    """Read name, beginning of the content, and length (None = unknown); each says in its first bits how long it is."""
    name = data[at : at + _width(data, at)]
    begin = at + max(1, len(name))
    width = _width(data, begin)
    most = (1 << 7 * width) - 1
    length = int.from_bytes(data[begin : begin + width], "big") & most
    return name, begin + width, None if length == most else length


def _width(data: Data, at: int) -> int:
    return 9 - data[at].bit_length() if at < len(data) else 1
