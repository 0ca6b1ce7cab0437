"""Gateways on real sockets, and the client that talks to them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from app import settings
from app.model.messages import Outcome, Outgoing
from app.send.gateway import OpenMarketGateway
from tests.send.wire import Wire
from tests.servers.tls import make_certificate

ACCOUNT = settings.OpenMarket(
    account_id="Account", password="pass:word", connections=16, connect_seconds=2.0, answer_seconds=1.0
)


@pytest.fixture
def start_wire() -> Iterator[Callable[..., Wire]]:
    started: list[Wire] = []

    def start(**told: Any) -> Wire:
        started.append(Wire(**told))
        return started[-1]

    yield start
    for wire in started:
        wire.close()


@pytest.fixture
def start_gateway() -> Iterator[Callable[..., OpenMarketGateway]]:
    started: list[OpenMarketGateway] = []

    def start(*urls: str, ca_file: str = "", idle_seconds: float = 4.0, **account: Any) -> OpenMarketGateway:
        told = replace(ACCOUNT, endpoints=urls, **account)
        started.append(OpenMarketGateway(told, ca_file=ca_file, idle_seconds=idle_seconds))
        return started[-1]

    yield start
    for gateway in started:
        gateway.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key, signed by itself."""
    certificate, key = make_certificate(tmp_path_factory.mktemp("tls"))
    return str(certificate), str(key)


def message(number: int, may_leave: Callable[[], bool] = lambda: True, size: int = 1_500) -> Outgoing:
    body = b"message %d " % number
    return Outgoing(
        f"msg_{number}", f"att_{number}", "multipart/mixed; boundary=b", body + b"x" * (size - len(body)), may_leave
    )


def send(gateway: OpenMarketGateway, *group: Outgoing, pace: Callable[[], None] = lambda: None) -> dict[str, Outcome]:
    outcomes = list(gateway.send_group(group, pace=pace))
    found = {outcome.message_id: outcome for outcome in outcomes}
    assert len(found) == len(outcomes), "an outcome came twice"
    return found
