"""Parts of one message share its room: small ones stay whole, the rest by what they were measured to need."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fit import share_budget
from app.fit.codecs import BEST
from app.fit.share import Need, measure_need
from app.model.media import Budget, Facts, Kind, Quality, Rendition

ROOM = 285_904


def hungry(good_bytes: int) -> Need:
    return Need(None, good_bytes)


def whole(count: int) -> Need:
    return Need(count, count)


@pytest.mark.parametrize(
    ("total", "needs", "shares"),
    [
        (100, [], []),
        (100, [whole(40), whole(60)], [40, 60]),
        (100, [whole(10), hungry(500)], [10, 90]),
        (100, [hungry(500), whole(10), hungry(500)], [45, 10, 45]),
        (100, [hungry(300), hungry(100)], [75, 25]),
        (100, [hungry(7)], [100]),
        (0, [hungry(5), whole(5)], [0, 0]),
        # Nobody gets less than a third of an even share ...
        (600, [hungry(100), hungry(1_000_000)], [100, 500]),
        # ... nor less than a part that stays whole ...
        (900, [whole(290), hungry(100), hungry(1_000_000)], [290, 290, 320]),
        # ... nor more than it is whole with.
        (1000, [Need(600, 5_000), hungry(1_000)], [600, 400]),
    ],
)
def test_the_room_is_shared_by_need(total: int, needs: list[Need], shares: list[int]) -> None:
    assert share_budget(total, needs) == pytest.approx(shares, abs=1)
    assert sum(share_budget(total, needs)) <= total


needs_of_parts = st.lists(
    st.builds(
        lambda hungry_, first, second: Need(None if hungry_ else max(first, second), max(1, min(first, second))),
        st.booleans(),
        st.integers(1, 10**7),
        st.integers(1, 10**7),
    ),
    max_size=12,
)


@given(st.integers(0, 10**7), needs_of_parts)
def test_never_more_than_the_room_nor_than_a_part_is_whole_with(total: int, needs: list[Need]) -> None:
    shares = share_budget(total, needs)
    assert len(shares) == len(needs)
    assert sum(shares) <= total
    for share, need in zip(shares, needs, strict=True):
        assert share >= 0
        assert need.whole_bytes is None or share <= need.whole_bytes
    if any(need.whole_bytes is None for need in needs) or sum(need.whole_bytes or 0 for need in needs) >= total:
        assert sum(shares) >= total - len(needs)


@given(st.integers(0, 10**7), needs_of_parts)
def test_a_part_that_is_whole_with_no_more_than_an_even_share_stays_whole(total: int, needs: list[Need]) -> None:
    for share, need in zip(share_budget(total, needs), needs, strict=True):
        if need.whole_bytes is not None and need.whole_bytes <= total // len(needs):
            assert share == need.whole_bytes


@given(st.integers(0, 10**7), st.lists(st.integers(1, 10**7), max_size=12))
def test_who_needs_more_never_gets_less(total: int, goods: list[int]) -> None:
    pairs = sorted(zip(goods, share_budget(total, [hungry(good) for good in goods]), strict=True))
    assert all(later >= earlier for earlier, later in pairwise(share for _, share in pairs))


@given(st.integers(0, 10**7), needs_of_parts)
def test_the_order_of_the_parts_does_not_matter(total: int, needs: list[Need]) -> None:
    there = sorted(zip(needs, share_budget(total, needs), strict=True), key=repr)
    back = sorted(zip(needs[::-1], share_budget(total, needs[::-1]), strict=True), key=repr)
    assert there == back


PHOTO = Facts(Kind.STILL, "image/jpeg", 3_000_000, 4032, 3024)


def made(
    content_type: str, count: int, quality: Quality, *, size: tuple[int, int] = (1920, 1440), untouched: bool = False
) -> Rendition:
    return Rendition(
        id="rnd_1",
        asset_id="ast_1",
        profile="universal",
        budget=Budget(ROOM, 1920),
        key="k",
        content_type=content_type,
        bytes=count,
        sha256="a" * 64,
        width=size[0],
        height=size[1],
        untouched=untouched,
        quality=quality,
        given_up=(),
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def jpeg(count: int, quality: int, size: tuple[int, int] = (1920, 1440)) -> Rendition:
    return made("image/jpeg", count, Quality(encoder=BEST.name, encoder_quality=quality), size=size)


def test_what_did_not_fill_its_room_needs_no_more_than_it_took() -> None:
    assert measure_need(jpeg(60_000, 96), PHOTO).whole_bytes == 60_000
    assert measure_need(made("video/mp4", 90_000, Quality()), PHOTO) == whole(90_000)
    assert measure_need(made("image/png", ROOM - 10, Quality(encoder="Pillow PNG, palette")), PHOTO) == whole(ROOM - 10)
    assert measure_need(made("image/jpeg", ROOM, Quality(), untouched=True), PHOTO) == whole(ROOM)


def test_the_lower_the_quality_that_was_reached_the_more_a_photograph_needs() -> None:
    needs = [measure_need(jpeg(ROOM - 5000, quality), PHOTO) for quality in (90, 75, 50, 35)]
    assert all(need.whole_bytes is None for need in needs)
    assert needs[0].good_bytes == ROOM - 5000
    assert all(later.good_bytes > earlier.good_bytes for earlier, later in pairwise(needs))


def test_a_side_that_had_to_be_given_up_counts_as_need() -> None:
    small, full = jpeg(ROOM - 5000, 50, (960, 720)), jpeg(ROOM - 5000, 50)
    assert measure_need(small, PHOTO).good_bytes > 2 * measure_need(full, PHOTO).good_bytes


def test_an_animation_needs_no_more_than_its_original_has_nor_than_thrice_what_it_took() -> None:
    facts = Facts(Kind.ANIMATION, "image/gif", 1_200_000, 800, 600, frames=60, seconds=6)
    fitted = made("image/gif", ROOM - 3000, Quality(frames_in=60, frames_out=20), size=(200, 150))
    assert measure_need(fitted, facts) == Need(None, 3 * (ROOM - 3000))
    assert measure_need(fitted, replace(facts, bytes=600_000)) == Need(None, 600_000)
