"""Recipients' numbers: what is read, what is refused and with which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compose.numbers import parse_number, parse_recipients, parse_stops
from app.compose.regions import KNOWN_NUMBERS, SERVED
from app.errors import InvalidRecipients
from app.model.messages import Recipient


@pytest.mark.parametrize("number", sorted(KNOWN_NUMBERS))
def test_documented_numbers_pass_without_a_warning(number: str) -> None:
    assert parse_number(number) == Recipient(number, KNOWN_NUMBERS[number].country)
    assert KNOWN_NUMBERS[number].source


@pytest.mark.parametrize(
    ("text", "number", "country"),
    [
        ("12515550130", "12515550130", "US"),
        ("+1 (251) 555-0130", "12515550130", "US"),
        ("+1.251.555.0130", "12515550130", "US"),
        ("1/251/5550130", "12515550130", "US"),
        ("+44 (0)7700 900750", "447700900750", "GB"),
        ("\u202a+44\u00a07400\u2011123456\u202c", "447400123456", "GB"),
        (" 353 85 123 4567 ", "353851234567", "IE"),
        ("+61 (0)412 345 678", "61412345678", "AU"),
    ],
)
def test_separators_are_taken_off(text: str, number: str, country: str) -> None:
    assert parse_number(text) == Recipient(number, country)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("14165550130", "Canada"),
        ("18765550130", "Jamaica"),
        ("17875550130", "Puerto Rico"),
        ("447797712345", "Jersey"),
        ("447781123456", "Guernsey"),
        ("447624123456", "the Isle of Man"),
        ("491711234567", "DE"),
        ("61891641234", "Christmas Island"),
        ("14160000000", "Canada"),
    ],
)
def test_other_countries_are_refused_by_name(number: str, words: str) -> None:
    with pytest.raises(InvalidRecipients) as caught:
        parse_number(number)
    assert words in caught.value.facts["recipients"][0]["reason"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("07700900750", "of the United Kingdom, write 447700900750"),
        ("(085) 123 4567", "of Ireland, write 353851234567"),
        ("0491 570 156", "of Australia, write 61491570156"),
        ("020 7946 0958", "in place of the 0, e.g. 447700900750"),
        ("011 44 7700 900750", "country code first: 447700900750"),
        ("00447700900750", "447700900750"),
        ("2515550130", "12515550130"),
        ("12", "2 digits"),
        ("1" * 20, "20 digits"),
        ("", "empty"),
        ("call me", "other than digits"),
        ("1251555013a", "other than digits"),
        ("++12515550130", "other than digits"),
        ("١٢٥١٥٥٥٠١٣٠", "other than digits"),
        ("999999999999", "country code"),
        ("4477009007501", "too long"),
        ("44770090", "area code"),
        ("610000000", "7 digits"),
    ],
)
def test_a_number_that_cannot_be_sent_to_is_refused_with_a_helpful_reason(text: str, words: str) -> None:
    with pytest.raises(InvalidRecipients) as caught:
        parse_number(text)
    assert words in caught.value.facts["recipients"][0]["reason"]


def test_a_possible_number_in_no_known_range_passes_with_a_warning() -> None:
    assert parse_number("12510000000").warning
    assert parse_number("12510000000").country == "US"


def test_a_landline_passes_with_a_warning() -> None:
    assert "mobile" in parse_number("442079460000").warning


def test_all_bad_numbers_are_told_at_once() -> None:
    with pytest.raises(InvalidRecipients) as caught:
        parse_recipients(["12515550130", "12", {"number": "x" * 100}, {"number": "12515550130", "operator_id": 0}, {}])
    told = caught.value.facts["recipients"]
    assert [each["number"] for each in told][:1] == ["12"]
    assert len(told) == 4
    assert all(len(each["number"]) <= 40 and each["reason"] for each in told)


def test_duplicates_are_merged_and_an_operator_is_kept() -> None:
    assert parse_recipients(
        ["+12515550130", {"number": "12515550130", "operator_id": 77}, "1 251 555 0130", "447700900750"]
    ) == [
        Recipient("12515550130", "US", 77),
        Recipient("447700900750", "GB"),
    ]


def test_one_number_with_two_operators_is_refused() -> None:
    with pytest.raises(InvalidRecipients):
        parse_recipients([{"number": "12515550130", "operator_id": 77}, {"number": "12515550130", "operator_id": 383}])


def test_no_recipients_are_no_error() -> None:
    assert parse_recipients([]) == []


@given(st.one_of(st.text(max_size=40), st.from_regex(r"\+?(1|44|353|61)[0-9]{4,13}", fullmatch=True)))
def test_any_text_is_read_or_refused_and_reading_twice_changes_nothing(text: str) -> None:
    try:
        found = parse_number(text)
    except InvalidRecipients:
        return
    assert found.country in SERVED
    assert found.number.isascii()
    assert found.number.isdigit()
    assert parse_number(found.number) == found


def test_a_stop_may_be_of_any_country_and_is_kept_once() -> None:
    given = ["+1 (613) 555-0123", "+44 (0)7700 900765", "447700900765", "+49 151 12345678", "10000871000"]
    assert parse_stops(given) == ["16135550123", "447700900765", "4915112345678", "10000871000"]


def test_all_stops_that_are_no_numbers_are_told_at_once() -> None:
    with pytest.raises(InvalidRecipients) as caught:
        parse_stops(["12515550130", "STOP", "07700 900765", ""])
    assert [each["number"] for each in caught.value.facts["recipients"]] == ["STOP", "07700 900765", "(empty)"]
