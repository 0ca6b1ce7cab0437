"""The sandbox on its server: its address, TLS, and its end."""

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.sandbox.sending import mt_id_of, send
from tests.sandbox.wrong import HEADERS, right_body
from tests.servers.sandbox import RunningSandbox, running_sandbox
from tests.servers.tls import make_certificate

_PROGRAM = """
from app.sandbox import SandboxOptions, run_sandbox
run_sandbox("127.0.0.1", 0, SandboxOptions(), announce=lambda address: print(address, flush=True))
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_a_free_port_is_taken_and_announced() -> None:
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert requests.get(f"{address}/sandbox/api/counts", timeout=10).status_code == 200
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_over_tls_rule_1_tells_the_version(certificate: tuple[Path, Path]) -> None:
    with running_sandbox(certificate) as secure:
        answer = requests.post(
            secure.endpoint, data=right_body(), headers=HEADERS, timeout=30, verify=str(certificate[0])
        )
        mt_id = mt_id_of(answer)
        told = requests.get(f"{secure.url}/sandbox/api/messages/{mt_id}", timeout=10, verify=str(certificate[0])).json()
    assert "over TLSv1." in told["verdicts"][0]["words"]


def test_over_tls_a_fault_can_cut_the_connection(certificate: tuple[Path, Path]) -> None:
    with running_sandbox(certificate) as secure, pytest.raises(requests.ConnectionError):
        requests.post(
            secure.endpoint, data=right_body("15559400002"), headers=HEADERS, timeout=30, verify=str(certificate[0])
        )


def test_tls_older_than_1_2_is_not_taken(certificate: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(cafile=certificate[0])
    context.set_ciphers("ALL:@SECLEVEL=0")
    with running_sandbox(certificate) as secure:
        address = ("127.0.0.1", int(secure.url.rpartition(":")[2]))
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(address) as plain, pytest.raises(ssl.SSLError, match=r"PROTOCOL|ALERT"):
            context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_over_plain_http_rule_1_says_that_openmarket_would_not_take_it(quick: RunningSandbox) -> None:
    send(quick)
    assert "OpenMarket takes TLS alone" in quick.messages()[0]["verdicts"][0]["words"]
