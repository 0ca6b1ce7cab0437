"""Recipients' numbers: read generously, decided by region, never by prefix.

OpenMarket wants international format without +, and serves four countries. A number that cannot exist is refused; one
that is possible but in no known range (``is_valid_number`` says no) is sent to with a warning, since that check refuses
the documented test numbers and lags behind new ranges.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ValidationResult

from app.compose.regions import KNOWN_NUMBERS, SERVED, name_region
from app.errors import InvalidRecipients
from app.model.messages import Recipient

# What people and spreadsheets put between digits: spaces (also narrow and non-breaking), hyphens of all widths, . ( ) /
# and the invisible direction marks that come along when a number is copied from a phone's contacts.
_SEPARATORS = re.compile(
    "[ \t\u00a0\u2007\u2009\u202f\u2060\u200b-\u200f\u202a-\u202e\u2066-\u2069\\-\u2010-\u2015\u2212.()/]"
)
_DIGITS = re.compile("[0-9]+")
_COUNTRIES = ", ".join(SERVED.values())
_NOT_MOBILE = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PAGER,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)
_IMPOSSIBLE = {
    ValidationResult.INVALID_COUNTRY_CODE: "does not start with a country code",
    ValidationResult.TOO_SHORT: "is too short for {country}",
    ValidationResult.TOO_LONG: "is too long for {country}",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its country or area code",
    ValidationResult.INVALID_LENGTH: "has a length that {country} does not use",
}
# How mobiles are written at home: Ofcom's 07, ComReg's 082 to 089, ACMA's 04. They suggest, and decide nothing.
_MOBILES = {
    "GB": (re.compile("07[0-9]{9}"), "44"),
    "IE": (re.compile("08[2-9][0-9]{7}"), "353"),
    "AU": (re.compile("04[0-9]{8}"), "61"),
}
_LONGEST_NATIONAL = 11
"""Digits with the 0 before them, in the countries served: what starts with 011 and has more was dialled abroad from the US."""
_MAX_SHOWN = 40
_KNOWN = frozenset({"number", "operator_id"})


class _Unusable(Exception):
    """Why one number cannot be sent to; collected, never leaves this module."""


def parse_number(text: str) -> Recipient:
    """Read one number in international format, with or without + and separators.

    Args:
        text: as typed; ``12515550130``, ``+1 (251) 555-0130`` and ``+44 (0)7700 900750`` are all understood.

    Returns:
        the recipient with digits only, country code first; ``warning`` is set for a number in no known mobile range.

    Raises:
        InvalidRecipients: ``recipients`` holds the number as given and the reason.
    """
    try:
        return _parse(text)
    except _Unusable as wrong:
        bad = [(0, text, str(wrong))]
        raise InvalidRecipients(_summary(bad), recipients=_listed(bad)) from None


def parse_recipients(items: Sequence[object]) -> list[Recipient]:
    """Read a list of numbers, or of ``{"number": text, "operator_id": integer or absent}``, in their order.

    Entries may be anything that JSON holds, so that one of the wrong kind is told beside the others.
    Duplicates are merged into the first; the operator is taken from whichever names one.

    Raises:
        InvalidRecipients: at least one cannot be used; ``recipients`` lists every bad one with its index, from 0, and reason.
    """
    found: dict[str, Recipient] = {}
    bad: list[tuple[int, object, str]] = []
    for index, item in enumerate(items):
        try:
            recipient = _parse_item(item)
            found[recipient.number] = _merge(found.get(recipient.number), recipient)
        except _Unusable as wrong:
            bad.append((index, item.get("number", "") if isinstance(item, Mapping) else item, str(wrong)))
    if bad:
        raise InvalidRecipients(_summary(bad), recipients=_listed(bad))
    return list(found.values())


def parse_stops(texts: Sequence[str]) -> list[str]:
    """Read numbers that must not be sent to, of any country: a stop is kept also where nothing could be sent.

    Returns:
        digits only, country code first, each once, in their order.

    Raises:
        InvalidRecipients: at least one is no number; ``recipients`` lists every bad one with its reason.
    """
    found: dict[str, None] = {}
    bad: list[tuple[int, object, str]] = []
    for index, text in enumerate(texts):
        try:
            found[_normalize(text)[0]] = None
        except _Unusable as wrong:
            bad.append((index, text, str(wrong)))
    if bad:
        raise InvalidRecipients(_summary(bad), recipients=_listed(bad))
    return list(found)


def _summary(bad: Sequence[tuple[int, object, str]]) -> str:
    _, first, reason = bad[0]
    return f"{_shown(first)}: {reason}{f', and {len(bad) - 1} more' if len(bad) > 1 else ''}."


def _listed(bad: Sequence[tuple[int, object, str]]) -> list[dict[str, object]]:
    return [{"index": index, "number": _shown(number), "reason": reason} for index, number, reason in bad]


def _shown(number: object) -> str:
    text = number or "(empty)" if isinstance(number, str) else json.dumps(number, default=str)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def _parse_item(item: object) -> Recipient:
    if isinstance(item, str):
        return _parse(item)
    if not isinstance(item, Mapping):
        raise _Unusable('must be a number as text, such as "12515550130", or an object with `number`')
    if unknown := sorted(map(str, item.keys() - _KNOWN)):
        raise _Unusable(f"has what is not known here: {_shown(', '.join(unknown))}")
    if item.get("number") is None:
        raise _Unusable("`number` is missing")
    recipient = _parse(item["number"])
    operator = item.get("operator_id")
    if operator is None:
        return recipient
    if not isinstance(operator, int) or isinstance(operator, bool) or not 0 < operator < 2**31:
        raise _Unusable("`operator_id` must be a positive whole number")
    return Recipient(recipient.number, recipient.country, operator, recipient.warning)


def _merge(first: Recipient | None, again: Recipient) -> Recipient:
    if first is None or first.operator_id is None:
        return again
    if again.operator_id not in {None, first.operator_id}:
        raise _Unusable(f"is listed twice, with the operators {first.operator_id} and {again.operator_id}")
    return first


def _normalize(text: object) -> tuple[str, PhoneNumber | None]:
    """Give a number of any country as digits, and as it was read; None of one that OpenMarket documents.

    Raises:
        _Unusable: it is no number in international format.
    """
    if not isinstance(text, str):
        raise _Unusable('a number must be text, such as "12515550130"')
    digits = _SEPARATORS.sub("", text.strip()).removeprefix("+")
    if digits in KNOWN_NUMBERS:
        return digits, None
    _check_digits(digits)
    parsed = _read_plan(digits)
    number = f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"
    # Where a national prefix such as (0) was inside, what remains is read as if it had come alone.
    return (number, parsed) if number == digits else _normalize(number)


def _parse(text: object) -> Recipient:
    number, parsed = _normalize(text)
    if parsed is None:
        return Recipient(number, KNOWN_NUMBERS[number].country)
    region = phonenumbers.region_code_for_number(parsed)
    warning = _warn(parsed) if region else "is possible, but in no range that is known to be in use"
    region = region or _nearest_region(parsed.country_code, phonenumbers.national_significant_number(parsed))
    if region not in SERVED:
        raise _Unusable(f"belongs to {name_region(region)}; OpenMarket serves {_COUNTRIES}")
    return Recipient(number, region, warning=warning)


def _check_digits(digits: str) -> None:
    if not digits:
        raise _Unusable("is empty")
    if not _DIGITS.fullmatch(digits):
        raise _Unusable("holds something other than digits")
    if digits.startswith("00"):
        raise _Unusable(f"starts with 00; write the country code first: {digits[2:]}")
    if digits.startswith("011") and len(digits) > _LONGEST_NATIONAL:
        raise _Unusable(f"starts with 011; write the country code first: {digits[3:]}")
    if digits.startswith("0"):
        raise _Unusable(f"starts with 0, so it is a national number; {_in_full(digits)}")
    if not 8 <= len(digits) <= 15:
        raise _Unusable(
            f"has {len(digits)} digits; 8 to 15 with the country code are possible{_country_code_hint(digits)}"
        )


def _in_full(digits: str) -> str:
    """Say how a national number is written here: ready to copy where its beginning tells whose mobile it is."""
    for region, (shape, code) in _MOBILES.items():
        if shape.fullmatch(digits):
            return f"if it is one of {SERVED[region]}, write {code}{digits[1:]}"
    return "write the country code in place of the 0, e.g. 447700900750"


def _read_plan(digits: str) -> PhoneNumber:
    """Split into country code and national number.

    Raises:
        _Unusable: no numbering plan could hold it.
    """
    try:
        parsed = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        raise _Unusable(f"does not start with a country code{_country_code_hint(digits)}") from None
    result = phonenumbers.is_possible_number_with_reason(parsed)
    if result != ValidationResult.IS_POSSIBLE:
        reason = _IMPOSSIBLE.get(result, "is not possible").format(country=f"+{parsed.country_code}")
        raise _Unusable(reason + _country_code_hint(digits))
    return parsed


def _country_code_hint(digits: str) -> str:
    """Suggest the missing 1 of a ten-digit US number, the usual slip."""
    if len(digits) == 10:
        american = phonenumbers.parse("+1" + digits, None)
        if phonenumbers.region_code_for_number(american) == "US":
            return f"; a US number is written 1{digits}"
    return ""


def _warn(parsed: PhoneNumber) -> str:
    return "does not look like a mobile number" if phonenumbers.number_type(parsed) in _NOT_MOBILE else ""


@lru_cache(maxsize=4096)
def _nearest_region(country_code: int | None, national: str) -> str:
    """Tell whose range an unassigned number lies in: that of the valid numbers which share its longest beginning.

    A range that a served country shares with a neighbour counts as the served one's.
    """
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(country_code or 0, ("001",))
    if len(regions) == 1:
        return regions[0]
    for kept in range(len(national) - 1, 1, -1):
        tails = (str(digit) * (len(national) - kept) for digit in range(10))
        trials = (PhoneNumber(country_code=country_code, national_number=int(national[:kept] + tail)) for tail in tails)
        found = {region for region in map(phonenumbers.region_code_for_number, trials) if region}
        if found:
            return min(found, key=lambda region: (region not in SERVED, region))
    return regions[0]
