"""The template applied to an emulated AWS, read back by the code that will use it, and fetched through its CDN."""

import json
from typing import Any

import pytest
import urllib3

from app.host.bucket import BucketPlan, apply_bucket, show_bucket
from app.host.s3 import S3Store
from app.settings import S3
from tests.contract.test_store import MakeSample
from tests.infra.conftest import TEMPLATES, Cloud

BUCKET = "postcard-media"
PARAMETERS = {
    "BucketName": BUCKET,
    "OriginalsDays": "90",
    "WebOrigin": "https://postcard.example",
    "AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms",
}


def apply_template(cloud: Cloud, name: str, parameters: dict[str, str], template: str = "") -> dict[str, str]:
    formation = cloud.client("cloudformation")
    formation.create_stack(
        StackName=name,
        TemplateBody=template or (TEMPLATES / "media.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    told = formation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])
    return {each["OutputKey"]: each["OutputValue"] for each in told}


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> dict[str, str]:
    """Outputs of the applied template."""
    return apply_template(cloud, "media", PARAMETERS)


@pytest.fixture
def plan(cloud: Cloud) -> BucketPlan:
    s3 = S3(endpoint_url=cloud.options["endpoint_url"], bucket=BUCKET)
    return BucketPlan(s3=s3, lifecycle_days=30, originals_days=90, public=False, origins=(PARAMETERS["WebOrigin"],))


@pytest.fixture
def cloud_store(plan: BucketPlan) -> S3Store:
    return S3Store(plan.s3, public_base_url="", access_key="test", secret_key="test")


def test_the_bucket_is_private(stack: dict[str, str], cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    block = s3.get_public_access_block(Bucket=stack["BucketName"])["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert len(block) == 4


def test_a_key_and_a_name_of_ones_own_are_taken(cloud: Cloud) -> None:
    certificate = cloud.client("acm").request_certificate(DomainName="media.example")["CertificateArn"]
    chosen = {"Encryption": "KMS", "DomainName": "media.example", "CertificateArn": certificate}
    outputs = apply_template(cloud, "own", {"BucketName": "own-media", **chosen})
    assert outputs["PublicBaseUrl"] == "https://media.example"
    assert cloud.client("kms").list_keys()["Keys"]
    listed = cloud.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    named = next(each for each in listed if each["Aliases"].get("Items") == ["media.example"])
    assert named["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"


def test_what_the_template_makes_is_what_bucket_show_expects(
    stack: dict[str, str], plan: BucketPlan, cloud_store: S3Store
) -> None:
    # The emulator leaves out the template's lifecycle; another test compares that with the file applied here.
    assert [each.partition(":")[0] for each in show_bucket(cloud_store.client, plan)] in ([], ["The lifecycle rules"])
    apply_bucket(cloud_store.client, plan)
    assert show_bucket(cloud_store.client, plan) == []
    assert cloud_store.lifecycle_days() == 30


def test_media_are_read_through_the_cdn_and_originals_are_not(
    stack: dict[str, str], cloud: Cloud, cloud_store: S3Store, sample: MakeSample
) -> None:
    _speak_without_tls(cloud)
    file = sample(5000)
    key = cloud_store.put_media(file.path, sha256=file.sha256, content_type="image/jpeg").key
    original = cloud_store.put_original(file.path, sha256=file.sha256, content_type="image/jpeg").key
    answer = _fetch(cloud, stack, key)
    assert (answer.status, answer.data) == (200, file.content)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == "5000"
    assert answer.headers["Cache-Control"] == "public, max-age=604800, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert _fetch(cloud, stack, original).status == 403
    assert _fetch(cloud, stack, "").status in {403, 404}
    assert _fetch(cloud, stack, key, scheme="http").status == 403


def _fetch(cloud: Cloud, stack: dict[str, str], key: str, *, scheme: str = "https") -> urllib3.BaseHTTPResponse:
    host = stack["PublicBaseUrl"].removeprefix("https://")
    return urllib3.request(
        "GET",
        f"http://127.0.0.1:{cloud.port}/{key}",
        headers={"Host": host, "X-Forwarded-Proto": scheme},
        redirect=False,
    )


def _speak_without_tls(cloud: Cloud) -> None:
    """Take away the statement that demands TLS: the emulator speaks plain HTTP to itself."""
    s3 = cloud.client("s3")
    policy: dict[str, Any] = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "NothingWithoutTls"]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
