"""The bucket's lifecycle rules as the bucket states them, and what they do to one object. Pure; no I/O."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from app.host.lease import available_until


@dataclass(frozen=True, slots=True)
class Expiry:
    """One rule that removes objects: by age in ``days``, or all at ``date``. Sizes in bytes, 0 = no limit."""

    prefix: str
    days: int | None
    date: datetime | None
    larger_than: int = 0
    smaller_than: int = 0

    def covers(self, key: str, size: int) -> bool:
        """Tell whether the rule is about this object."""
        if self.larger_than and size <= self.larger_than:
            return False
        if self.smaller_than and size >= self.smaller_than:
            return False
        return key.startswith(self.prefix)

    def ends(self, stored_at: datetime) -> datetime | None:
        """Tell when the rule removes an object last written at ``stored_at``."""
        return self.date or available_until(stored_at, self.days)


def read_expiries(rules: Iterable[Mapping[str, Any]]) -> tuple[Expiry, ...]:
    """Pick the rules that remove current objects, from the answer of GetBucketLifecycleConfiguration.

    Rules with a tag filter are left out: Postcard's objects carry no tags.
    """
    return tuple(_read(rule) for rule in rules if _removes(rule))


def _removes(rule: Mapping[str, Any]) -> bool:
    ends = rule.get("Expiration", {})
    condition = rule.get("Filter", {})
    tagged = "Tag" in condition or bool(condition.get("And", {}).get("Tags"))
    return rule.get("Status") == "Enabled" and not tagged and ("Days" in ends or "Date" in ends)


def _read(rule: Mapping[str, Any]) -> Expiry:
    condition = rule.get("Filter", {})
    both = {**condition, **condition.get("And", {})}
    date = rule["Expiration"].get("Date")
    return Expiry(
        prefix=both.get("Prefix", rule.get("Prefix", "")) or "",
        days=rule["Expiration"].get("Days"),
        date=date.astimezone(UTC) if date else None,
        larger_than=both.get("ObjectSizeGreaterThan", 0),
        smaller_than=both.get("ObjectSizeLessThan", 0),
    )


def expires_at(expiries: Iterable[Expiry], *, key: str, size: int, stored_at: datetime) -> datetime | None:
    """Tell when the earliest rule removes the object of ``size`` bytes; None = none does."""
    ends = [end for rule in expiries if rule.covers(key, size) and (end := rule.ends(stored_at))]
    return min(ends, default=None)


def shortest_days(expiries: Iterable[Expiry], *, prefix: str, now: datetime) -> int | None:
    """Tell the fewest days that anything under ``prefix`` is kept by the rules; None = for ever.

    A rule for a longer prefix counts too: it hits some of the objects. A ``Date`` rule counts its days from ``now``.
    """
    days = [
        rule.days if rule.date is None else max(0, (rule.date - now).days)
        for rule in expiries
        if prefix.startswith(rule.prefix) or rule.prefix.startswith(prefix)
    ]
    return min((each for each in days if each is not None), default=None)


_EXPIRY_DATE = re.compile(r'expiry-date="([^"]+)"')


def read_expiration_header(text: str) -> datetime | None:
    """Read ``x-amz-expiration``, such as ``expiry-date="Fri, 21 Dec 2026 00:00:00 GMT", rule-id="media"``."""
    found = _EXPIRY_DATE.search(text)
    return parsedate_to_datetime(found[1]).astimezone(UTC) if found else None
