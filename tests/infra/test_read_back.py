"""What the templates made in an emulated AWS, read back thing by thing, and what the emulator leaves out, by name."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.host.bucket import RIGHTS_TO_COMPARE
from app.host.s3 import S3Store
from app.settings import S3
from tests.infra.conftest import Cloud
from tests.infra.test_applied import BUCKET, PARAMETERS, apply_template

Template = dict[str, Any]


@pytest.fixture(scope="module")
def made(cloud: Cloud) -> dict[str, str]:
    """Outputs of a media stack of its own."""
    return apply_template(cloud, "read", PARAMETERS | {"BucketName": f"{BUCKET}-read"})


def _lifecycle(cloud: Cloud) -> Any:
    return cloud.client("s3").get_bucket_lifecycle_configuration(Bucket=f"{BUCKET}-read")["Rules"]


def _bucket_key(cloud: Cloud) -> Any:
    found = cloud.client("s3").get_bucket_encryption(Bucket=f"{BUCKET}-read")
    return found["ServerSideEncryptionConfiguration"]["Rules"][0]["BucketKeyEnabled"]


def _alarms(cloud: Cloud) -> Any:
    return cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]


# What the template says, the emulator leaves out, and another test shows instead.
LEFT_OUT: dict[str, tuple[Callable[[Cloud], Any], Any, str]] = {
    "lifecycle": (_lifecycle, "NoSuchLifecycleConfiguration", "tests/contract: run for real on SeaweedFS and Ceph"),
    "bucket key": (_bucket_key, False, "checkov and cfn-lint read the template"),
    "alarms": (_alarms, [], "cfn-lint reads the template"),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_the_emulator_leaves_out_is_known(made: dict[str, str], cloud: Cloud, what: str) -> None:
    """Fails when the emulator has learnt it: then it can be read back."""
    read, instead, _ = LEFT_OUT[what]
    try:
        found = read(cloud)
    except ClientError as error:
        found = error.response["Error"]["Code"]
    assert found == instead


def test_the_bucket_is_as_the_template_says(made: dict[str, str], cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), made["BucketName"]
    owner = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    (cors,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert cors["AllowedOrigins"] == [PARAMETERS["WebOrigin"]]
    assert cors["AllowedMethods"] == ["PUT"]


def test_only_this_distribution_may_read_and_only_renditions(made: dict[str, str], cloud: Cloud) -> None:
    policy = json.loads(cloud.client("s3").get_bucket_policy(Bucket=made["BucketName"])["Policy"])
    statements = {each["Sid"]: each for each in policy["Statement"]}
    arn = f"arn:aws:s3:::{made['BucketName']}"
    assert set(statements) == {"NothingWithoutTls", "CloudFrontReadsMedia", "CloudFrontTellsMissingFromForbidden"}
    assert statements["NothingWithoutTls"]["Effect"] == "Deny"
    assert statements["NothingWithoutTls"]["Resource"] == [arn, f"{arn}/*"]
    reading = statements["CloudFrontReadsMedia"]
    assert reading["Resource"] == f"{arn}/{S3().media_prefix}*"
    source = reading["Condition"]["StringEquals"]["AWS:SourceArn"]
    assert source.endswith(f":distribution/{made['DistributionId']}")


def test_the_distribution_is_as_the_template_says(made: dict[str, str], cloud: Cloud) -> None:
    cloudfront = cloud.client("cloudfront")
    config = cloudfront.get_distribution(Id=made["DistributionId"])["Distribution"]["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    assert behavior["ViewerProtocolPolicy"] == "https-only"
    assert behavior["Compress"] is False
    assert sorted(behavior["AllowedMethods"]["Items"]) == ["GET", "HEAD"]
    assert {each["ErrorCode"]: each["ErrorCachingMinTTL"] for each in config["CustomErrorResponses"]["Items"]} == {
        403: 0,
        404: 0,
    }
    (origin,) = config["Origins"]["Items"]
    access = cloudfront.get_origin_access_control(Id=origin["OriginAccessControlId"])["OriginAccessControl"]
    assert access["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    headers = cloudfront.get_response_headers_policy(Id=behavior["ResponseHeadersPolicyId"])["ResponseHeadersPolicy"]
    security = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert security["ContentSecurityPolicy"]["ContentSecurityPolicy"] == "default-src 'none'; sandbox"
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31_536_000


@pytest.mark.parametrize(("who", "more"), [("Web", ()), ("Worker", RIGHTS_TO_COMPARE)])
def test_the_rights_are_those_of_the_adapter(
    made: dict[str, str], cloud: Cloud, who: str, more: tuple[str, ...]
) -> None:
    iam = cloud.client("iam")
    arn = made[f"{who}PolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    found: dict[str, set[str]] = {}
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        for resource in [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]:
            found.setdefault(resource, set()).update(statement["Action"])
    bucket = f"arn:aws:s3:::{made['BucketName']}"
    distribution = next(each for each in found if ":cloudfront:" in each)
    assert distribution.endswith(f":distribution/{made['DistributionId']}")
    assert found == {
        bucket: {*S3Store.RIGHTS_ON_BUCKET, *more},
        f"{bucket}/{S3().media_prefix}*": set(S3Store.RIGHTS_ON_OBJECTS),
        f"{bucket}/{S3().originals_prefix}*": set(S3Store.RIGHTS_ON_OBJECTS),
        f"{bucket}/incoming/*": set(S3Store.RIGHTS_ON_INCOMING),
        distribution: set(S3Store.RIGHTS_ON_DISTRIBUTION),
    }


def test_the_cdn_is_told_to_forget(made: dict[str, str], cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFRONT", cloud.options["endpoint_url"])
    distribution = made["DistributionId"]
    store = S3Store(S3(), public_base_url="", access_key="test", secret_key="test", distribution_id=distribution)
    store.uncache(["m/one.jpg", "m/two.jpg"])
    cloudfront = cloud.client("cloudfront")
    (told,) = cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"]["Items"]
    asked = cloudfront.get_invalidation(DistributionId=distribution, Id=told["Id"])["Invalidation"]
    assert asked["InvalidationBatch"]["Paths"]["Items"] == ["/m/one.jpg", "/m/two.jpg"]


UNKNOWN_TO_THE_EMULATOR = {"AWS::EC2::EIP", "AWS::EC2::NatGateway"}
"""Types of egress.yaml that ministack's CloudFormation does not make; guard's rule reads them in the template."""


def test_what_the_emulator_cannot_make_of_the_network_is_known(cloud: Cloud, egress_template: Template) -> None:
    with pytest.raises(ClientError, match="Unrecognized resource types") as refused:
        apply_template(cloud, "network", {}, json.dumps(egress_template))
    assert set(re.findall(r"AWS::\w+::\w+", str(refused.value))) == UNKNOWN_TO_THE_EMULATOR


def test_the_rest_of_the_network_is_made_and_s3_is_reached_past_the_nat_gateway(
    cloud: Cloud, egress_template: Template
) -> None:
    rest = copy.deepcopy(egress_template)
    resources = rest["Resources"]
    left_out = {name for name, each in resources.items() if each["Type"] in UNKNOWN_TO_THE_EMULATOR}
    # What refers to them goes with them: the way out of the private subnet, and the address to tell OpenMarket.
    for name in [*left_out, *(each for each in resources if _refers(resources[each], left_out))]:
        resources.pop(name, None)
    rest["Outputs"] = {name: each for name, each in rest["Outputs"].items() if not _refers(each, left_out)}
    made = apply_template(cloud, "rest", {}, json.dumps(rest))
    ec2 = cloud.client("ec2")
    (private,) = ec2.describe_subnets(SubnetIds=[made["PrivateSubnet"]])["Subnets"]
    assert private["CidrBlock"] == "10.20.1.0/24"
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [private["VpcId"]]}])["RouteTables"]
    doors = [
        route["GatewayId"]
        for table in tables
        for route in table["Routes"]
        if route.get("GatewayId", "").startswith("igw-")
    ]
    assert len(doors) == 1  # of the public subnet alone
    (endpoint,) = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert endpoint["ServiceName"] == "com.amazonaws.us-east-1.s3"
    assert endpoint["VpcEndpointType"] == "Gateway"


def _refers(resource: dict[str, Any], names: set[str]) -> bool:
    written = json.dumps(resource)
    return any(f'"Ref": "{name}"' in written or f'"Fn::GetAtt": ["{name}"' in written for name in names)
