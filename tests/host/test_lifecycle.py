"""Lifecycle rules as a bucket states them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.host.lifecycle import expires_at, read_expiration_header, read_expiries, shortest_days

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
THIRTY = {"Status": "Enabled", "Filter": {"Prefix": "m/"}, "Expiration": {"Days": 30}}


def _ends(*rules: dict[str, Any], key: str = "m/a.jpg", size: int = 1000) -> datetime | None:
    return expires_at(read_expiries(rules), key=key, size=size, stored_at=NOW)


@pytest.mark.parametrize(
    "rule",
    [
        {"Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}},
        {"Status": "Enabled", "Filter": {"Prefix": "originals/"}, "Expiration": {"Days": 1}},
        {"Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Days": 1}},
        {"Status": "Enabled", "Filter": {"And": {"Prefix": "m/", "Tags": [{}]}}, "Expiration": {"Days": 1}},
        {"Status": "Enabled", "Filter": {"ObjectSizeGreaterThan": 1000}, "Expiration": {"Days": 1}},
        {"Status": "Enabled", "Filter": {"ObjectSizeLessThan": 1000}, "Expiration": {"Days": 1}},
        {"Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
    ],
)
def test_rules_about_something_else_do_not_end_an_object(rule: dict[str, Any]) -> None:
    assert _ends(rule) is None


@pytest.mark.parametrize(
    "rule",
    [
        THIRTY,
        {"Status": "Enabled", "Prefix": "m/", "Expiration": {"Days": 30}},
        {"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 30}},
        {"Status": "Enabled", "Expiration": {"Days": 30}},
        {"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 30}},
        {"Status": "Enabled", "Filter": {"ObjectSizeGreaterThan": 999}, "Expiration": {"Days": 30}},
        {
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "m/", "ObjectSizeLessThan": 1001}},
            "Expiration": {"Days": 30},
        },
    ],
)
def test_rules_are_understood_in_every_shape_that_s3_knows(rule: dict[str, Any]) -> None:
    assert _ends(rule) == datetime(2026, 12, 23, tzinfo=UTC)


def test_the_earliest_rule_decides() -> None:
    week = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
    on_a_date = {"Status": "Enabled", "Filter": {"Prefix": "m/"}, "Expiration": {"Date": NOW + timedelta(days=3)}}
    assert _ends(THIRTY, week) == datetime(2026, 11, 30, tzinfo=UTC)
    assert _ends(THIRTY, week, on_a_date) == NOW + timedelta(days=3)


def test_a_rule_for_part_of_the_prefix_shortens_what_is_promised() -> None:
    part = {"Status": "Enabled", "Filter": {"Prefix": "m/0"}, "Expiration": {"Days": 2}}
    other = {"Status": "Enabled", "Filter": {"Prefix": "originals/"}, "Expiration": {"Days": 1}}
    assert shortest_days(read_expiries([THIRTY, other]), prefix="m/", now=NOW) == 30
    assert shortest_days(read_expiries([THIRTY, part]), prefix="m/", now=NOW) == 2
    assert shortest_days(read_expiries([other]), prefix="m/", now=NOW) is None


@pytest.mark.parametrize(("date", "days"), [(NOW - timedelta(days=5), 0), (NOW + timedelta(days=9, hours=1), 9)])
def test_a_rule_with_a_date_leaves_the_days_until_then(date: datetime, days: int) -> None:
    rules = read_expiries([THIRTY, {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": date}}])
    assert shortest_days(rules, prefix="m/", now=NOW) == days


def test_the_header_of_the_store_is_understood() -> None:
    told = 'expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="picture-deletion-rule"'
    assert read_expiration_header(told) == datetime(2012, 12, 21, tzinfo=UTC)
    assert read_expiration_header("") is None
