"""Whatever arrives, the sandbox holds a ring and no more."""

from pathlib import Path

import pytest

from tests.sandbox.sending import mt_id_of, send
from tests.sandbox.wrong import body_of, image_part, json_part
from tests.servers.sandbox import running_sandbox

KEPT = 2_000_000
PICTURE = image_part(data=b"QUJD" * 25_000)  # 100,000 bytes on the wire


def memory_of(process: int) -> int:
    """The bytes that a process holds in memory."""
    line = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


@pytest.mark.timeout(300)
def test_a_long_run_takes_no_more_memory_than_its_ring() -> None:
    with running_sandbox(keep_bytes=KEPT, forwarded_seconds=0.0, retrieved_seconds=0.0) as small:
        measured = []
        for turn in range(4):
            for number in range(100):
                body = body_of(json_part(destination=f"1251555{turn}{number:03}"), PICTURE)
                assert mt_id_of(send(small, body))
            measured.append(memory_of(small.process.pid))
        counted = small.counts()
    assert counted["requests"] == 400
    assert counted["kept_bytes"] <= KEPT
    assert counted["kept"] < 25
    # 300 more messages are 30 MB that came in since; the ring was full long before.
    assert measured[-1] - measured[0] < 8_000_000
