"""The tables of *best* go from fine to coarse in small steps, so that any number of bytes can be met."""

import itertools
from pathlib import Path

import numpy as np
from PIL import Image

from app.fit.codecs import BEST
from app.fit.tables import shaped_tables

FILES = Path(__file__).parent.parent / "media" / "files"
DISTANCES = [0.1 * 1.05**step for step in range(115)]  # 0.1 to 26, what the qualities 100 to 1 stand for


def test_no_entry_grows_finer_with_the_distance_and_all_are_of_baseline() -> None:
    rows = np.array([shaped_tables(distance) for distance in DISTANCES])
    assert rows.shape[1:] == (3, 64)
    assert rows.min() == 1
    assert rows.max() <= 255
    assert (np.diff(rows, axis=0) >= 0).all()
    assert rows[0].max() <= 5


def test_tables_are_the_same_for_a_picture_and_the_same_picture_on_its_side() -> None:
    for distance in DISTANCES[::7]:
        for table in np.array(shaped_tables(distance)).reshape(3, 8, 8):
            assert np.array_equal(table, table.T)


def test_bytes_grow_by_less_than_three_percent_at_a_time() -> None:
    with Image.open(FILES / "field.jpg") as image:
        pixels = np.asarray(image.convert("RGB").reduce(2))
    # So close that two entries hardly ever go over between two of them.
    qualities = np.linspace(BEST.least_quality, BEST.most_quality, 2400)
    lengths = [len(BEST.encode(pixels, float(quality))) for quality in qualities]
    assert lengths[0] < lengths[-1] / 4
    assert max(after / before for before, after in itertools.pairwise(lengths)) < 1.03


def test_pixels_with_a_fourth_value_that_nobody_looks_at_give_the_same_bytes() -> None:
    with Image.open(FILES / "mountains.jpg") as image:
        pixels = np.asarray(image.convert("RGB"))
    padded = np.dstack([pixels, np.random.default_rng(1).integers(0, 256, pixels.shape[:2], dtype=np.uint8)])
    assert BEST.encode(padded, 71.3) == BEST.encode(pixels, 71.3)
