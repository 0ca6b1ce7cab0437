"""The JSON part: the sending details, field by field, and whether the destination is somewhere that MMS goes."""

import json
import re
from collections import Counter
from typing import Any

import phonenumbers

from app.sandbox.numbers import TEST_NUMBERS
from app.sandbox.rules import Result, Source, Verdict

_KNOWN = ("type", "source", "destination", "mtConfig", "subject", "mobileOperatorId")
_REGIONS = {"US": "the US", "GB": "the UK", "IE": "Ireland", "AU": "Australia"}
_CALLING_CODES = {1, 44, 353, 61}
_MOST_BYTES = 65_536
_SOURCE = re.compile(r"[0-9]{3,15}")
_DESTINATION = re.compile(r"[1-9][0-9]{7,14}")


def _verdict(
    topic: str, result: Result, words: str, code: int = 0, *, rule: int = 6, source: Source = Source.PAGE
) -> Verdict:
    return Verdict(rule, topic, result, source, words, code)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
    if twice:
        raise ValueError(f"the name {twice[0]!r} stands twice")
    return dict(pairs)


def parse_details(data: bytes) -> dict[str, Any]:
    """Read the JSON object strictly: UTF-8 without a mark, no name twice, no NaN.

    Raises:
        ValueError: in words, what is wrong with it.
    """
    if len(data) > _MOST_BYTES:
        raise ValueError(f"the JSON is longer than {_MOST_BYTES} bytes, which this sandbox does not read")
    try:
        details = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ValueError("the JSON is not UTF-8") from None
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if re.search(r"[\ud800-\udfff]", json.dumps(details, ensure_ascii=False)):
        raise ValueError("a text in the JSON holds half of a surrogate pair")
    if not isinstance(details, dict):
        raise ValueError("the JSON is not an object")  # noqa: TRY004 -- about the sender's bytes, not our caller's types
    return details


def judge_details(details: dict[str, Any]) -> list[Verdict]:
    """Judge every field: the required ones that are missing first, as the codes are ordered."""
    required = (("type", 15100), ("destination", 15101), ("source", 15102), ("mtConfig", 15105))
    missing = [
        _verdict(name, Result.FAIL, f"{name} is missing", code) for name, code in required if name not in details
    ]
    present = {
        "type": _judge_type,
        "destination": _judge_destination,
        "source": _judge_source,
        "mtConfig": _judge_mt_config,
        "subject": _judge_subject,
        "mobileOperatorId": _judge_operator,
    }
    verdicts = [judge(details[name]) for name, judge in present.items() if name in details]
    others = ", ".join(name[:40] for name in details if name not in _KNOWN)[:200]
    words = f"the page lists no such field: {others}"
    unknown = [_verdict("fields", Result.WARNING, words, source=Source.OURS)] if others else []
    region = [judge_region(details["destination"])] if _is_destination(details.get("destination")) else []
    return [*missing, *verdicts, *region, *unknown]


def _judge_type(value: Any) -> Verdict:
    if value == "MT":
        return _verdict("type", Result.PASS, '"MT"')
    return _verdict("type", Result.FAIL, f'must be "MT", is {_shown(value)}', 15200)


def _is_destination(value: Any) -> bool:
    return isinstance(value, str) and _DESTINATION.fullmatch(value) is not None


def _judge_destination(value: Any) -> Verdict:
    if _is_destination(value):
        return _verdict("destination", Result.PASS, "one number in international format", rule=13)
    if isinstance(value, list) or (isinstance(value, str) and re.search(r"\d[,; ]+\+?\d{6}", value)):
        words = f"must be one number, is {_shown(value)}"
    else:
        words = f"must be a string of 8 to 15 digits in international format without +, is {_shown(value)}"
    return _verdict("destination", Result.FAIL, words, 15201, rule=13)


def _judge_source(value: Any) -> Verdict:
    if isinstance(value, str) and _SOURCE.fullmatch(value):
        return _verdict("source", Result.PASS, "a short code or number without +")
    return _verdict("source", Result.FAIL, f"must be a string of 3 to 15 digits without +, is {_shown(value)}", 15202)


def _judge_mt_config(value: Any) -> Verdict:
    if isinstance(value, str) and value.strip():
        return _verdict("mtConfig", Result.PASS, "a string")
    return _verdict("mtConfig", Result.FAIL, f"must be a string with something in it, is {_shown(value)}", 15205)


def _judge_subject(value: Any) -> Verdict:
    if not isinstance(value, str) or not value.strip() or len(value) > 255:
        words = f"must be a string of 1 to 255 characters, not only white space, is {_shown(value)}"
        return _verdict("subject", Result.FAIL, words, 15203)
    if len(value) > 80:
        return _verdict("subject", Result.WARNING, f"{len(value)} characters; 80 advised for several carriers")
    return _verdict("subject", Result.PASS, f"{len(value)} characters")


def _judge_operator(value: Any) -> Verdict:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return _verdict("mobileOperatorId", Result.PASS, "a number")
    return _verdict("mobileOperatorId", Result.FAIL, f"must be a number, is {_shown(value)}", 15204)


def judge_region(destination: str) -> Verdict:
    """Decide by region, not by prefix: +1 is Canada and the Caribbean too, +44 Jersey, Guernsey and Man."""
    if destination in TEST_NUMBERS:
        return _verdict("region", Result.PASS, "a documented test number", rule=14)
    try:
        number = phonenumbers.parse(f"+{destination}")
    except phonenumbers.NumberParseException:
        return _verdict(
            "region", Result.FAIL, "no country has this calling code", 15201, rule=14, source=Source.INFERRED
        )
    region = phonenumbers.region_code_for_number(number)
    if region in _REGIONS:
        return _verdict("region", Result.PASS, _REGIONS[region], rule=14)
    if region is None and number.country_code in _CALLING_CODES and phonenumbers.is_possible_number(number):
        words = "a possible number, but in no range that is known to be in use"
        return _verdict("region", Result.WARNING, words, rule=14, source=Source.INFERRED)
    words = f"MMS goes to the US, the UK, Ireland and Australia; this number is of {region or 'no known region'}"
    return _verdict("region", Result.FAIL, words, 15201, rule=14, source=Source.INFERRED)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
