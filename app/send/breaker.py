"""When refusals pile up, stop: a campaign that fails for everybody must not burn its list.

Our rule, on top of the codes that pause at once: more than a fifth of the last 200 refused, or ten identical refusals in
a row, or ten answers in a row that prove nothing. Pure; one breaker stands over one campaign in one worker.
"""

from collections import deque
from dataclasses import dataclass, field

from app.model.messages import Outcome
from app.model.status import OutcomeKind

WINDOW = 200
MAX_REFUSED = WINDOW // 5
IN_A_ROW = 10


@dataclass(slots=True)
class Breaker:
    """Counts outcomes; ``note`` says when to pause. A fresh one starts when a campaign is resumed."""

    _refused: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _last: tuple[OutcomeKind, int] | None = None
    _in_a_row: int = 0

    def note(self, outcome: Outcome) -> str:
        """Count one outcome.

        Returns:
            a sentence that says why the campaign should pause, or an empty string.
        """
        if outcome.kind is OutcomeKind.NOT_SENT:
            return outcome.pause
        self._refused.append(outcome.kind is OutcomeKind.REFUSED)
        same = (outcome.kind, outcome.code)
        self._in_a_row = self._in_a_row + 1 if same == self._last else 1
        self._last = same
        return outcome.pause or self._judge(outcome)

    def _judge(self, outcome: Outcome) -> str:
        if outcome.kind is OutcomeKind.UNKNOWN and self._in_a_row >= IN_A_ROW:
            return f"The last {self._in_a_row} messages got no answer that proves anything: {outcome.description}"
        if outcome.kind is OutcomeKind.REFUSED and self._in_a_row >= IN_A_ROW:
            return (
                f"The last {self._in_a_row} messages were refused with the code {outcome.code}: {outcome.description}"
            )
        if sum(self._refused) > MAX_REFUSED:
            return f"More than a fifth of the last {WINDOW} messages were refused; the latest: {outcome.description}"
        return ""
