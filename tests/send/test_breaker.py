"""When refusals pause a campaign."""

from datetime import UTC, datetime

from app.model.messages import Outcome
from app.model.status import OutcomeKind
from app.send.breaker import Breaker


def outcome(kind: OutcomeKind, code: int = 0, pause: str = "") -> Outcome:
    return Outcome("msg", "att", kind, "https://example.com", datetime.now(UTC), None, code=code, pause=pause)


ACCEPTED = outcome(OutcomeKind.ACCEPTED)
UNKNOWN = outcome(OutcomeKind.UNKNOWN)


def test_a_sentence_of_the_outcome_pauses_at_once() -> None:
    assert Breaker().note(outcome(OutcomeKind.REFUSED, 15105, "no config")) == "no config"
    assert Breaker().note(outcome(OutcomeKind.NOT_SENT, 15303, "no credit")) == "no credit"


def test_ten_identical_refusals_in_a_row_pause_and_nine_do_not() -> None:
    breaker = Breaker()
    assert not any(breaker.note(outcome(OutcomeKind.REFUSED, 15201)) for _ in range(9))
    assert "15201" in breaker.note(outcome(OutcomeKind.REFUSED, 15201))


def test_an_acceptance_between_breaks_the_row() -> None:
    breaker = Breaker()
    for _ in range(5):
        assert not any(breaker.note(outcome(OutcomeKind.REFUSED, 15201)) for _ in range(7))
        assert not breaker.note(ACCEPTED)


def test_more_than_a_fifth_refused_pauses() -> None:
    breaker = Breaker()
    for number in range(40):
        assert not breaker.note(outcome(OutcomeKind.REFUSED, 15201 if number % 2 else 15999))
    assert "fifth" in breaker.note(outcome(OutcomeKind.REFUSED, 15201))


def test_only_the_last_two_hundred_count() -> None:
    breaker = Breaker()
    for round_number in range(10):
        for number in range(100):
            refused = number % 5 == 0
            assert not breaker.note(outcome(OutcomeKind.REFUSED, 15201) if refused else ACCEPTED), round_number


def test_ten_answers_in_a_row_that_prove_nothing_pause() -> None:
    breaker = Breaker()
    assert not any(breaker.note(UNKNOWN) for _ in range(9))
    assert breaker.note(UNKNOWN)


def test_what_never_left_does_not_count() -> None:
    breaker = Breaker()
    assert not any(breaker.note(outcome(OutcomeKind.NOT_SENT, 15406)) for _ in range(1_000))
