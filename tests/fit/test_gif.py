"""GIFs of ours, looked at from outside: every byte belongs to the header or to a frame, and each frame begins when it should."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from app.fit.gif import encode_gif, frame_lengths
from app.fit.palette import BY_EYE, choose_palette
from tests.media import pictures


@pytest.mark.parametrize("loop", [0, None])
def test_frame_lengths_add_up_and_tell_when_each_is_shown(loop: int | None) -> None:
    source = [np.asarray(frame) for frame in pictures.pan(120, 90, 6)]
    source.insert(3, source[2])  # shows nothing new, so the one before it stays twice as long
    palette = choose_palette(np.concatenate([pixels.reshape(-1, 3) for pixels in source]), 32, BY_EYE)
    content = encode_gif([(pixels, 70) for pixels in source], (120, 90), palette, loop, still_enough=1)
    header, frames = frame_lengths(content)
    with Image.open(io.BytesIO(content)) as image:
        waits = [int(frame.info["duration"]) // 10 for frame in ImageSequence.Iterator(image)]
    assert [shown_at for shown_at, _ in frames] == [0, *np.cumsum(waits[:-1]).tolist()] == [0, 7, 14, 28, 35, 42]
    assert header + sum(length for _, length in frames) + 1 == len(content)
    assert all(length > 50 for _, length in frames)
