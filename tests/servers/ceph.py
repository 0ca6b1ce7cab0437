"""Ceph's object gateway on this machine: a monitor, a store of objects in memory and radosgw, all of them children.

Ceph 16 of Debian 12, unpacked by ``ceph.sh`` beside the virtual environment. A day of its lifecycle lasts ten seconds.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import urllib3

from tests.servers.once import only_one_installs
from tests.servers.stores import S3Server

DAY_SECONDS = 10
READY_SECONDS = 60
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_INSTALL = Path(__file__).with_name("ceph.sh")
_KEY = "ceph-of-the-tests"

_CONF = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon},v1:127.0.0.1:{mon_old}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
# The monitor is on loopback and lives as long as the tests: no keys between the three.
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
mon allow pool size one = true
# The disk of a developer may be fuller than that of a cluster.
mon data avail warn = 1
mon data avail crit = 1
osd objectstore = memstore
memstore device bytes = 4294967296
osd class dir = {root}/{libraries}/rados-classes
plugin dir = {root}/{libraries}/ceph
erasure code dir = {root}/{libraries}/ceph/erasure-code
run dir = {folder}
log file = {folder}/$name.log
admin socket = {folder}/$name.asok
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{s3}
rgw lc debug interval = {day}
rgw lifecycle work time = 00:00-23:59
"""


@pytest.fixture(scope="session")
def ceph_root() -> Path:
    """The folder of Ceph's programs, unpacked once."""
    folder = Path(sys.prefix) / "ceph"
    with only_one_installs("ceph"):
        if not (folder / "unpacked").exists():
            subprocess.run(["sh", _INSTALL, folder], check=True)
            (folder / "unpacked").touch()
    return folder / "root"


@pytest.fixture(scope="session")
def ceph(ceph_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A cluster of one with an S3 user; up in about ten seconds."""
    with _running(ceph_root, tmp_path_factory.mktemp("ceph")) as port:
        yield S3Server("ceph", f"http://127.0.0.1:{port}", access_key=_KEY, secret_key=_KEY)


@contextmanager
def _running(root: Path, folder: Path) -> Iterator[int]:
    mon, mon_old, s3 = _free_ports(3)
    conf = folder / "ceph.conf"
    fsid = str(uuid4())
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    conf.write_text(
        _CONF.format(
            fsid=fsid, mon=mon, mon_old=mon_old, s3=s3, root=root, libraries=_LIBRARIES, folder=folder, day=DAY_SECONDS
        )
    )
    environment = _environment(root)

    def run(program: str, *arguments: str | Path) -> str:
        asked = [*_program(root, program), "-c", conf, *arguments]
        done = subprocess.run(
            asked, env=environment, capture_output=True, text=True, timeout=READY_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with ExitStack() as children:

        def start(program: str, *arguments: str) -> "subprocess.Popen[bytes]":
            log = children.enter_context((folder / f"{program}.out").open("wb"))
            asked = [*_program(root, program), "-f", "-c", conf, *arguments]
            child = children.enter_context(subprocess.Popen(asked, env=environment, stdout=log, stderr=log, cwd=folder))
            children.callback(child.kill)  # nothing of it is to be kept
            return child

        address = f"[v2:127.0.0.1:{mon},v1:127.0.0.1:{mon_old}]"
        run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, folder / "monmap")
        run("ceph-mon", "--mkfs", "-i", "a", "--monmap", folder / "monmap")
        start("ceph-mon", "-i", "a")
        osd = str(uuid4())
        run("ceph", "--connect-timeout", "30", "osd", "new", osd, "0")
        run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        start("ceph-osd", "-i", "0")
        _wait_for(lambda: '"num_up_osds": 1' in json.dumps(json.loads(run("ceph", "-s", "-f", "json"))["osdmap"]))
        gateway = start("radosgw", "-n", "client.rgw")
        _wait_for(lambda: gateway.poll() is not None or _answers(s3))
        assert gateway.poll() is None, (folder / "radosgw.out").read_text()
        run(
            "radosgw-admin", "user", "create", "--uid", "postcard", "--display-name", "postcard",
            "--access-key", _KEY, "--secret-key", _KEY,
        )  # fmt: skip
        yield s3


def _environment(root: Path) -> dict[str, str]:
    paths = [root / _LIBRARIES, root / _LIBRARIES / "ceph", root / "lib/x86_64-linux-gnu"]
    return {
        "PATH": f"{root / 'usr/bin'}:{os.defpath}",
        "LD_LIBRARY_PATH": ":".join(map(str, paths)),
        "PYTHONPATH": str(root / "usr/lib/python3/dist-packages"),
    }


def _program(root: Path, name: str) -> list[str | Path]:
    """Find a program; ``ceph`` itself is Python, made for Debian's own."""
    unpacked = root / "usr/bin" / name
    program = unpacked if unpacked.exists() else Path("/usr/bin") / name
    return ["/usr/bin/python3", program] if name == "ceph" else [program]


def _answers(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/", retries=False, timeout=2.0).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "Ceph did not come up"
        time.sleep(0.1)
