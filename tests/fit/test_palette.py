"""Palettes: what is nearest is found, few colours stay as they are, and what is small but coloured is not lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.fit.arrays import Pixels, luma_of
from app.fit.palette import BY_EYE, BY_LEVELS, Space, choose_palette
from tests.media import pictures

SPACES = pytest.mark.parametrize("space", [BY_EYE, BY_LEVELS], ids=["by eye", "by levels"])


def sample_of(*colors: tuple[tuple[int, int, int], int]) -> Pixels:
    """Give each colour as often as it says, N x 3."""
    return np.concatenate([np.full((count, 3), color, np.uint8) for color, count in colors])


@SPACES
@settings(max_examples=20, deadline=None)
@given(colors=st.sets(st.tuples(*[st.integers(0, 255)] * 3), min_size=2, max_size=16))
def test_every_colour_is_mapped_to_the_nearest(space: Space, colors: set[tuple[int, int, int]]) -> None:
    palette = choose_palette(sample_of(*((color, 10) for color in colors)), 16, space)
    levels = np.arange(64) * (255 / 63)
    cells = np.array([(0, 0, 0), (63, 63, 63), (10, 50, 30), (40, 2, 60), (31, 32, 33)])
    apart = (levels[cells][:, None] - palette.table[None]) @ space.axes.T.astype(float)
    distances = (apart**2).sum(axis=2)
    chosen = palette.nearest[tuple(cells.T)]
    assert np.all(distances[np.arange(len(cells)), chosen] <= distances.min(axis=1) + 0.5)


@SPACES
def test_flat_art_of_few_colours_keeps_them_exactly(space: Space) -> None:
    art = sample_of(((250, 240, 220), 5000), ((30, 30, 40), 900), ((255, 255, 255), 300), ((200, 60, 60), 40))
    palette = choose_palette(art, 16, space)
    assert np.array_equal(palette.table[palette.index_of(art[None])][0], art)


def test_a_small_sign_keeps_its_colour_among_greys() -> None:
    grey = np.repeat(np.random.default_rng(0).integers(20, 235, (20_000, 1), np.uint8), 3, axis=1)
    sign = (230, 90, 20)
    palette = choose_palette(np.concatenate([grey, sample_of((sign, 60))]), 16, BY_EYE)
    shown = palette.table[palette.index_of(np.array([[sign]], np.uint8))][0, 0]
    assert np.abs(shown.astype(int) - sign).max() < 12


def test_light_is_told_finer_than_by_levels_alone() -> None:
    photo = np.asarray(pictures.photograph(300, 200))

    def luma_lost(space: Space) -> float:
        palette = choose_palette(np.ascontiguousarray(photo.reshape(-1, 3)[::3]), 22, space)
        shown = palette.table[palette.index_of(photo)]
        return float(np.abs(luma_of(shown).astype(int) - luma_of(photo)).mean())

    assert luma_lost(BY_EYE) < luma_lost(BY_LEVELS)
