"""Profiles and operators: the rows are whole, and a recipient gets the limit that the rule says."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import limits
from app.errors import CannotFit, InvalidRequest, NotFound
from app.fit.video_plan import plan_video
from app.model.media import Budget, Choice, Facts, Form, Kind, Operator
from app.model.messages import SenderKind

PROFILES = list(limits.profiles())
KINDS = [kind.value for kind in SenderKind]
SMALLEST = limits.profile_named("urgent").max_bytes
ANY_OPERATOR = st.builds(
    Operator,
    id=st.text("abc_", min_size=1, max_size=3),
    name=st.just("Any"),
    country=st.sampled_from(["US", "GB"]),
    openmarket_id=st.none(),
    profile_by_kind=st.dictionaries(st.sampled_from(KINDS), st.sampled_from(PROFILES)),
    side_pixels=st.just(0) | st.integers(160, 4000),
    max_bytes=st.just(0) | st.integers(1, 2_500_000),
    source=st.just("a row of any age"),
    dated=st.dates(),
)


def test_the_profiles_are_the_ladder_from_small_to_large() -> None:
    assert {name: (each.max_bytes, each.side_pixels) for name, each in limits.profiles().items()} == {
        "urgent": (150_000, 1024),
        "universal": (290_000, 1920),
        "large": (490_000, 1920),
        "xlarge": (590_000, 1920),
        "max": (990_000, 1920),
    }
    sizes = [each.max_bytes for each in limits.profiles().values()]
    assert sizes == sorted(sizes)


def test_every_row_has_a_source_and_a_date() -> None:
    for profile in limits.profiles().values():
        assert profile.source
        assert profile.dated.year >= 2022
    for operator in limits.operators().values():
        assert operator.source
        assert operator.dated.year >= 2022


def test_every_floor_has_a_unit_a_source_and_a_date_and_is_the_end_of_a_ladder() -> None:
    for floor in limits.floors().values():
        assert floor.value > 0
        assert floor.unit
        assert floor.source
        assert floor.dated.year >= 2026
    facts = Facts(Kind.VIDEO, "video/mp4", 9_000_000, 1280, 720, frames=3_000, seconds=100)
    for form, name in ((Form.MP4, "video"), (Form.THREE_GP, "video_3gp")):
        side, fps = limits.floor_named(f"{name}_side").value, limits.floor_named(f"{name}_fps").value
        plans = []
        for max_bytes in range(20_000, 990_000, 10_000):
            with suppress(CannotFit):
                plans.append(plan_video(facts, Budget(max_bytes, 1920), Choice(form)))
        assert min(max(plan.size) for plan in plans) == side
        assert min(plan.fps for plan in plans) == fps


def test_no_operator_is_sent_more_than_it_takes() -> None:
    for operator in limits.operators().values():
        for kind in SenderKind:
            assert limits.profile_for(operator, kind).max_bytes <= operator.max_bytes


@given(ANY_OPERATOR, st.sampled_from(SenderKind))
def test_whatever_a_row_says_its_profile_has_no_more_bytes_than_the_operator_takes(
    operator: Operator, kind: SenderKind
) -> None:
    if 0 < operator.max_bytes < SMALLEST:
        with pytest.raises(InvalidRequest, match=f"PUT /operators/{operator.id}"):
            limits.profile_for(operator, kind)
        return
    chosen = limits.profile_for(operator, kind)
    named = limits.profile_named(operator.profile_by_kind.get(kind.value, limits.DEFAULT_PROFILE))
    most = min(named.max_bytes, operator.max_bytes or named.max_bytes)
    assert chosen.max_bytes == max(each.max_bytes for each in limits.profiles().values() if each.max_bytes <= most)
    assert chosen.side_pixels == (operator.side_pixels or limits.profile_named(chosen.name).side_pixels)


@given(st.lists(ANY_OPERATOR, max_size=4), st.sampled_from(SenderKind))
def test_an_operator_that_is_not_known_is_sent_no_more_than_any_of_its_country_takes(
    rows: list[Operator], kind: SenderKind
) -> None:
    theirs = [each for each in rows if each.country == "GB"]
    if any(0 < each.max_bytes < SMALLEST for each in theirs):
        with pytest.raises(InvalidRequest):
            limits.auto_profile("GB", kind, known=rows)
        return
    chosen = limits.auto_profile("GB", kind, known=rows)
    assert all(chosen.max_bytes <= (each.max_bytes or chosen.max_bytes) for each in theirs)
    assert all(chosen.max_bytes <= limits.profile_for(each, kind).max_bytes for each in theirs)


def test_operators_that_openmarket_numbers_are_known_by_that_number() -> None:
    numbered = {each.openmarket_id: each.id for each in limits.operators().values() if each.openmarket_id}
    assert numbered == {383: "att_us", 79: "t_mobile_us"}


@pytest.mark.parametrize(
    ("country", "kind", "expected"),
    [
        ("US", SenderKind.SHORT_CODE, 590_000),
        ("US", SenderKind.TOLL_FREE, 490_000),
        ("GB", SenderKind.SHORT_CODE, 290_000),
        ("GB", SenderKind.VIRTUAL_MOBILE, 290_000),
        ("IE", SenderKind.VIRTUAL_MOBILE, 290_000),
        ("AU", SenderKind.VIRTUAL_MOBILE, 290_000),
        ("FR", SenderKind.VIRTUAL_MOBILE, 290_000),
    ],
)
def test_an_unknown_operator_gets_the_smallest_limit_of_its_country(
    country: str, kind: SenderKind, expected: int
) -> None:
    profile = limits.auto_profile(country, kind)
    assert (profile.max_bytes, profile.side_pixels) == (expected, 1920)


@pytest.mark.parametrize(
    ("operator", "expected_bytes", "expected_side"),
    [
        ("att_us", 590_000, 1920),
        ("t_mobile_us", 990_000, 1920),
        ("vodafone_gb", 290_000, 1024),
        ("o2_gb", 990_000, 2048),
        ("optus_au", 490_000, 1920),
    ],
)
def test_a_known_operator_gets_its_own_limit(operator: str, expected_bytes: int, expected_side: int) -> None:
    row = limits.operator_named(operator)
    profile = limits.auto_profile(row.country, SenderKind.SHORT_CODE, row)
    assert (profile.max_bytes, profile.side_pixels) == (expected_bytes, expected_side)


def test_an_edited_operator_lowers_the_limit_of_its_country() -> None:
    edited = replace(limits.operator_named("ee_gb"), profile_by_kind={"short_code": "urgent"})
    known = [each for each in limits.operators().values() if each.id != edited.id] + [edited]
    assert limits.auto_profile("GB", SenderKind.SHORT_CODE, known=known).name == "urgent"


def test_a_budget_keeps_room_for_text_and_headers() -> None:
    budget = limits.budget_of(limits.profile_named("universal"))
    assert (budget.max_bytes, budget.side_pixels) == (290_000 - 4096, 1920)


def test_an_unknown_name_is_answered_with_the_names() -> None:
    with pytest.raises(InvalidRequest, match=r"urgent, universal, large, xlarge, max"):
        limits.profile_named("huge")
    with pytest.raises(NotFound):
        limits.operator_named("nobody")
