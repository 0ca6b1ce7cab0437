"""A short fuzz run in the suite; the long one is ``make fuzz``."""

from tests.media import fuzz


def test_mutated_files_end_in_a_result_or_one_of_our_errors() -> None:
    assert fuzz.run(100, seed=20) == 0
