"""What a reply asks for. An exact keyword is a machine's business; anything that merely sounds like it is a person's.

Case, punctuation and emoji do not count. A keyword in a sentence, or a phrase that says the same in other words,
suppresses the number too, and waits for a person: a message too few is cheaper than one that was forbidden.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from app.model.messages import Inbound


class Verdict(StrEnum):
    """What a reply asks for. *Stop_like* suppresses as well, until a person has looked; *start* undoes a *stop* alone."""

    NOTHING = "nothing"
    STOP = "stop"
    STOP_LIKE = "stop_like"
    START = "start"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Keywords:
    """Exact keywords of one country, lower case, without spaces; ``source`` says who asks for them."""

    stop: frozenset[str]
    start: frozenset[str]
    help: frozenset[str]
    source: str


_START = frozenset({"start", "unstop"})
_HELP = frozenset({"help", "info"})
# A stop in any of these words is honoured everywhere: no country asks for less, and travellers keep their numbers.
_STOP = frozenset({"stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe"})

KEYWORDS: dict[str, Keywords] = {
    "US": Keywords(
        _STOP,
        _START,
        _HELP,
        "47 CFR 64.1200(a)(10): stop, quit, end, revoke, opt out, cancel, unsubscribe; CTIA: STOPALL, HELP",
    ),
    "GB": Keywords(
        _STOP | {"unsub"},
        _START,
        _HELP,
        "PECR regulations 22 and 23 (a simple means to refuse); operators' short code practice: STOP, STOP ALL",
    ),
    "IE": Keywords(
        _STOP | {"unsub"},
        _START,
        _HELP,
        "S.I. 336/2011 regulation 13 (opting out free of charge); operators' practice: STOP",
    ),
    "AU": Keywords(
        _STOP | {"unsub", "out"},
        _START,
        _HELP,
        "Spam Act 2003 section 18 (functional unsubscribe); operators' practice: STOP, UNSUB, OUT",
    ),
}
_ELSEWHERE = Keywords(_STOP, _START, _HELP, "the words of every country in this table")

# Ours: how people say it when they do not use a keyword, usual misspellings included.
_STOP_LIKE = re.compile(
    r"\b(?:"
    r"st+o+p+(?:all|ped|ping|pls|please)?|sotp|stpo|stp|"
    r"un ?sub\w*|un ?sus?cri\w*|opt(?:ed|ing)? ?out|opting out|"
    r"cancel|revoke|"
    r"(?:quit|end) (?:it|this|these|texts?|messag\w+|sending|texting)|"
    r"(?:remove|delete|take) (?:me|my|this)\b|"
    r"(?:do not|dont|never|no longer) (?:ever )?(?:text|message|msg|contact|send|mms|sms|want|wish)|"
    r"no more (?:texts?|messag\w+|msgs?|mms|sms|of th\w+|pictures?|spam|ads?)|"
    r"leave me alone|wrong (?:number|person)|who is this|lose my number|"
    r"(?:this is |is )?(?:spam|harass\w*)|report(?:ing)? (?:you|this)"
    r")\b"
)


def judge_text(text: str, country: str) -> Verdict:
    """Tell what a reply asks for.

    Args:
        text: as it came.
        country: ISO 3166 alpha-2 of the number that wrote; unknown ones get the words that all countries share.
    """
    words = _plain_words(text)
    compact = words.replace(" ", "")
    keywords = KEYWORDS.get(country, _ELSEWHERE)
    for verdict, known in (
        (Verdict.STOP, keywords.stop),
        (Verdict.START, keywords.start),
        (Verdict.HELP, keywords.help),
    ):
        if compact in known:
            return verdict
    return Verdict.STOP_LIKE if _STOP_LIKE.search(words) else Verdict.NOTHING


def judge_inbound(inbound: Inbound, country: str) -> Verdict:
    """Tell what an inbound message asks for: by its text, or by its subject when the text asks for nothing."""
    verdict = judge_text(inbound.text, country)
    return judge_text(inbound.subject, country) if verdict is Verdict.NOTHING else verdict


def _plain_words(text: str) -> str:
    """Lower case letters and digits, words apart by one space; punctuation and emoji are gone, apostrophes joined."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    joined = re.sub("['\u2018\u2019\u02bc`\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f]", "", folded)
    return " ".join("".join(each if each.isalnum() else " " for each in joined).split())
