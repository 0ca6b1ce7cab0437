"""The way to the budget: few runs, never left without something that fits, and scaling only where colours do not do it."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from app.fit.animation_plan import Paint, Plan
from app.fit.lever import Lever
from app.fit.palette import Palette

LONGEST, LEAST, MAX_BYTES, RUNS = 600, 120, 100_000, 4
Encode = Callable[[int, int], float]


def paint_of(colors: int, most: int = 255) -> Paint:
    table = np.zeros((min(most, colors), 3), np.uint8)
    return Paint(Palette(table, np.zeros((64, 64, 64), np.uint8)), 3)


def walk(encode: Encode, side: int, colors: int, most_colors: int = 255) -> list[tuple[int, int, int]]:
    """Follow the lever over bytes that a formula gives: side, colours and bytes of each run."""
    plan = Plan(paint_of(colors), 1, side, 1.7, lambda wanted: paint_of(wanted, most_colors))
    lever = Lever(plan, LEAST, LONGEST)
    runs = []
    for run in range(1, RUNS + 1):
        length = int(encode(lever.side, lever.paint.colors))
        runs.append((lever.side, lever.paint.colors, length))
        if 0.97 * MAX_BYTES <= length <= MAX_BYTES or not lever.move(length, MAX_BYTES, RUNS - run):
            break
    return runs


def best_of(runs: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    return max((run for run in runs if run[2] <= MAX_BYTES), key=lambda run: run[2])


def test_a_full_side_a_little_too_long_loses_colours_not_its_edges() -> None:
    runs = walk(lambda side, colors: 108_000 * (side / LONGEST) ** 1.7 * (colors / 128) ** 0.45, LONGEST, 128)
    assert {side for side, _, _ in runs} == {LONGEST}
    assert best_of(runs)[1] < 128


def test_colours_are_never_fewer_than_the_floor_and_reach_it() -> None:
    runs = walk(lambda side, colors: 109_000 * (side / LONGEST) ** 1.7 * (colors / 18) ** 0.2, LONGEST, 18)
    assert min(colors for _, colors, _ in runs) == 16


def test_where_colours_do_not_help_the_side_does_by_the_last_run() -> None:
    runs = walk(lambda side, _: 120_000 * (side / LONGEST) ** 1.7, LONGEST, 128)
    assert best_of(runs)[0] < LONGEST
    assert best_of(runs)[1] == 128


def test_a_full_side_with_room_left_takes_colours() -> None:
    side, colors, length = best_of(walk(lambda _, colors: 90_000 * (colors / 64) ** 0.45, LONGEST, 64))
    assert side == LONGEST
    assert colors > 64
    assert length >= 0.97 * MAX_BYTES


def test_colours_that_there_are_not_are_asked_for_once() -> None:
    assert len(walk(lambda *_: 20_000, LONGEST, 40, most_colors=40)) == 1


def test_a_side_between_one_that_is_too_long_and_one_that_leaves_room_takes_colours() -> None:
    def steep(side: int, colors: int) -> float:
        return (93_000 if side <= 300 else 120_000) * math.pow(colors / 40, 0.45)

    side, colors, length = best_of(walk(steep, 299, 40))
    assert side <= 300
    assert colors > 40
    assert length >= 0.97 * MAX_BYTES


@pytest.mark.parametrize("power", [1.2, 1.7, 2.4])
@pytest.mark.parametrize("over", [0.6, 0.9, 1.01, 1.09, 1.2, 1.8])
@pytest.mark.parametrize("side", [200, 400, LONGEST])
def test_smooth_curves_are_met_in_four_runs(power: float, over: float, side: int) -> None:
    runs = walk(lambda now, colors: over * MAX_BYTES * (now / side) ** power * (colors / 64) ** 0.4, side, 64)
    assert best_of(runs)[2] >= 0.97 * MAX_BYTES


@pytest.mark.parametrize("power", [0.8, 3.5])
@pytest.mark.parametrize("over", [1.01, 1.2, 1.8])
@pytest.mark.parametrize("side", [400, LONGEST])
def test_something_fits_after_four_runs_though_the_curve_was_foreseen_wrongly(
    power: float, over: float, side: int
) -> None:
    runs = walk(lambda now, _: over * MAX_BYTES * (now / side) ** power, side, 64)
    assert any(length <= MAX_BYTES for _, _, length in runs)
