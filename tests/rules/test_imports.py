"""What the serving processes load: a decoder, or what feeds one, would cost each of them 50 MB that it never uses."""

import subprocess
import sys

import pytest

_DECODING = ("PIL", "cv2", "numpy", "pillow_heif", "simplejpeg")
_LIST = "import sys, {}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"


@pytest.mark.parametrize(
    "entry", ["app.commands.serve, app.edge", "app.commands.serve, app.work.consumer"], ids=["web", "worker"]
)
def test_neither_web_nor_worker_loads_a_decoder(entry: str) -> None:
    loaded = subprocess.run([sys.executable, "-c", _LIST.format(entry)], capture_output=True, text=True, check=True)
    names = set(loaded.stdout.split())
    assert "sqlalchemy" in names
    assert names.isdisjoint(_DECODING)


def test_the_decoders_load_all_that_they_need_before_the_first_file() -> None:
    """What a fitting loaded only later would count against the memory of the first file, each time a process is forked."""
    code = (
        "import importlib, pkgutil, sys\n"
        "from app import fit, probe\n"
        "[importlib.import_module(name) for name in (*probe.media.DECODERS, *fit.media.DECODERS)]\n"
        "before = {name.partition('.')[0] for name in sys.modules}\n"
        "for package in (fit, probe):\n"
        "    for _, name, _ in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(name)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
