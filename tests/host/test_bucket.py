"""The bucket as code: what is applied is what is read back, and applying twice changes nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app import settings
from app.host.bucket import BucketPlan, apply_bucket, lifecycle_rules, show_bucket
from app.host.embedded import EmbeddedStore
from tests.servers.seaweed import make_store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def client(seaweed: EmbeddedStore) -> Iterator["S3Client"]:
    client = make_store(seaweed, settings.S3(endpoint_url=seaweed.endpoint_url)).client
    yield client
    client.delete_bucket(Bucket="planned")


@pytest.fixture
def plan(seaweed: EmbeddedStore) -> BucketPlan:
    s3 = settings.S3(endpoint_url=seaweed.endpoint_url, bucket="planned")
    return BucketPlan(s3=s3, lifecycle_days=30, originals_days=90, public=True, origins=("https://postcard.example",))


def test_applying_makes_everything_once_and_then_nothing(client: "S3Client", plan: BucketPlan) -> None:
    assert show_bucket(client, plan) == ["There is no bucket planned."]
    assert len(apply_bucket(client, plan)) == 4
    assert apply_bucket(client, plan) == []
    assert show_bucket(client, plan) == []


def test_each_difference_is_shown_and_mended(client: "S3Client", plan: BucketPlan) -> None:
    apply_bucket(client, plan)
    other = replace(plan, lifecycle_days=40, originals_days=0, public=False, origins=())
    differences = show_bucket(client, other)
    assert len(differences) == 3
    assert any('"days": 30' in each and '"days": 40' in each for each in differences)
    assert apply_bucket(client, other)
    assert show_bucket(client, other) == []


def test_old_versions_that_somebody_keeps_are_shown_and_kept_no_more(client: "S3Client", plan: BucketPlan) -> None:
    apply_bucket(client, plan)
    client.put_bucket_versioning(Bucket="planned", VersioningConfiguration={"Status": "Enabled"})
    (difference,) = show_bucket(client, plan)
    assert difference.startswith("The keeping of old versions")
    assert len(apply_bucket(client, plan)) == 1
    assert show_bucket(client, plan) == []


@pytest.mark.parametrize(
    "change",
    [
        {"Filter": {"And": {"Prefix": "m/", "ObjectSizeGreaterThan": 100}}},
        {"Filter": {"Prefix": "m/"}, "Expiration": {"Date": "2030-01-01T00:00:00Z"}},
        {"Filter": {"Prefix": "m/"}, "Status": "Disabled"},
        {"Filter": {"Prefix": "m/x"}},
        {"Filter": {"Prefix": "m/"}, "Expiration": {"Days": 3}},
    ],
)
def test_a_rule_that_somebody_changed_is_shown(client: "S3Client", plan: BucketPlan, change: dict[str, Any]) -> None:
    apply_bucket(client, plan)
    rules: Any = lifecycle_rules(plan)
    rules[0] |= change
    client.put_bucket_lifecycle_configuration(
        Bucket="planned", LifecycleConfiguration={"Rules": rules}, ChecksumAlgorithm="SHA256"
    )
    (difference,) = show_bucket(client, plan)
    assert difference.startswith("The lifecycle rules")


def test_nothing_becomes_public_unless_asked(client: "S3Client", plan: BucketPlan) -> None:
    apply_bucket(client, replace(plan, public=False))
    with pytest.raises(client.exceptions.ClientError, match="NoSuchBucketPolicy"):
        client.get_bucket_policy(Bucket="planned")


def test_statements_of_others_in_the_policy_stay(client: "S3Client", plan: BucketPlan) -> None:
    apply_bucket(client, plan)
    theirs = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::planned/secret/*",
    }
    policy = json.loads(client.get_bucket_policy(Bucket="planned")["Policy"])
    policy["Statement"].append(theirs)
    client.put_bucket_policy(Bucket="planned", Policy=json.dumps(policy))
    assert show_bucket(client, plan) == []
    apply_bucket(client, replace(plan, public=False))
    left = json.loads(client.get_bucket_policy(Bucket="planned")["Policy"])["Statement"]
    assert [each["Sid"] for each in left] == ["Theirs"]


def test_zero_days_for_originals_is_no_rule(plan: BucketPlan) -> None:
    assert [rule["ID"] for rule in lifecycle_rules(replace(plan, originals_days=0))] == [
        "renditions",
        "incoming",
        "broken-uploads",
    ]
