"""Which endpoint takes the next request."""

from collections import Counter

import pytest

from app.errors import SettingsInvalid
from app.send.endpoints import DOUBTS, Endpoints, check_endpoints, is_loopback

ONE, TWO, THREE, FOUR = (f"https://mmsc-0{number}.openmarket.com/mms/v2/send" for number in (1, 2, 3, 4))
SHARED = "https://mms.openmarket.com/mms/v2/send"


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


def chosen(endpoints: Endpoints, times: int = 100) -> Counter[str | None]:
    return Counter(endpoints.choose() for _ in range(times))


def test_the_two_names_of_the_first_data_centre_take_turns(time: Time) -> None:
    assert chosen(Endpoints([ONE, TWO, THREE, FOUR], now=time)) == {ONE: 50, TWO: 50}


def test_the_order_of_the_setting_is_the_order_of_preference(time: Time) -> None:
    assert chosen(Endpoints([THREE, FOUR, ONE, TWO], now=time)) == {THREE: 50, FOUR: 50}
    assert chosen(Endpoints([SHARED, ONE, TWO], now=time)) == {SHARED: 100}
    assert chosen(Endpoints(["https://a.example/", "https://b.example/"], now=time)) == {"https://a.example/": 100}


def test_a_failed_endpoint_is_left_for_a_while_and_tried_again(time: Time) -> None:
    endpoints = Endpoints([ONE, TWO, THREE, FOUR], left_seconds=30, now=time)
    assert endpoints.note_failed(ONE)
    assert not endpoints.note_failed(ONE)
    assert chosen(endpoints) == {TWO: 100}
    endpoints.note_failed(TWO)
    assert chosen(endpoints) == {THREE: 50, FOUR: 50}
    time.seconds += 30
    assert chosen(endpoints) == {ONE: 50, TWO: 50}


def test_one_request_is_tried_at_each_endpoint_once(time: Time) -> None:
    endpoints = Endpoints([ONE, THREE], now=time)
    assert endpoints.choose((ONE,)) == THREE
    assert endpoints.choose((ONE, THREE)) is None


def test_with_all_endpoints_failed_the_one_that_is_due_first_is_tried(time: Time) -> None:
    endpoints = Endpoints([ONE, THREE], now=time)
    endpoints.note_failed(ONE)
    time.seconds += 1
    endpoints.note_failed(THREE)
    assert endpoints.choose() == ONE
    assert endpoints.choose((ONE,)) == THREE


def test_answers_in_a_row_that_prove_nothing_count_as_a_failure_and_a_good_one_between_forgets(time: Time) -> None:
    endpoints = Endpoints([ONE, THREE], now=time)
    for _ in range(3):
        for _ in range(DOUBTS - 1):
            endpoints.note_doubt(ONE)
        endpoints.note_answered(ONE)
    assert endpoints.choose() == ONE
    for _ in range(DOUBTS):
        endpoints.note_doubt(ONE)
    assert endpoints.choose() == THREE


def test_all_mistakes_of_the_endpoints_are_told_together() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        check_endpoints(["http://mms.example.com/", "https://me:secret@mms.example.com/"])
    assert len(caught.value.facts["mistakes"]) == 2
    assert "secret" not in caught.value.detail
    with pytest.raises(SettingsInvalid):
        check_endpoints([])


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8000/", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]:8000/", True),
        ("http://localhost/", True),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://10.0.0.1/", False),
        ("http://0.0.0.0/", False),
    ],
)
def test_loopback_is_decided_by_the_host_alone(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
