"""checkov on the templates: nothing fails, and what is let pass stands in the template with its reason."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import TEMPLATES

Template = dict[str, Any]


@pytest.fixture(scope="module")
def findings(checkov: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What checkov says of every check of every resource, without asking anybody."""
    done = subprocess.run(
        [checkov, "--skip-download", "--directory", TEMPLATES, "--framework", "cloudformation", "--output", "json"],
        capture_output=True, text=True, check=False, cwd=tmp_path_factory.mktemp("checkov"),
        env={"PATH": os.defpath, "HOME": str(tmp_path_factory.mktemp("home"))},
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    results = report["results"]
    return [each for kind in ("passed_checks", "failed_checks", "skipped_checks") for each in results[kind]]


def test_nothing_fails(findings: list[dict[str, Any]]) -> None:
    failed = [(each["check_id"], each["resource"]) for each in findings if each["check_result"]["result"] == "FAILED"]
    assert failed == []
    # It looked: a template that it could not read would have no finding at all. It knows no check for egress.yaml.
    assert sum(each["check_result"]["result"] == "PASSED" for each in findings) >= 9


def _exceptions(template: Template) -> dict[tuple[str, str], str]:
    return {
        (each["id"], name): each["comment"]
        for name, resource in template["Resources"].items()
        for each in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    }


def test_every_exception_has_a_reason_and_is_needed(
    findings: list[dict[str, Any]], media_template: Template, egress_template: Template
) -> None:
    written = _exceptions(media_template) | _exceptions(egress_template)
    used = {
        (each["check_id"], each["resource"].rpartition(".")[2]): each["check_result"]["suppress_comment"]
        for each in findings
        if each["check_result"]["result"] == "SKIPPED"
    }
    assert used == written
    for reason in written.values():
        assert len(reason.split()) >= 5
        assert reason.endswith(".")


@pytest.mark.parametrize("name", ["media.yaml", "egress.yaml"])
def test_every_exception_to_cfn_lint_has_its_reason_beside_it(name: str) -> None:
    lines = (TEMPLATES / name).read_text().splitlines()
    for number, line in enumerate(lines):
        if re.search(r"ignore_checks", line):
            assert lines[number - 1].strip().startswith("# "), line
