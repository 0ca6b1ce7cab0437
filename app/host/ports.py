"""Ports of the embedded store: free ones, remembered in its folder, so that copies run side by side."""

import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path

from app.errors import CannotStart

SERVICES = ("s3", "master", "volume", "filer", "admin")
PORT_NAMES = tuple(name for service in SERVICES for name in (service, f"{service}.grpc"))
GRPC_OFFSET = 10_000
"""SeaweedFS looks for the gRPC port of a service 10,000 above its HTTP port."""

# Below Linux' range for outgoing connections (from 32,768), the gRPC ports included: no client can sit on one by chance.
_RANGE = range(20_000, 22_760)


def is_free(port: int) -> bool:
    """Tell whether nothing listens on ``port`` of loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def remembered_ports(file: Path) -> dict[str, int]:
    """Read an earlier choice; empty when there is none."""
    read: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    return read


def choose_ports(file: Path, *, wanted: int) -> dict[str, int]:
    """Choose a port for each of ``PORT_NAMES``: remembered ones where they are free, and remember them.

    Args:
        file: JSON of an earlier choice; written anew.
        wanted: port of the S3 endpoint; 0 = the remembered or a free one. It never changes by itself: URLs name it.

    Raises:
        CannotStart: the S3 port is in use.
    """
    before = remembered_ports(file)
    s3 = wanted or before.get("s3", 0)
    if s3 and not is_free(s3):
        raise CannotStart(
            f"Port {s3} of the embedded store is in use by another program. End that program, or "
            + ("choose another port." if wanted else f"delete {file} to let Postcard choose new ports.")
        )
    chosen: dict[str, int] = {}
    candidates = _candidates()
    for service in SERVICES:
        port = s3 if service == "s3" and s3 else before.get(service, 0)
        grpc = before.get(f"{service}.grpc", 0) if port == before.get(service) else 0
        pinned = service == "s3" and s3
        if not port or (not pinned and not is_free(port)) or not grpc or not is_free(grpc):
            fresh = next(each for each in candidates if each != s3)
            port, grpc = (port if pinned else fresh), fresh + GRPC_OFFSET
        chosen |= {service: port, f"{service}.grpc": grpc}
    file.write_text(json.dumps(chosen, indent=1))
    return chosen


def _candidates() -> Iterator[int]:
    # In random order: two copies may be choosing at once.
    for port in random.sample(_RANGE, len(_RANGE)):
        if is_free(port) and is_free(port + GRPC_OFFSET):
            yield port
    raise CannotStart(f"No free ports from {_RANGE.start} to {_RANGE.stop}.")
