"""docs/sandbox.md tells what is so."""

import re
from pathlib import Path

import pytest

from app.sandbox.codes import CODES
from app.sandbox.faults import KINDS
from app.sandbox.numbers import CONNECTION_FAULTS, REPORT_FAULTS, REPORTS, TEST_NUMBERS, meaning_of
from app.sandbox.options import CHANGEABLE

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", [*KINDS, *CHANGEABLE, *TEST_NUMBERS, *(plan.status for plan in REPORTS.values())])
def test_every_fault_option_test_number_and_status_is_told(word: str) -> None:
    assert word in PAGE


@pytest.mark.parametrize("code", [code for code in CODES if code < 15300])
def test_every_code_that_a_wrong_request_gets_is_told(code: int) -> None:
    assert str(code) in PAGE


def test_the_numbers_in_the_table_give_what_it_says() -> None:
    rows = re.findall(r"\| `1555` `(9[46])` `(\d{5})` \|.*\(`(\w+)`\) \|", PAGE)
    told = {f"1555{kind}{value}": name for kind, value, name in rows}
    assert len(told) == len(CONNECTION_FAULTS) + len(REPORT_FAULTS)
    for number, name in told.items():
        meaning = meaning_of(number)
        assert name in {meaning.connection, meaning.report_fault}


@pytest.mark.parametrize(
    "number", ["12515550130", "15559099999", "15559700001", "15559300099", "15559400000", "15559500050", "155590154060"]
)
def test_any_other_number_is_ordinary(number: str) -> None:
    meaning = meaning_of(number)
    assert not (meaning.code)
    assert not (meaning.status)
    assert not (meaning.connection)
    assert not (meaning.report_fault)
    assert not (meaning.report)
