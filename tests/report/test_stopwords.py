"""What a reply asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.messages import Inbound
from app.report.stopwords import KEYWORDS, Verdict, judge_inbound, judge_text


@pytest.mark.parametrize("country", [*KEYWORDS, "FR", ""])
@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", " Stop. ", "STOP!!!", "S.T.O.P", "stop \N{OCTAGONAL SIGN}", "\N{FULLWIDTH LATIN CAPITAL LETTER S}TOP",
        "STOP ALL", "STOPALL", "stop-all", "QUIT", "END", "Revoke", "OPT OUT", "opt-out", "OPTOUT", "CANCEL", "unsubscribe",
        "'STOP'", "st\u00adop", "STOP\ufe0f\n",
    ],
)  # fmt: skip
def test_an_exact_keyword_stops_in_every_country(text: str, country: str) -> None:
    assert judge_text(text, country) is Verdict.STOP


@pytest.mark.parametrize(
    "text",
    [
        "please stop", "STOP texting me", "Stop it now please", "stopp", "SOTP", "unsubscribe me", "unsuscribe",
        "I want to opt out",
        "don't text me again", "Don\u2019t send these", "do not contact me", "no more messages", "remove me from your list",
        "Take me off this list", "leave me alone", "wrong number", "Cancel my subscription", "end these messages", "this is spam",
    ],
)  # fmt: skip
def test_a_phrase_that_sounds_like_it_stops_and_waits_for_a_person(text: str) -> None:
    assert judge_text(text, "US") is Verdict.STOP_LIKE


@pytest.mark.parametrize("text", ["START", "start!", "Unstop"])
def test_start_is_a_keyword_alone(text: str) -> None:
    assert judge_text(text, "GB") is Verdict.START
    assert judge_text(text + " the sale", "GB") is Verdict.NOTHING


@pytest.mark.parametrize("text", ["HELP", "help?", "Info"])
def test_help_is_a_keyword_alone(text: str) -> None:
    assert judge_text(text, "IE") is Verdict.HELP


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes please",
        "Great weekend offer!",
        "when does it end?",
        "\N{THUMBS UP SIGN}",
        "thanks, friend",
        "legend",
        "topstopic",
    ],
)
def test_anything_else_asks_for_nothing(text: str) -> None:
    assert judge_text(text, "US") is Verdict.NOTHING


def test_a_country_has_words_of_its_own_with_a_source() -> None:
    assert judge_text("out", "AU") is Verdict.STOP
    assert judge_text("out", "US") is Verdict.NOTHING
    assert all(words.source and words.stop and words.help for words in KEYWORDS.values())


def test_a_subject_counts_when_the_text_asks_for_nothing() -> None:
    inbound = Inbound("1", "12515550130", (), None, None, "STOP", "", "", (), {})
    assert judge_inbound(inbound, "US") is Verdict.STOP


@given(st.text(max_size=200), st.sampled_from([*KEYWORDS, "XX"]))
def test_any_text_is_judged(text: str, country: str) -> None:
    assert judge_text(text, country) in Verdict
