"""What pydantic finds, in our words: one sentence for each field, named as the caller wrote it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from app.errors import InvalidRequest

MOST = 50
# By pydantic's type of error; what stands in braces is taken from its context.
_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "string_too_long": "has more than {max_length} characters",
    "string_too_short": "needs at least {min_length} characters",
    "string_pattern_mismatch": "does not have the form that is needed: {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "too_long": "has more than {max_length} entries",
    "too_short": "needs at least {min_length} entry",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "datetime_type": "must be a time such as 2026-11-22T09:00:00Z",
    "datetime_parsing": "must be a time such as 2026-11-22T09:00:00Z",
    "datetime_from_date_parsing": "must be a time such as 2026-11-22T09:00:00Z",
    "timezone_aware": "must be a time with its zone, such as 2026-11-22T09:00:00Z",
    "none_required": "must be null",
    "json_invalid": "is not JSON",
    "value_error": "{error}",
}
_ALTERNATIVES = ("str", "text", "asset")
"""How the alternatives of a list's entries are called inside; not a word of the caller's."""


def from_validation(error: ValidationError) -> InvalidRequest:
    """Say what pydantic found, one entry for each field."""
    found: dict[str, str] = {}
    for wrong in error.errors(include_url=False, include_input=False)[:MOST]:
        field = _field(wrong["loc"])
        sentence = _sentence(wrong["type"], wrong.get("ctx", {}))
        found[field] = f"{found[field]}, or {sentence}" if field in found and sentence not in found[field] else sentence
    errors = [{"field": field, "message": message} for field, message in found.items()]
    return InvalidRequest(f"{errors[0]['field']}: {errors[0]['message']}.", errors=errors)


def _field(place: tuple[int | str, ...]) -> str:
    """Name a field as the caller wrote it: an entry of a list by its index, without the alternative that was looked at."""
    names = [
        str(each)
        for at, each in enumerate(place)
        if not (at and isinstance(place[at - 1], int) and (each in _ALTERNATIVES or str(each).endswith("In")))
    ]
    return ".".join(names) or "body"


def _sentence(kind: str, context: Mapping[str, Any]) -> str:
    words = _WORDS.get(kind, "is not valid")
    return words.format_map({name: str(value).rstrip(".") for name, value in context.items()})
