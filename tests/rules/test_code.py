"""House rules over the whole of app/, as a machine can see them."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

from app.duties.postcard import JobKind
from app.work.handlers import HANDLERS

APP = Path(__file__).parents[2] / "app"
SOURCES = sorted(path for path in APP.rglob("*.py") if "migrations/versions" not in str(path))
BANNED_NAMES = {"utils", "helpers", "common", "core", "manager", "base", "impl", "misc", "constants"}


def test_every_kind_of_job_has_a_handler() -> None:
    assert set(HANDLERS) == set(get_args(JobKind))


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in SOURCES if path.stem in BANNED_NAMES] == []


def test_every_package_says_what_it_is() -> None:
    silent = [
        str(path)
        for path in SOURCES
        if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert [path for path in silent if "migrations" not in path] == []


def test_the_environment_is_read_in_settings_and_handed_on_by_the_commands_alone() -> None:
    allowed = {
        "settings.py",
        "commands/local.py",
        "commands/run.py",
        "confine/pool.py",
        "confine/forks.py",
        "confine/nursery.py",  # takes out what it was handed for itself
        "host/embedded.py",
    }
    users = {str(path.relative_to(APP)) for path in SOURCES if re.search(r"os\.environ|os\.getenv", path.read_text())}
    assert users <= allowed


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=APP.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_nothing_is_left_unfinished() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError|pragma: no cover")
    assert [str(path) for path in SOURCES if marks.search(path.read_text())] == []


def test_every_silenced_check_has_a_reason() -> None:
    bare = []
    for path in [*SOURCES, *sorted((APP.parent / "tests").rglob("*.py"))]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"#\s*(noqa|type: ignore)", line) and " -- " not in line:
                bare.append(f"{path.relative_to(APP.parent)}:{number}")
    assert bare == []
