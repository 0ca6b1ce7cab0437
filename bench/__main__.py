"""Run the benchmarks and write bench/results.md with machine, date and versions."""

import argparse
import importlib
import inspect
import os
import platform
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
    return ", ".join(found)


def _table(name: str, document: str, rows: list[Row], seconds: float) -> str:
    lines = [f"## {name}", "", document, "", "| what | value | unit | target | |", "|---|---:|---|---|---|"]
    for row in rows:
        verdict = "" if not row["target"] else "met" if row["met"] else "**missed**"
        lines.append(f"| {row['what']} | {row['value']} | {row['unit']} | {row['target']} | {verdict} |")
    return "\n".join([*lines, "", f"Took {seconds:.0f} s.", ""])


def main() -> None:
    """Run what is named on the command line, or everything; then the page is written, one benchmark after the other."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("names", nargs="*", help="benchmarks; none = all, and the page is written")
    options.add_argument(
        "--seconds", type=float, help="how long a benchmark runs that takes a time, instead of its own"
    )
    given = options.parse_args()
    wanted, failed = given.names, list[str]()
    parts = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Figures of one machine at one time: compare ratios, and targets are ratios or limits.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {describe_machine()}.",
        "",
        f"With {_versions()}.",
        "",
    ]
    for name in find_modules(wanted):
        module = importlib.import_module(f"bench.{name}")
        began = time.monotonic()
        takes_time = given.seconds and "seconds" in inspect.signature(module.run).parameters
        try:
            rows = module.run(seconds=given.seconds) if takes_time else module.run()
        except Exception as error:  # noqa: BLE001 -- the others of a long run are not lost with it; it is told, and exits 1
            traceback.print_exc()
            failed.append(name)
            rows = [
                {
                    "what": f"broke off: {type(error).__name__}",
                    "value": "",
                    "unit": "",
                    "target": "the end",
                    "met": False,
                }
            ]
        part = _table(name, (inspect.getdoc(module) or "").replace("\n", " ").strip(), rows, time.monotonic() - began)
        print(part, flush=True)
        parts.append(part)
        if not wanted and not given.seconds:
            (_FOLDER / "results.md").write_text("\n".join(parts), encoding="utf-8")
    if failed:
        sys.exit(f"Broke off: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
