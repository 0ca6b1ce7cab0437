"""The lease: until when an object is promised to stay. Pure rules; every time is aware and in UTC.

OpenMarket may fetch a link up to three days after the last request that names it, so an object stays a minimum number
of days past that request. S3's lifecycle counts from the last write; a copy of an object onto itself is a write.
"""

from datetime import UTC, datetime, time, timedelta

DAY = timedelta(days=1)
MARGIN = DAY
"""The day more that must be left past ``held_until``: S3 waits for the next midnight, SeaweedFS (measured) does not."""


def held_until(last_requested_at: datetime, minimum_days: int) -> datetime:
    """Tell until when an object must not be removed: ``minimum_days`` past the last request that named it."""
    return last_requested_at + timedelta(days=minimum_days)


def available_until(stored_at: datetime, lifecycle_days: int | None) -> datetime | None:
    """Tell when a lifecycle rule would remove an object written at ``stored_at``; None = no rule does.

    Rule: S3 adds the days to the last write and rounds up to midnight UTC (S3 user guide, "Lifecycle rules: based on an
    object's age").
    """
    if lifecycle_days is None:
        return None
    return next_midnight(stored_at + timedelta(days=lifecycle_days))


def next_midnight(at: datetime) -> datetime:
    """Round up to midnight UTC; midnight itself stays."""
    in_utc = at.astimezone(UTC)
    midnight = datetime.combine(in_utc.date(), time(), tzinfo=UTC)
    return midnight if midnight == in_utc else midnight + DAY


def needs_renewal(available_until: datetime | None, last_request_at: datetime, minimum_days: int) -> bool:
    """Tell whether an object must be renewed before the request at ``last_request_at`` may leave.

    It must remain to ``held_until`` and a day more; None (no rule removes it) never needs renewal.
    """
    if available_until is None:
        return False
    return available_until < held_until(last_request_at, minimum_days) + MARGIN


def lifecycle_is_long_enough(lifecycle_days: int | None, minimum_days: int) -> tuple[bool, str]:
    """Tell whether the bucket's rule leaves room for the lease, and if not, why in words for a person.

    A renewed object must pass :func:`needs_renewal` for at least a day, so the rule needs the minimum and two days.
    """
    needed = minimum_days + 2
    if lifecycle_days is None or lifecycle_days >= needed:
        return True, ""
    return False, (
        f"The bucket removes media {lifecycle_days} days after the last write, but a message may need them for "
        f"{minimum_days} days after it is sent: the rule must say {needed} days or more. "
        "Set POSTCARD_LEASE_LIFECYCLE_DAYS and run `postcard bucket apply`."
    )
