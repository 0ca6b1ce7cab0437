"""`postcard sandbox` as a person starts it: its flags, its one line, its end."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.sandbox.wrong import HEADERS, right_body

_TO = "12515550130"


@contextmanager
def started(*flags: str) -> Iterator[str]:
    """Run the command on a free port and give its line."""
    command = [sys.executable, "-m", "app", "sandbox", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            assert process.wait(timeout=20) == 0


def endpoint_of(line: str) -> str:
    """Take the send address out of the line."""
    return line.rpartition(" ")[2]


def test_it_says_where_it_listens_and_takes_messages_there() -> None:
    with started() as line:
        address = line.removeprefix("Open ").partition(";")[0]
        assert line == f"Open {address}; send to {address}/mms/v2/send"
        assert requests.post(endpoint_of(line), data=right_body(_TO), headers=HEADERS, timeout=10).status_code == 202


def test_in_a_container_it_listens_to_everybody_when_it_is_told_to() -> None:
    with started("--host", "0.0.0.0") as line:
        assert line.startswith("Open http://0.0.0.0:")
        local = endpoint_of(line).replace("0.0.0.0", "127.0.0.2")
        assert requests.post(local, data=right_body(_TO), headers=HEADERS, timeout=10).status_code == 202


def test_faults_named_by_flags_stand_from_the_start() -> None:
    with started("--fault", "refuse:code=15406,times=1", "--fault", "status:status=503,times=1") as line:
        answers = [
            requests.post(endpoint_of(line), data=right_body(_TO), headers=HEADERS, timeout=10).status_code
            for _ in range(3)
        ]
    assert answers == [403, 503, 202]


def test_only_the_account_of_the_flag_passes() -> None:
    unsigned = {name: value for name, value in HEADERS.items() if name != "Authorization"}
    with started("--account", "shop:secret:with:colons") as line:
        codes = [
            requests.post(
                endpoint_of(line), data=right_body(_TO), headers=unsigned, auth=("shop", password), timeout=10
            ).status_code
            for password in ("wrong", "secret:with:colons")
        ]
    assert codes == [401, 202]


def test_with_a_certificate_it_speaks_tls_alone(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with started("--cert", str(cert), "--key", str(key)) as line:
        assert line.startswith("Open https://127.0.0.1:")
        answer = requests.post(endpoint_of(line), data=right_body(_TO), headers=HEADERS, timeout=10, verify=str(cert))
        assert answer.status_code == 202


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--fault", "earthquake"], "close_unsaid"),
        (["--fault", "refuse:code"], "name=value"),
        (["--account", "shop"], "ID:PASSWORD"),
        (["--cert", __file__], "belong together"),
        (["--cert", "nowhere.pem"], "nowhere.pem"),
    ],
)
def test_a_wrong_flag_is_a_sentence_and_nothing_starts(flags: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "sandbox", *flags], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_latency_and_a_rate_have_flags_of_their_own() -> None:
    with started("--latency", "50", "--tps", "2", "--blank-line", "mime") as line:
        address = line.removeprefix("Open ").partition(";")[0]
        faults = requests.get(f"{address}/sandbox/api/faults", timeout=10).json()["faults"]
        options = requests.get(f"{address}/sandbox/api/options", timeout=10).json()
    assert [(each["kind"], each["seconds"], each["per_second"]) for each in faults] == [
        ("latency", 0.05, 0),
        ("tps", 0, 2),
    ]
    assert options["blank_line"] == "mime"


def test_make_hands_flags_on() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory", "-n", "-o", "setup", "sandbox", "ARGS=--latency 300 --blank-line mime"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip().endswith("postcard sandbox --latency 300 --blank-line mime")
