"""The lease: nothing may go while OpenMarket may still fetch it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.host.lease import available_until, held_until, lifecycle_is_long_enough, needs_renewal

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis adds the zone
MINIMUM = st.integers(3, 365)
LIFECYCLE = st.integers(0, 3650)


def test_an_object_is_held_for_the_minimum_past_the_last_request() -> None:
    asked = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)
    assert held_until(asked, 4) == datetime(2026, 11, 26, 20, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored_at", "days", "until"),
    [
        # The example of the S3 user guide: 15 January 10:30, three days.
        (datetime(2014, 1, 15, 10, 30, tzinfo=UTC), 3, datetime(2014, 1, 19, tzinfo=UTC)),
        (datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC), 1, datetime(2026, 11, 24, tzinfo=UTC)),
        (datetime(2026, 11, 22, tzinfo=UTC), 1, datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=timezone(timedelta(hours=-5))), 1, datetime(2026, 11, 25, tzinfo=UTC)),
    ],
)
def test_the_end_is_rounded_up_to_midnight_in_utc(stored_at: datetime, days: int, until: datetime) -> None:
    assert available_until(stored_at, days) == until


def test_without_a_rule_there_is_no_end() -> None:
    assert available_until(datetime.now(UTC), None) is None
    assert not needs_renewal(None, datetime.now(UTC), 365)


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=60)), LIFECYCLE, MINIMUM)
def test_what_needs_no_renewal_outlives_its_lease_by_a_day(
    stored_at: datetime, waited: timedelta, lifecycle_days: int, minimum_days: int
) -> None:
    until = available_until(stored_at, lifecycle_days)
    asked = stored_at + waited
    assert until is not None
    if not needs_renewal(until, asked, minimum_days):
        assert until - held_until(asked, minimum_days) >= timedelta(days=1)


@given(MOMENTS, LIFECYCLE, MINIMUM)
def test_a_rule_that_is_long_enough_spares_what_was_just_renewed(
    stored_at: datetime, lifecycle_days: int, minimum_days: int
) -> None:
    enough, why = lifecycle_is_long_enough(lifecycle_days, minimum_days)
    a_day_later = stored_at + timedelta(days=1)
    if enough:
        assert not why
        assert not needs_renewal(available_until(stored_at, lifecycle_days), a_day_later, minimum_days)
    else:
        assert f"{minimum_days + 2} days" in why


def test_no_rule_at_all_is_long_enough() -> None:
    assert lifecycle_is_long_enough(None, 365) == (True, "")
