"""What is done to pixels comes out the same by OpenCV and by numpy and Pillow, in place or not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from app.fit import arrays
from app.fit.libraries import OPENCV

SIZES = st.tuples(st.integers(1, 70), st.integers(1, 70))


def noise(size: tuple[int, int]) -> arrays.Pixels:
    return np.random.default_rng(size[0] * 100 + size[1]).integers(0, 256, (*size, 3), dtype=np.uint8)


def by_pillow(pixels: arrays.Pixels, orientation: int) -> arrays.Pixels:
    exif = Image.Exif()
    exif[274] = orientation
    image = Image.fromarray(pixels)
    image.getexif().update(exif)
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("opencv", [True, False])
@pytest.mark.parametrize("orientation", range(1, 9))
@given(size=SIZES, writeable=st.booleans())
def test_every_orientation_is_undone(opencv: bool, orientation: int, size: tuple[int, int], writeable: bool) -> None:
    pixels = noise(size)
    expected = by_pillow(pixels.copy(), orientation)
    pixels.flags.writeable = writeable
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrays, "OPENCV", OPENCV if opencv else None)
        turned = arrays.turn_upright(pixels, orientation)
    assert np.array_equal(turned, expected)


@pytest.mark.parametrize("opencv", [True, False])
@given(size=SIZES, wanted=SIZES)
def test_a_fourth_value_changes_nothing(opencv: bool, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    pixels = noise(size)
    padded = np.dstack([pixels, np.full(size, 255, np.uint8)])
    small = min(size[1], wanted[1]), min(size[0], wanted[0])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrays, "OPENCV", OPENCV if opencv else None)
        for orientation in (1, 3, 6, 7):
            turned = arrays.turn_upright(padded.copy(), orientation)
            assert np.array_equal(turned[..., :3], arrays.turn_upright(pixels.copy(), orientation))
        assert np.array_equal(arrays.luma_of(padded), arrays.luma_of(pixels))
        reduced = arrays.resize(padded, small)[..., :3].astype(int)
        assert np.abs(reduced - arrays.resize(pixels, small)).max() <= 1  # OpenCV rounds four at a time otherwise


@given(one=SIZES)
def test_differences_luma_and_means_do_not_depend_on_the_library(one: tuple[int, int]) -> None:
    first, second = noise(one), noise(one)[::-1].copy()
    whole = first[..., 0].astype(np.float32)[: one[0] - one[0] % 8 or one[0], : one[1] - one[1] % 8 or one[1]]
    table = np.random.default_rng(3).integers(0, 256, 256, dtype=np.uint8)
    quick = arrays.difference(first, second), arrays.luma_of(first), arrays.means_of_blocks(whole, 8)
    quickly_looked_up = arrays.looked_up(first[..., 1], table)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrays, "OPENCV", None)
        slow = arrays.difference(first, second), arrays.luma_of(first), arrays.means_of_blocks(whole, 8)
        assert np.array_equal(quickly_looked_up, arrays.looked_up(first[..., 1], table))
    assert np.array_equal(quick[0], slow[0])
    assert np.abs(quick[1].astype(int) - slow[1].astype(int)).max() <= 1
    assert np.allclose(quick[2], slow[2], atol=0.01)
