"""What a clip or a sound file would come to, told from its facts alone: nothing is read, decoded or encoded."""

from app.errors import CannotFit, MediaUnsupported
from app.fit.audio_plan import plan_audio
from app.fit.video_plan import plan_video
from app.model.media import Budget, Choice, Facts, Form, Kind


def is_foreseen_to_fit(facts: Facts, budget: Budget, choice: Choice) -> bool:
    """Tell whether the plan for a budget holds; of what is not planned by its seconds nothing is foreseen.

    InvalidRequest when the cut is not inside of it.
    """
    try:
        if facts.kind is Kind.VIDEO and choice.form is not Form.FIRST_FRAME:
            plan_video(facts, budget, choice)
        elif facts.kind is Kind.AUDIO:
            plan_audio(facts, budget, choice)
        else:
            return False
    except (CannotFit, MediaUnsupported):
        return False
    return True
