import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.errors import DiskFull
from app.upload.spool import Spool, sweep_spool


def test_what_a_crash_left_behind_is_swept_when_it_is_old(tmp_path: Path) -> None:
    crash = "import os, sys, pathlib\nfrom app.upload.spool import Spool\n"
    crash += "s = Spool(pathlib.Path(sys.argv[1]), max_bytes=10)\ns.write(b'abc')\nos.kill(os.getpid(), 9)\n"
    died = subprocess.run([sys.executable, "-c", crash, str(tmp_path)], check=False)
    assert died.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert sweep_spool(tmp_path, 3600) == 0
    old = time.time() - 7200
    os.utime(left, (old, old))
    (tmp_path / "somebody-else").touch()
    os.utime(tmp_path / "somebody-else", (old, old))
    assert sweep_spool(tmp_path, 3600) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["somebody-else"]


@pytest.mark.parametrize("prefix", ["fit-", "shown-", "restore-"])
def test_a_folder_that_a_killed_process_worked_in_is_swept_with_its_original(tmp_path: Path, prefix: str) -> None:
    crash = "import os, sys, tempfile, pathlib\n"
    crash += "with tempfile.TemporaryDirectory(dir=sys.argv[1], prefix=sys.argv[2]) as folder:\n"
    crash += "    (pathlib.Path(folder) / 'original').write_bytes(b'abc')\n    os.kill(os.getpid(), 9)\n"
    assert (
        subprocess.run([sys.executable, "-c", crash, str(tmp_path), prefix], check=False).returncode == -signal.SIGKILL
    )
    (left,) = tmp_path.iterdir()
    assert sweep_spool(tmp_path, 3600) == 0
    old = time.time() - 7200
    os.utime(left, (old, old))
    assert sweep_spool(tmp_path, 3600) == 1
    assert list(tmp_path.iterdir()) == []


def test_sweeping_a_folder_that_is_not_there_is_fine(tmp_path: Path) -> None:
    assert sweep_spool(tmp_path / "no", 1) == 0


def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DiskFull), Spool(tmp_path, max_bytes=10_000) as spool:
            spool.write(b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []
