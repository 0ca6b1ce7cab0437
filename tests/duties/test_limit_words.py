"""What is said of limits agrees with what is sent."""

from dataclasses import replace

from app.duties.limit_words import taken_by
from app.limits import operator_named, profile_named


def test_an_operator_is_not_said_to_take_more_than_its_own_figure() -> None:
    operator = operator_named("att_us")
    assert "taken by US: AT&T (" in taken_by(profile_named("xlarge"), [operator])
    assert "taken by no operator" in taken_by(profile_named("xlarge"), [replace(operator, max_bytes=500_000)])
    assert "taken by US: AT&T (" in taken_by(profile_named("xlarge"), [replace(operator, max_bytes=0)])
