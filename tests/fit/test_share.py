"""Parts of one message share its room: small ones stay whole, nobody gets more than it wants."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fit import share_budget


@pytest.mark.parametrize(
    ("total", "wants", "shares"),
    [
        (100, [], []),
        (100, [40, 60], [40, 60]),
        (100, [10, 500], [10, 90]),
        (100, [500, 10, 500], [45, 10, 45]),
        (0, [5, 5], [0, 0]),
        (300_000, [1_000_000, 3_000_000], [75_000 + 37_500, 75_000 + 112_500]),
    ],
)
def test_the_room_is_shared_by_need(total: int, wants: list[int], shares: list[int]) -> None:
    assert share_budget(total, wants) == shares


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**7), max_size=12))
def test_never_more_than_the_room_nor_than_anybody_wants(total: int, wants: list[int]) -> None:
    shares = share_budget(total, wants)
    assert len(shares) == len(wants)
    assert sum(shares) <= total
    assert all(0 <= share <= want for share, want in zip(shares, wants, strict=True))
    assert sum(shares) >= min(total, sum(wants)) - len(wants)


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**7), min_size=1, max_size=12))
def test_a_part_that_wants_no_more_than_an_even_share_stays_whole(total: int, wants: list[int]) -> None:
    for share, want in zip(share_budget(total, wants), wants, strict=True):
        if want <= total // len(wants):
            assert share == want


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**7), max_size=12))
def test_who_wants_more_never_gets_less(total: int, wants: list[int]) -> None:
    pairs = sorted(zip(wants, share_budget(total, wants), strict=True))
    shares = [share for _, share in pairs]
    assert all(later >= earlier - 1 for earlier, later in pairwise(shares))
