"""Our client against a gateway that judges by the documented rules and knows nothing of how we write: the sandbox."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app import settings
from app.compose.mime import Composed, compose_message
from app.model.messages import EmbeddedPart, Inbound, LinkPart, Outcome, Outgoing, Report, SendablePart, TextPart
from app.model.status import MessageState, OutcomeKind, after_report
from app.report import parse_callback
from app.send.codes import CODES
from app.send.gateway import OpenMarketGateway
from tests.servers.callback import Callback, running_callback, wait_until
from tests.servers.sandbox import RunningSandbox, running_sandbox

LINK = LinkPart("https://media.example.com/m/0a1b2c.jpg", "image/jpeg", 280_000)
PNG = EmbeddedPart(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "image/png")
CARD = EmbeddedPart(b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Postcard\r\nEND:VCARD\r\n", "text/x-vcard; charset=utf-8")
TEXT = TextPart("Grüße aus Cork!\nSee you \N{WAVING HAND SIGN}")


@pytest.fixture
def callback() -> Iterator[Callback]:
    with running_callback() as running:
        yield running


@pytest.fixture
def quick(sandbox: RunningSandbox, callback: Callback) -> RunningSandbox:
    sandbox.reset(callback_url=callback.url, forwarded_seconds=0.05, retrieved_seconds=0.1)
    return sandbox


@pytest.fixture
def start_gateway() -> Iterator[Callable[..., OpenMarketGateway]]:
    started: list[OpenMarketGateway] = []

    def start(*urls: str, **account: Any) -> OpenMarketGateway:
        known: dict[str, Any] = {
            "account_id": "Account",
            "password": "pass:word",
            "connect_seconds": 2.0,
            "answer_seconds": 10.0,
        }
        started.append(OpenMarketGateway(settings.OpenMarket(endpoints=urls, **known | account)))
        return started[-1]

    yield start
    for gateway in started:
        gateway.close()


@pytest.fixture
def gateway(quick: RunningSandbox, start_gateway: Callable[..., OpenMarketGateway]) -> OpenMarketGateway:
    return start_gateway(quick.endpoint)


def compose(*parts: SendablePart, subject: str = "Example MMS") -> Composed:
    return compose_message(parts or (TEXT,), subject=subject, source="88600", mt_config="config1")


def send(
    gateway: OpenMarketGateway, *numbers: str, composed: Composed | None = None, operator_id: int | None = None
) -> dict[str, Outcome]:
    message = composed or compose()
    group = [
        Outgoing(number, f"att_{number}", message.content_type, message.body_for(number, operator_id), lambda: True)
        for number in numbers
    ]
    found = {outcome.message_id: outcome for outcome in gateway.send_group(group, pace=lambda: None)}
    assert set(found) == set(numbers)
    return found


@pytest.mark.parametrize(
    "parts",
    [(TEXT,), (LINK,), (PNG,), (CARD,), (LINK, TEXT, PNG, CARD), (TEXT, TEXT), (LINK,) * 10],
    ids=lambda parts: "-".join(type(part).__name__ for part in parts)[:40],
)
def test_every_kind_of_message_keeps_every_rule_without_a_warning(
    quick: RunningSandbox, gateway: OpenMarketGateway, parts: tuple[SendablePart, ...]
) -> None:
    outcome = send(gateway, "12515550130", composed=compose(*parts), operator_id=77)["12515550130"]
    assert outcome.kind is OutcomeKind.ACCEPTED
    arrived = quick.messages()[0]
    assert outcome.request_id == arrived["request_id"]
    assert outcome.mt_id == arrived["mtId"]
    blamed = [each["words"] for each in arrived["verdicts"] if each["result"] in {"warning", "fail"}]
    assert [words for words in blamed if "TLS" not in words] == []  # the sandbox answers on plain loopback


@pytest.mark.parametrize("blank_line", ["strict", "mime"])
def test_both_readings_of_the_blank_line_are_content(
    quick: RunningSandbox, gateway: OpenMarketGateway, blank_line: str
) -> None:
    quick.reset(blank_line=blank_line)
    assert send(gateway, "12515550130", composed=compose(LINK, TEXT))["12515550130"].kind is OutcomeKind.ACCEPTED


def test_an_account_is_recognised_with_its_case(
    start_gateway: Callable[..., OpenMarketGateway],
) -> None:
    with running_sandbox(account_id="Account", password="pass:word") as strict:
        right, wrong = start_gateway(strict.endpoint), start_gateway(strict.endpoint, password="Pass:word")
        assert send(right, "12515550130")["12515550130"].kind is OutcomeKind.ACCEPTED
        refused = send(wrong, "12515550130")["12515550130"]
        assert (refused.kind, refused.code) == (OutcomeKind.NOT_SENT, 15206)
        assert refused.pause


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_means_what_the_table_says(gateway: OpenMarketGateway, code: int) -> None:
    number = f"155592{code:05}"
    outcome = send(gateway, number)[number]
    known = CODES[code]
    assert (outcome.kind, outcome.code, outcome.http_status) == (known.kind, code, 400)
    assert (outcome.pause, outcome.slow_down, outcome.drop_operator) == (
        known.pause,
        known.slow_down,
        known.drop_operator,
    )
    assert outcome.request_id
    assert str(code) in outcome.answer


def test_an_internal_error_with_a_500_is_unknown(gateway: OpenMarketGateway) -> None:
    assert send(gateway, "15559115000")["15559115000"].kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504])
def test_a_status_without_a_code_proves_nothing(gateway: OpenMarketGateway, status: int) -> None:
    number = f"155593{status:05}"
    assert send(gateway, number)[number].kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("fault", [1, 2, 3, 4, 5, 6, 7, 9])
def test_each_fault_of_a_connection_or_an_answer_ends_as_unknown_and_arrives_once(
    quick: RunningSandbox, gateway: OpenMarketGateway, fault: int
) -> None:
    number = f"155594{fault:05}"
    outcome = send(gateway, number)[number]
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.description
    assert quick.counts()["requests"] == 1


def test_a_slow_answer_ends_as_unknown(quick: RunningSandbox, start_gateway: Callable[..., OpenMarketGateway]) -> None:
    quick.add_fault("slow", seconds=3.0, times=1)
    gateway = start_gateway(quick.endpoint, connect_seconds=0.2, answer_seconds=0.2)
    assert send(gateway, "12515550130")["12515550130"].kind is OutcomeKind.UNKNOWN
    assert quick.counts()["requests"] == 1


def test_faults_among_many_messages_lose_and_double_nothing(quick: RunningSandbox, gateway: OpenMarketGateway) -> None:
    for kind in ("cut_before", "cut_after", "error_after", "proxy_error_after", "garbage", "accepted_without_id"):
        quick.add_fault(kind, times=5)
    numbers = [f"1251555{number:04}" for number in range(400)]
    found = send(gateway, *numbers)
    counts = quick.counts()
    assert counts["requests"] == 400
    assert set(counts["accepted"].values()) == {1}
    kinds = [outcome.kind for outcome in found.values()]
    assert kinds.count(OutcomeKind.UNKNOWN) == 30
    assert kinds.count(OutcomeKind.ACCEPTED) == 370
    for number, outcome in found.items():
        if outcome.kind is OutcomeKind.ACCEPTED:
            assert counts["accepted"][number] == 1


def test_the_tps_limit_slows_down_and_accepts_nothing(quick: RunningSandbox, gateway: OpenMarketGateway) -> None:
    quick.add_fault("tps", per_second=5)
    found = send(gateway, *(f"1251555{number:04}" for number in range(16)))
    limited = [outcome for outcome in found.values() if outcome.slow_down]
    assert limited
    assert {outcome.kind for outcome in limited} == {OutcomeKind.NOT_SENT}
    assert not any(number in quick.counts()["accepted"] for number in (each.message_id for each in limited))


@pytest.mark.parametrize(
    ("number", "status"), [("10000871000", "Retrieved"), ("10360871000", "Deferred"), ("10340871000", "Forwarded")]
)
def test_the_documented_test_numbers_give_their_reports(
    quick: RunningSandbox, gateway: OpenMarketGateway, callback: Callback, number: str, status: str
) -> None:
    outcome = send(gateway, number)[number]
    wait_until(lambda: callback.reports)
    report = parse_callback(json.dumps(callback.reports[-1]).encode(), "application/json", "")
    assert isinstance(report, Report)
    assert (report.mt_id, report.status) == (outcome.mt_id, status)


@pytest.mark.parametrize("fault", ["reports_twice", "reports_reordered", "reports_early", "reports_contradicting"])
def test_reports_in_any_order_end_in_the_first_final_state(
    quick: RunningSandbox, gateway: OpenMarketGateway, callback: Callback, fault: str
) -> None:
    quick.add_fault(fault, times=1)
    outcome = send(gateway, "12515550130")["12515550130"]
    wait_until(lambda: "Retrieved" in callback.statuses(int(outcome.mt_id)) and len(callback.reports) >= 2)
    state = MessageState.ACCEPTED
    seen = [state]
    for posted in callback.reports:
        report = parse_callback(json.dumps(posted).encode(), "application/json", "")
        assert isinstance(report, Report)
        state = after_report(state, report.status) or state
        seen.append(state)
    finals = [
        each for each in seen if each not in {MessageState.ACCEPTED, MessageState.FORWARDED, MessageState.DEFERRED}
    ]
    assert finals
    assert set(finals) == {finals[0]}


def test_an_inbound_message_of_the_sandbox_is_read(quick: RunningSandbox, callback: Callback) -> None:
    quick.call("POST", "/inbound", {"source": "12515550130", "text": "STOP \N{OCTAGONAL SIGN}"})
    wait_until(lambda: callback.posts)
    headers, body = callback.posts[-1]
    inbound = parse_callback(body, headers["content-type"], headers.get("x-request-id", ""))
    assert isinstance(inbound, Inbound)
    assert (inbound.source, inbound.text) == ("12515550130", "STOP \N{OCTAGONAL SIGN}")


def test_a_data_centre_that_is_down_is_left_and_the_other_takes_over(
    quick: RunningSandbox, start_gateway: Callable[..., OpenMarketGateway]
) -> None:
    one, two = quick.url + "/dc1/mms/v2/send", quick.url + "/dc2/mms/v2/send"
    gateway = start_gateway(one, two)
    assert send(gateway, "12515550100")["12515550100"].endpoint == one
    quick.add_fault("centre_down", centre=1)
    lost = [send(gateway, f"1251555020{number}")[f"1251555020{number}"] for number in range(3)]
    assert {outcome.kind for outcome in lost} == {OutcomeKind.UNKNOWN}
    found = send(gateway, *(f"125155503{number:02}" for number in range(50)))
    assert {(outcome.kind, outcome.endpoint) for outcome in found.values()} == {(OutcomeKind.ACCEPTED, two)}
