"""The locks name everything that is installed, since they are installed without resolving anything (infra/venv.sh)."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {"server": (), "run": ("local",), "dev": ("local", "dev")}


def _locked(name: str) -> dict[str, str]:
    lines = (ROOT / "infra/locks" / f"{name}.txt").read_text().splitlines()
    pins = (re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([^ ;]+)", line) for line in lines)
    return {canonicalize_name(pin[1]): pin[2] for pin in pins if pin}


def _needed(*asked: str) -> dict[str, str]:
    """Tell what the requirements ``asked`` need in the environment that runs the tests, extras and all: name -> version."""
    found: dict[str, str] = {}
    walked: set[tuple[str, str]] = set()
    waiting = [Requirement(each) for each in asked]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        installed = distribution(name)
        found[name] = installed.version
        for extra in {"", *wanted.extras} - {extra for walk, extra in walked if walk == name}:
            walked.add((name, extra))
            requirements = (Requirement(each) for each in installed.requires or ())
            waiting += [each for each in requirements if not each.marker or each.marker.evaluate({"extra": extra})]
    return found


@pytest.mark.parametrize("lock", EXTRAS)
def test_a_lock_names_whatever_its_packages_need(lock: str) -> None:
    asked = [*PROJECT["dependencies"]]
    for extra in EXTRAS[lock]:
        asked += PROJECT["optional-dependencies"][extra]
    needed, locked = _needed(*asked), _locked(lock)
    assert len(needed) > len(asked)
    assert {name: version for name, version in needed.items() if locked.get(name) != version} == {}


@pytest.mark.parametrize("script", ["infra/venv.sh", "Dockerfile", "tests/servers/tools.py"])
def test_a_release_of_tomorrow_cannot_break_an_installation(script: str) -> None:
    installs = [line for line in (ROOT / script).read_text().splitlines() if "--require-hashes" in line]
    assert installs
    assert all("--no-deps" in line for line in installs)
