"""When a campaign must pause: the same would happen to everybody else."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from app.model.messages import Outcome
from app.model.status import MessageState, OutcomeKind

REMEMBERED = 200
REFUSED, UNKNOWN = MessageState.REFUSED.value, MessageState.UNKNOWN.value
NOBODY_REACHED = 16


class Breaker:
    """Looks at outcome after outcome and says, once, why the campaign should pause.

    Rule: more than a fifth of the last 200 refused, or ten identical refusals in a row (reference, "A breaker on top"); five
    unknown in a row are treated alike, since nobody can tell what happens to the rest.
    A resumed campaign begins anew, or it would pause again for what a person has just looked at.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[str, int]] = deque(maxlen=REMEMBERED)
        self._refused = 0
        self._unreached = 0
        self.reason = ""

    @property
    def nobody_reached(self) -> bool:
        """Whether request after request found no endpoint that takes a connection."""
        return self._unreached >= NOBODY_REACHED

    @property
    def only_unreached(self) -> bool:
        """Whether none of the requests so far found an endpoint that takes a connection."""
        return self._unreached > 0 and not self._recent

    def watch(self, outcomes: Iterable[Outcome], stop: Callable[[], None]) -> Iterator[Outcome]:
        """Give outcomes on as they come, and call ``stop`` at the first one after which nothing more should leave."""
        for outcome in outcomes:
            self.note(outcome)
            if self.reason or self.nobody_reached:
                stop()
            yield outcome

    def note(self, outcome: Outcome) -> None:
        """Take one outcome into account."""
        if outcome.kind is OutcomeKind.NOT_SENT:
            # What we kept back ourselves (a stop, a claim that had passed on) says nothing about the endpoints.
            if outcome.http_status:
                self._unreached = 0
            elif outcome.found_no_connection:
                self._unreached += 1
        else:
            self._unreached = 0
            self._remember(_STATES[outcome.kind], outcome.code)
        self.reason = self.reason or outcome.pause or self._judge()

    def _remember(self, state: str, code: int) -> None:
        if len(self._recent) == REMEMBERED:
            self._refused -= self._recent[0][0] == REFUSED
        self._recent.append((state, code))
        self._refused += state == REFUSED

    def _judge(self) -> str:
        if self._refused > REMEMBERED / 5:
            return f"{self._refused} of the last {len(self._recent)} messages were refused; see the messages for the reasons."
        if self._run(10) and self._recent[-1][0] == REFUSED:
            return f"The last 10 messages were refused with the same code {self._recent[-1][1]}."
        if self._run(5) and self._recent[-1][0] == UNKNOWN:
            return "What became of the last 5 messages is unknown; nobody knows whether they were sent."
        return ""

    def _run(self, length: int) -> bool:
        """Tell whether the last ``length`` outcomes are the same."""
        if len(self._recent) < length:
            return False
        last = self._recent[-1]
        return all(self._recent[-back] == last for back in range(2, length + 1))


_STATES = {
    OutcomeKind.ACCEPTED: MessageState.ACCEPTED.value,
    OutcomeKind.REFUSED: REFUSED,
    OutcomeKind.UNKNOWN: UNKNOWN,
}
