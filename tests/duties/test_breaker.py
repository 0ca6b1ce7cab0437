from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.duties.breaker import NOBODY_REACHED, Breaker
from app.model.messages import Outcome
from app.model.status import OutcomeKind

AT = datetime(2026, 11, 22, tzinfo=UTC)
ACCEPTED, REFUSED, UNKNOWN, NOT_SENT = (
    OutcomeKind.ACCEPTED,
    OutcomeKind.REFUSED,
    OutcomeKind.UNKNOWN,
    OutcomeKind.NOT_SENT,
)


def outcome(kind: OutcomeKind, code: int = 0, *, status: int = 202, pause: str = "") -> Outcome:
    return Outcome("m", "a", kind, "http://127.0.0.1", AT, AT, http_status=status, code=code, pause=pause)


def after(*outcomes: Outcome) -> Breaker:
    breaker = Breaker()
    for each in outcomes:
        breaker.note(each)
    return breaker


def test_a_campaign_that_goes_well_never_pauses() -> None:
    assert after(*[outcome(ACCEPTED)] * 1000).reason == ""


def test_ten_identical_refusals_in_a_row_pause_and_nine_do_not() -> None:
    assert after(*[outcome(REFUSED, 15201)] * 9).reason == ""
    assert "15201" in after(*[outcome(REFUSED, 15201)] * 10).reason
    assert after(*[outcome(REFUSED, 15201), outcome(REFUSED, 15203)] * 8).reason == ""


def test_more_than_a_fifth_of_the_last_200_refused_pauses() -> None:
    four_good_one_bad = [outcome(ACCEPTED)] * 4 + [outcome(REFUSED, 15201)]
    assert after(*four_good_one_bad * 200).reason == ""
    assert "refused" in after(*four_good_one_bad * 40, outcome(REFUSED, 15203), *four_good_one_bad).reason


def test_five_unknown_in_a_row_pause() -> None:
    assert after(*[outcome(UNKNOWN)] * 4, outcome(ACCEPTED), *[outcome(UNKNOWN)] * 4).reason == ""
    assert "unknown" in after(*[outcome(UNKNOWN)] * 5).reason


def test_what_would_happen_to_everybody_pauses_at_once() -> None:
    assert after(outcome(REFUSED, 15105, pause="Our mtConfig is missing.")).reason == "Our mtConfig is missing."


def test_a_gateway_that_nobody_reaches_is_noticed_and_one_answer_ends_that() -> None:
    away = replace(outcome(NOT_SENT, status=0), slow_down=True)
    assert after(*[away] * NOBODY_REACHED).nobody_reached
    assert not after(*[away] * (NOBODY_REACHED - 1), outcome(NOT_SENT, 15406, status=403), away).nobody_reached
    assert after(away).only_unreached
    assert not after(outcome(ACCEPTED), away).only_unreached


def test_what_we_kept_back_ourselves_says_nothing_about_the_endpoints() -> None:
    breaker = after(*[outcome(NOT_SENT, status=0)] * 100)
    assert not breaker.nobody_reached
    assert not breaker.only_unreached


@given(kinds=st.lists(st.sampled_from([ACCEPTED, REFUSED, UNKNOWN]), max_size=500))
def test_its_running_count_is_what_counting_gives(kinds: list[OutcomeKind]) -> None:
    breaker = after(*[outcome(kind, index) for index, kind in enumerate(kinds)])
    refused = max((kinds[max(0, end - 200) : end].count(REFUSED) for end in range(len(kinds) + 1)), default=0)
    assert ("were refused; see" in breaker.reason) <= (refused > 40)
    if refused > 40 and "unknown" not in breaker.reason:
        assert breaker.reason
