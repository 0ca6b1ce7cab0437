"""The templates as text: valid, and saying what the code relies on."""

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from app.host.bucket import RIGHTS_TO_COMPARE, BucketPlan, lifecycle_rules
from app.host.s3 import S3Store
from app.settings import S3, Settings
from tests.infra.conftest import TEMPLATES

Template = dict[str, Any]


@pytest.mark.parametrize("name", ["media.yaml", "egress.yaml"])
def test_cfn_lint_finds_nothing(cloud_tools: Path, name: str) -> None:
    done = subprocess.run([cloud_tools / "cfn-lint", TEMPLATES / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _properties(template: Template, name: str) -> Any:
    return template["Resources"][name]["Properties"]


def _as_cloudformation(rule: dict[str, Any]) -> dict[str, Any]:
    """Write a rule of lifecycle.json as CloudFormation does."""

    def written(value: Any) -> Any:
        return {"Ref": value[2:-1]} if isinstance(value, str) and value.startswith("${") else value

    same = {"Id": rule["ID"], "Status": rule["Status"], "Prefix": written(rule["Filter"]["Prefix"])}
    if "Expiration" in rule:
        same["ExpirationInDays"] = written(rule["Expiration"]["Days"])
    if "AbortIncompleteMultipartUpload" in rule:
        same["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return same


def test_the_lifecycle_is_that_of_the_one_json_file(media_template: Template) -> None:
    ours = json.loads(files("app.host").joinpath("lifecycle.json").read_text())["Rules"]
    theirs = _properties(media_template, "Bucket")["LifecycleConfiguration"]["Rules"]
    assert [rule["Fn::If"][1] if "Fn::If" in rule else rule for rule in theirs] == [
        _as_cloudformation(rule) for rule in ours
    ]
    conditional = [rule["Fn::If"] for rule in theirs if "Fn::If" in rule]
    assert [(each[0], each[1]["Id"], each[2]) for each in conditional] == [
        ("OriginalsEnd", "originals", {"Ref": "AWS::NoValue"})
    ]


def test_the_defaults_are_those_of_the_settings(media_template: Template) -> None:
    defaults = {name: each.get("Default") for name, each in media_template["Parameters"].items()}
    settings = Settings()
    assert defaults["MediaPrefix"] == settings.s3.media_prefix
    assert defaults["OriginalsPrefix"] == settings.s3.originals_prefix
    assert defaults["LifecycleDays"] == settings.lease.lifecycle_days
    assert defaults["OriginalsDays"] == settings.originals.days


def test_media_can_never_go_within_the_lease(media_template: Template) -> None:
    # Three days are OpenMarket's; the least lease and the two days that renewal needs make five, the setting says six.
    assert media_template["Parameters"]["LifecycleDays"]["MinValue"] >= 3 + 2
    plan = BucketPlan(s3=S3(), lifecycle_days=6, originals_days=0, public=False)
    for rule in lifecycle_rules(plan):
        if "Expiration" in rule and plan.s3.media_prefix.startswith(rule["Filter"]["Prefix"]):
            assert rule["Expiration"]["Days"] >= 6


def _rights(policy: Any) -> dict[str, set[str]]:
    """Collect actions by what they are about: the bucket itself, keys in it, or the CDN."""
    rights: dict[str, set[str]] = {"bucket": set(), "objects": set(), "incoming": set(), "distribution": set()}
    for statement in policy["PolicyDocument"]["Statement"]:
        if "Fn::If" in statement:
            continue  # the key's rights
        about = "bucket" if "Fn::GetAtt" in statement["Resource"] else "objects"
        about = "incoming" if "/incoming/" in str(statement["Resource"]) else about
        about = "distribution" if ":cloudfront:" in str(statement["Resource"]) else about
        rights[about] |= set(statement["Action"])
    return rights


def test_the_workers_rights_are_those_that_the_store_asks_for(media_template: Template) -> None:
    rights = _rights(_properties(media_template, "WorkerPolicy"))
    on_bucket = {*S3Store.RIGHTS_ON_BUCKET, *RIGHTS_TO_COMPARE}
    assert rights == {
        "bucket": on_bucket,
        "objects": set(S3Store.RIGHTS_ON_OBJECTS),
        "incoming": set(S3Store.RIGHTS_ON_INCOMING),
        "distribution": set(S3Store.RIGHTS_ON_DISTRIBUTION),
    }
    assert S3Store.__doc__
    for right in (*S3Store.RIGHTS_ON_BUCKET, *S3Store.RIGHTS_ON_OBJECTS, *S3Store.RIGHTS_ON_DISTRIBUTION):
        assert right in S3Store.__doc__


def test_the_web_may_do_with_objects_what_the_store_asks_for_and_cannot_read_the_buckets_setup(
    media_template: Template,
) -> None:
    # A preview, and a rendition that is asked for by itself, are hosted in the web.
    rights = _rights(_properties(media_template, "WebPolicy"))
    assert rights == {
        "bucket": set(S3Store.RIGHTS_ON_BUCKET),
        "objects": set(S3Store.RIGHTS_ON_OBJECTS),
        "incoming": set(S3Store.RIGHTS_ON_INCOMING),
        "distribution": set(S3Store.RIGHTS_ON_DISTRIBUTION),
    }


@pytest.mark.parametrize("who", ["Web", "Worker"])
def test_rights_on_objects_hold_for_postcards_prefixes_alone(media_template: Template, who: str) -> None:
    for statement in _properties(media_template, f"{who}Policy")["PolicyDocument"]["Statement"]:
        if "s3:PutObject" in statement.get("Action", []):
            prefixes = ("${MediaPrefix}", "${OriginalsPrefix}")
            assert statement["Resource"] in (
                [{"Fn::Sub": f"${{Bucket.Arn}}/{prefix}*"} for prefix in prefixes],
                {"Fn::Sub": "${Bucket.Arn}/incoming/*"},
            )


def test_no_policy_gives_everything_or_everybody(media_template: Template) -> None:
    for name in ("BucketPolicy", "WorkerPolicy", "WebPolicy"):
        for statement in _properties(media_template, name)["PolicyDocument"]["Statement"]:
            if statement.get("Effect") == "Allow":
                assert statement.get("Principal") != "*"
                assert "*" not in statement["Action"]


def test_the_bucket_is_encrypted_owned_and_shut(media_template: Template) -> None:
    bucket = _properties(media_template, "Bucket")
    condition, with_kms, without = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["Fn::If"]
    assert condition == "WithKms"
    assert with_kms["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert without["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "VersioningConfiguration" not in bucket


def test_cloudfront_hands_media_on_as_they_are(media_template: Template) -> None:
    behavior = _properties(media_template, "Distribution")["DistributionConfig"]["DefaultCacheBehavior"]
    assert behavior["Compress"] is False
    assert behavior["ViewerProtocolPolicy"] == "https-only"
    assert set(behavior["AllowedMethods"]) == {"GET", "HEAD"}
