"""Any clip that can be drawn: never over the budget, never enlarged, and what came out goes through as it is."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import CannotFit
from app.model.media import Budget, Choice, Form
from tests.media import clips
from tests.media.fitting import fit, probe

EVEN = st.integers(9, 160).map(lambda half: 2 * half)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.tuples(EVEN, EVEN),
    seconds=st.floats(0.3, 3),
    rate=st.sampled_from([1, 7, 12.5, 25, 30, 60]),
    max_bytes=st.integers(3_000, 120_000),
    side=st.integers(96, 640),
    form=st.sampled_from([Form.AUTO, Form.MP4, Form.THREE_GP]),
    tone=st.booleans(),
    fast=st.booleans(),
)
def test_never_over_the_budget_never_enlarged_and_twice_changes_nothing(
    tmp_path: Path,
    size: tuple[int, int],
    seconds: float,
    rate: float,
    max_bytes: int,
    side: int,
    form: Form,
    tone: bool,
    fast: bool,
) -> None:
    source = f"testsrc2=s={size[0]}x{size[1]}:r={rate}:d={{seconds:.3f}},noise=alls=20:allf=t"
    content = clips.coded(
        "clip.mp4", "-c:v", "libx264", "-preset", "ultrafast", seconds=seconds, source=source, tone=tone
    )
    budget, choice = Budget(max_bytes, side), Choice(form)
    try:
        fitted = fit(tmp_path, content, budget, choice, fast=fast)
    except CannotFit:
        return
    assert fitted.bytes == fitted.path.stat().st_size <= max_bytes
    if form is not Form.THREE_GP:  # whose sizes are given, with bars
        assert fitted.width <= size[0]
        assert fitted.height <= size[1]
        assert max(fitted.width, fitted.height) <= side
    assert probe(tmp_path, fitted.path.read_bytes()).seconds <= seconds + 1 / rate + 0.2
    again = fit(tmp_path, fitted.path.read_bytes(), budget, choice, fast=fast)
    assert again.untouched
    assert again.sha256 == fitted.sha256
