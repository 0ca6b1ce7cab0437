"""The guard rules for our guarantees: the templates keep each, and each notices a template that breaks it."""

import copy
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import TEMPLATES

Template = dict[str, Any]
_RULES = TEMPLATES / "guarantees.guard"
_NAMES = re.findall(r"^rule (\w+)", _RULES.read_text(), re.MULTILINE)
# Rule by rule: the wheel's report on several at once is sometimes cut, and then it names none.
_RUN = """
import json, re, sys
from guardpycfn import validate_with_guard
rules, templates = json.load(sys.stdin)
head, *blocks = re.split("^rule ", rules, flags=re.MULTILINE)

def status(template, block):
    answer = validate_with_guard(json.dumps(template), head + "rule " + block)
    assert answer["success"], answer
    report = answer["result"]
    if isinstance(report, str):
        assert "was not compliant" in report, report
        return "FAIL"
    return report["status"]

names = [block.split()[0] for block in blocks]
print(json.dumps([{name: status(each, block) for name, block in zip(names, blocks)} for each in templates]))
"""
Judged = list[dict[str, str]]
GONE = object()

# What breaks a guarantee: the rule that must notice, a path in the template, and what stands there instead.
BREACHES: list[tuple[str, str, Any]] = [
    ("renditions_stay_three_days_and_the_margin_of_renewal", "Parameters/LifecycleDays/MinValue", 4),
    ("renditions_stay_three_days_and_the_margin_of_renewal", "Parameters/LifecycleDays/MinValue", GONE),
    ("renditions_stay_three_days_and_the_margin_of_renewal", "Parameters/LifecycleDays/Default", 3),
    (
        "renditions_stay_three_days_and_the_margin_of_renewal",
        "Bucket/LifecycleConfiguration/Rules/0/ExpirationInDays",
        2,
    ),
    ("renditions_stay_three_days_and_the_margin_of_renewal", "Bucket/LifecycleConfiguration/Rules/0/Id", "other"),
    ("renditions_stay_three_days_and_the_margin_of_renewal", "Bucket/LifecycleConfiguration/Rules/0/Prefix", "x/"),
    ("no_other_rule_removes_renditions", "Bucket/LifecycleConfiguration/Rules/2/Prefix", ""),
    ("no_other_rule_removes_renditions", "Bucket/LifecycleConfiguration/Rules/2/Prefix", {"Ref": "MediaPrefix"}),
    ("no_other_rule_removes_renditions", "Bucket/LifecycleConfiguration/Rules/2/Prefix", GONE),
    ("no_other_rule_removes_renditions", "Bucket/LifecycleConfiguration/Rules/3/ExpirationInDays", 1),
    ("broken_and_forgotten_uploads_end", "Bucket/LifecycleConfiguration/Rules/3/AbortIncompleteMultipartUpload", GONE),
    ("broken_and_forgotten_uploads_end", "Bucket/LifecycleConfiguration/Rules/2/ExpirationInDays", 30),
    *(
        ("the_bucket_is_shut", f"Bucket/PublicAccessBlockConfiguration/{name}", value)
        for name in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        for value in (False, GONE)
    ),
    ("the_bucket_is_shut", "Bucket/PublicAccessBlockConfiguration", GONE),
    ("the_bucket_is_shut", "Bucket/OwnershipControls/Rules/0/ObjectOwnership", "ObjectWriter"),
    ("the_bucket_is_shut", "Bucket/AccessControl", "PublicRead"),
    ("the_bucket_is_shut", "Bucket/WebsiteConfiguration", {"IndexDocument": "index.html"}),
    ("nothing_is_kept_as_an_old_version", "Bucket/VersioningConfiguration", {"Status": "Enabled"}),
    ("nothing_is_kept_as_an_old_version", "Bucket/ReplicationConfiguration", {"Role": "x"}),
    ("nothing_is_kept_as_an_old_version", "Bucket/ObjectLockEnabled", True),
    ("the_bucket_is_encrypted", "Bucket/BucketEncryption", GONE),
    ("cloudfront_is_the_only_reader", "BucketPolicy/PolicyDocument/Statement/1/Principal", "*"),
    ("cloudfront_is_the_only_reader", "BucketPolicy/PolicyDocument/Statement/1/Principal", {"AWS": "*"}),
    ("cloudfront_is_the_only_reader", "BucketPolicy/PolicyDocument/Statement/1/Condition", GONE),
    ("cloudfront_is_the_only_reader", "BucketPolicy/PolicyDocument/Statement/2/Action", "s3:PutObject"),
    (
        "cloudfront_is_the_only_reader",
        "BucketPolicy/PolicyDocument/Statement/1/Resource",
        {"Fn::Sub": "${Bucket.Arn}/*"},
    ),
    ("cloudfront_signs_what_it_reads", "OriginAccess/OriginAccessControlConfig/SigningBehavior", "never"),
    ("cloudfront_signs_what_it_reads", "Distribution/DistributionConfig/Origins/0/OriginAccessControlId", GONE),
    ("nothing_goes_without_tls", "BucketPolicy/PolicyDocument/Statement/0/Effect", "Allow"),
    ("nothing_goes_without_tls", "BucketPolicy/PolicyDocument/Statement/0/Condition/Bool/aws:SecureTransport", True),
    (
        "nothing_goes_without_tls",
        "Distribution/DistributionConfig/DefaultCacheBehavior/ViewerProtocolPolicy",
        "allow-all",
    ),
    (
        "nothing_goes_without_tls",
        "Distribution/DistributionConfig/DefaultCacheBehavior/ViewerProtocolPolicy",
        "redirect-to-https",
    ),
    ("nothing_goes_without_tls", "Distribution/DistributionConfig/CacheBehaviors", [{"PathPattern": "x/*"}]),
    (
        "tls_is_1_2_or_newer",
        "Distribution/DistributionConfig/ViewerCertificate/Fn::If/1/MinimumProtocolVersion",
        "TLSv1.1_2016",
    ),
    ("tls_is_1_2_or_newer", "Distribution/DistributionConfig/ViewerCertificate/Fn::If/1/MinimumProtocolVersion", GONE),
    ("media_arrive_as_they_are", "Distribution/DistributionConfig/DefaultCacheBehavior/Compress", True),
    ("media_arrive_as_they_are", "Distribution/DistributionConfig/DefaultCacheBehavior/AllowedMethods/1", "PUT"),
    ("media_arrive_as_they_are", "Distribution/DistributionConfig/DefaultRootObject", GONE),
    (
        "what_was_asked_for_too_early_is_not_remembered_as_missing",
        "Distribution/DistributionConfig/CustomErrorResponses/1/ErrorCachingMinTTL",
        300,
    ),
    (
        "what_was_asked_for_too_early_is_not_remembered_as_missing",
        "Distribution/DistributionConfig/CustomErrorResponses/0/ErrorCode",
        500,
    ),
    (
        "media_cannot_act_as_pages",
        "Distribution/DistributionConfig/DefaultCacheBehavior/ResponseHeadersPolicyId",
        GONE,
    ),
    (
        "media_cannot_act_as_pages",
        "Headers/ResponseHeadersPolicyConfig/SecurityHeadersConfig/ContentTypeOptions",
        GONE,
    ),
    (
        "media_cannot_act_as_pages",
        "Headers/ResponseHeadersPolicyConfig/SecurityHeadersConfig/ContentSecurityPolicy/ContentSecurityPolicy",
        "default-src *",
    ),
    ("web_and_worker_have_no_right_on_everything", "WebPolicy/PolicyDocument/Statement/1/Resource", "*"),
    ("web_and_worker_have_no_right_on_everything", "WorkerPolicy/PolicyDocument/Statement/2/Action/0", "s3:*"),
    (
        "web_and_worker_have_no_right_on_everything",
        "WorkerPolicy/PolicyDocument/Statement/0/Action/0",
        "s3:PutLifecycleConfiguration",
    ),
    ("requests_leave_from_one_address_that_stays", "egress/Resources/Address/DeletionPolicy", GONE),
    ("requests_leave_from_one_address_that_stays", "egress/Resources/Address", GONE),
    ("requests_leave_from_one_address_that_stays", "egress/Nat/AllocationId", "eipalloc-1"),
    ("requests_leave_from_one_address_that_stays", "egress/PrivateWayOut/NatGatewayId", GONE),
    ("requests_leave_from_one_address_that_stays", "egress/PrivateWayOut/GatewayId", {"Ref": "Door"}),
    ("requests_leave_from_one_address_that_stays", "egress/PrivateSubnet/MapPublicIpOnLaunch", True),
]


@pytest.fixture(scope="module")
def judge(cloud_tools: Path) -> Callable[[list[Template]], Judged]:
    """Run the rules on templates, in one process."""

    def run(templates: list[Template]) -> Judged:
        asked = json.dumps([_RULES.read_text(), templates])
        done = subprocess.run(
            [cloud_tools / "python", "-c", _RUN], input=asked, capture_output=True, text=True, check=True
        )
        judged: Judged = json.loads(done.stdout)
        return judged

    return run


@pytest.fixture(scope="module")
def broken(
    judge: Callable[[list[Template]], Judged], media_template: Template, egress_template: Template
) -> list[set[str]]:
    """For each of BREACHES, the rules that fail."""
    made = []
    for _, path, value in BREACHES:
        about = egress_template if path.startswith("egress/") else media_template
        made.append(_changed(about, path.removeprefix("egress/"), value))
    return [{rule for rule, status in judged.items() if status == "FAIL"} for judged in judge(made)]


def _changed(template: Template, path: str, value: Any) -> Template:
    """Copy a template and change one place; a path begins at a resource's properties, or at the top."""
    steps: list[Any] = [int(step) if step.isdigit() else step for step in path.split("/")]
    if steps[0] not in template:
        steps = ["Resources", steps[0], "Properties", *steps[1:]]
    changed = copy.deepcopy(template)
    place: Any = changed
    for step in steps[:-1]:
        place = place[step]
    if value is GONE:
        del place[steps[-1]]
    else:
        place[steps[-1]] = value
    assert changed != template
    return changed


def test_the_templates_keep_every_guarantee(
    judge: Callable[[list[Template]], Judged], media_template: Template, egress_template: Template
) -> None:
    media, egress = judge([media_template, egress_template])
    # Each holds for the template that it is about, and skips the other.
    assert all({media[rule], egress[rule]} == {"PASS", "SKIP"} for rule in _NAMES)


@pytest.mark.parametrize("number", range(len(BREACHES)), ids=[f"{rule}: {path}" for rule, path, _ in BREACHES])
def test_a_broken_guarantee_is_noticed_by_its_rule(broken: list[set[str]], number: int) -> None:
    assert BREACHES[number][0] in broken[number]


def test_every_rule_is_seen_to_fail() -> None:
    assert {rule for rule, _, _ in BREACHES} == set(_NAMES)
